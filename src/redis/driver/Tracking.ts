/**
 * CLIENT TRACKING over a connection that speaks RESP2 and redirects what is pushed to itself. So one connection is enough, no
 * database is ruled out, and ioredis can read it, which drops what is pushed by RESP3.
 *
 * @internal
 */

/** Builds `RedisSubscriberConnection.track` of what sends CLIENT with these arguments. */
export const over =
  (client: (args: ReadonlyArray<string>) => Promise<unknown>) =>
  async (prefixes: ReadonlyArray<string>): Promise<unknown> => {
    const id = String(await client(["ID"]))
    return client(["TRACKING", "ON", "REDIRECT", id, "BCAST", ...prefixes.flatMap((prefix) => ["PREFIX", prefix])])
  }

/** Hands each key of a push to a listener, or the empty text where the server has removed all keys. */
export const forEach = (keys: unknown, listener: (key: string) => void): void => {
  if (Array.isArray(keys)) for (const key of keys) listener(String(key))
  else listener("")
}
