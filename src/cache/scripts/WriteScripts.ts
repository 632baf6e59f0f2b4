/**
 * The scripts that write and invalidate values (rules 6 to 8 of docs/protocol.md). Each ends the lease of the key, so that
 * an earlier load cannot store its value, and publishes a message to the other processes.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as RedisScript from "../../redis/RedisScript.js"
import * as ServerTime from "../../redis/ServerTime.js"
import { keys, luaTell, luaText, type Target, type TokenedEntry, text, tokenedEntryArguments } from "./CacheScript.js"

/**
 * Rule 6. Deletes value and lease, and publishes the message. Answers how many of the two existed.
 *
 * @since 0.1.0
 * @category scripts
 */
export const invalidate = RedisScript.make({
  name: "cache.invalidate",
  idempotent: true,
  keys: (input: Target & { readonly message: string }) => keys(input),
  args: (input) => [input.channel, input.message],
  lua: `${luaTell}
local deleted = redis.call("DEL", KEYS[1], KEYS[2])
tell(ARGV[1], ARGV[2])
return deleted
`,
  reply: Schema.Int,
  model: ({ args: [channel = "", message = ""], call, keys: [key = "", lease = ""] }) => {
    const deleted = call("DEL", key, lease)
    call("PUBLISH", channel, message)
    return deleted
  }
})

/**
 * Rule 7. Stores the value, ends the lease and publishes the message. Does nothing when the server's clock is past
 * `deadline` (milliseconds): its caller has returned, and a later write may be stored. Answers 1 if it stored, else 0.
 *
 * @since 0.1.0
 * @category scripts
 */
export const set = RedisScript.make({
  name: "cache.set",
  idempotent: false,
  hasServerTime: true,
  keys: (
    input: Target & {
      readonly body: string
      readonly keepMillis: number
      /** the clear marker as last seen */
      readonly floor: number
      /** the time of creation, where another server's clock decides it; else it is the time of the script, after the floor */
      readonly created?: number | undefined
      /** by the clock of the server that runs the script */
      readonly deadline: number
      readonly message: string
      readonly now?: number
    }
  ) => keys(input),
  args: (input) => [
    input.body,
    input.keepMillis,
    input.deadline,
    input.channel,
    input.message,
    input.floor,
    input.now ?? "",
    input.created ?? ""
  ],
  lua: `${ServerTime.luaMillis}${luaTell}
local time = millis(ARGV[7])
if time > tonumber(ARGV[3]) then return 0 end
local created = tonumber(ARGV[8]) or math.max(time, tonumber(ARGV[6]) + 1)
redis.call("SET", KEYS[1], '{"created":' .. string.format("%.0f", created) .. ',' .. ARGV[1], "PX", ARGV[2])
redis.call("DEL", KEYS[2])
tell(ARGV[4], ARGV[5])
return 1
`,
  reply: Schema.Int,
  model: (context) => {
    const {
      args,
      call,
      keys: [key = "", lease = ""]
    } = context
    const [body = "", keepMillis = "", deadline = "", channel = "", message = "", floor = "", given, stamp = ""] = args
    const time = ServerTime.millis(context, given)
    if (time > Number(deadline)) return 0
    const created = stamp === "" ? Math.max(time, Number(floor) + 1) : Number(stamp)
    call("SET", key, `{"created":${created},${body}`, "PX", keepMillis)
    call("DEL", lease)
    call("PUBLISH", channel, message)
    return 1
  }
})

/**
 * Rule 8, first half. Deletes the value, and replaces any lease by the update's token. Answers the creation time of the new
 * entry.
 *
 * @since 0.1.0
 * @category scripts
 */
export const begin = RedisScript.make({
  name: "cache.begin",
  idempotent: true,
  keys: (
    input: Target & {
      readonly token: string
      readonly leaseMillis: number
      readonly floor: number
      readonly now?: number
    }
  ) => keys(input),
  args: (input) => [input.token, input.leaseMillis, input.floor, input.now ?? ""],
  lua: `${ServerTime.luaMillis}
redis.call("DEL", KEYS[1])
redis.call("SET", KEYS[2], ARGV[1], "PX", ARGV[2])
return string.format("%.0f", math.max(millis(ARGV[4]), tonumber(ARGV[3]) + 1))
`,
  reply: Schema.NumberFromString,
  model: (context) => {
    const {
      args,
      call,
      keys: [key = "", lease = ""]
    } = context
    call("DEL", key)
    call("SET", lease, args[0] ?? "", "PX", args[1] ?? "")
    return String(Math.max(ServerTime.millis(context, args[3]), Number(args[2]) + 1))
  }
})

/**
 * Rule 8, second half. Stores the value if the token still holds the lease. Otherwise another writer came between, and value
 * and lease are deleted. Publishes the message. Answers 1 if it stored, else 0.
 *
 * @since 0.1.0
 * @category scripts
 */
export const finish = RedisScript.make({
  name: "cache.finish",
  idempotent: false,
  keys: (input: TokenedEntry) => keys(input),
  args: tokenedEntryArguments,
  lua: `${luaText}${luaTell}
local mine = text(KEYS[2]) == ARGV[1]
redis.call("DEL", KEYS[1], KEYS[2])
if mine then redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3]) end
tell(ARGV[4], ARGV[5])
return mine and 1 or 0
`,
  reply: Schema.Int,
  model: ({
    args: [token = "", entry = "", keepMillis = "", channel = "", message = ""],
    call,
    keys: [key = "", lease = ""]
  }) => {
    const mine = text({ call }, lease) === token
    call("DEL", key, lease)
    if (mine) call("SET", key, entry, "PX", keepMillis)
    call("PUBLISH", channel, message)
    return mine ? 1 : 0
  }
})
