/**
 * Stores and deletes strings, and leaves keys of other types such as boards unchanged.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as RedisScript from "../redis/RedisScript.js"

// the reply is a table on some servers and a text on others
const luaType = `
local kind = redis.call("TYPE", KEYS[1])
if type(kind) == "table" then kind = kind.ok end
`

/**
 * Stores a text for `ttlMillis`, unless the key holds another type. Replies 1 on success, 0 otherwise.
 *
 * @since 0.1.0
 * @category scripts
 */
export const set = RedisScript.make({
  name: "rawKeys.set",
  idempotent: true,
  keys: ({ key }: { readonly key: string; readonly text: string; readonly ttlMillis: number }) => [key],
  args: ({ text, ttlMillis }) => [text, ttlMillis],
  lua: `${luaType}
    if kind ~= "none" and kind ~= "string" then return 0 end
    redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
    return 1
  `,
  reply: Schema.Int,
  model: ({ args: [text = "", ttl = ""], call, keys: [key = ""] }) => {
    const kind = call("TYPE", key)
    if (kind !== "none" && kind !== "string") return 0
    call("SET", key, text, "PX", ttl)
    return 1
  }
})

/**
 * Deletes a key, unless it holds another type. Replies 1 when the key is absent afterwards, 0 otherwise.
 *
 * @since 0.1.0
 * @category scripts
 */
export const del = RedisScript.make({
  name: "rawKeys.del",
  idempotent: true,
  keys: ({ key }: { readonly key: string }) => [key],
  args: () => [],
  lua: `${luaType}
    if kind ~= "none" and kind ~= "string" then return 0 end
    redis.call("DEL", KEYS[1])
    return 1
  `,
  reply: Schema.Int,
  model: ({ call, keys: [key = ""] }) => {
    const kind = call("TYPE", key)
    if (kind !== "none" && kind !== "string") return 0
    call("DEL", key)
    return 1
  }
})
