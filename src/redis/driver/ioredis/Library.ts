/**
 * What is used of ioredis. Version 5 speaks RESP2. Version 6 also reads RESP3, if its parser is set so before the socket is
 * connected.
 *
 * @internal
 */

import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import type { Command, Redis, RedisOptions } from "ioredis"
import type { SocketTarget } from "../dial/SocketTarget.js"

export interface Library {
  readonly Redis: typeof Redis
  readonly Command: typeof Command
}

/** One client with its end, and the first error that it has reported. */
export interface Client {
  readonly redis: Redis
  readonly closed: Deferred.Deferred<void>
  readonly firstError: () => unknown
}

/** Switches off what stands above a socket and a protocol. The login is sent by `Login`, so that its replies are seen. */
const lowLevel: Omit<RedisOptions, "replyMapping"> = {
  lazyConnect: true,
  retryStrategy: () => null,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  enableReadyCheck: false,
  disableClientInfo: true,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  // the dial has a deadline of its own
  connectTimeout: 0,
  // after bytes that are no Redis protocol, do not wait for the other side to close
  disconnectTimeout: 0,
  // see Decoding
  stringNumbers: true,
  // a login by ioredis 6 itself would write to the console where a server has no RESP3
  protocol: 2
}

const ignore = () => {}

/** Makes a client that is not connected. Its end is the end of the scope at the latest. */
export const make = ({ Redis }: Library, target: SocketTarget): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const redis = new Redis({ ...target, ...lowLevel })
      const closed = Deferred.unsafeMake<void>(FiberId.none)
      let firstError: unknown
      redis.on("error", (error) => {
        firstError ??= error
      })
      redis.once("end", () => Deferred.unsafeDone(closed, Exit.void))
      return { redis, closed, firstError: () => firstError }
    }),
    ({ redis }) =>
      Effect.sync(() => {
        redis.disconnect()
        redis.stream?.destroy()
      })
  )

/** Whether this ioredis reads RESP3. The setting is the parser's: which protocol a server speaks is for the login to say. */
export const readsResp3 = ({ redis }: Client): boolean => redis.condition !== null && "replyMapping" in redis.condition

/** Connects the socket, without any command. Fails when the client has ended. */
export const connect = (client: Client): Effect.Effect<void, "ended"> =>
  Effect.async((resume) => {
    const { redis } = client
    redis.once("ready", () => {
      // ioredis listens to the first error of a socket only
      redis.stream.on("error", ignore)
      resume(Effect.void)
    })
    redis.once("end", () => resume(Effect.fail("ended")))
    redis.connect().catch(ignore)
    if (redis.condition !== null && "replyMapping" in redis.condition) redis.condition.replyMapping = "resp3"
  })

/** Sends a command at once, and answers with its texts decoded. */
export const send = (
  { Command }: Library,
  { redis }: Client,
  command: string,
  args: ReadonlyArray<string>
): Promise<unknown> => {
  const sent = new Command(command, [...args], { replyEncoding: "utf8" })
  redis.sendCommand(sent)
  return sent.promise
}
