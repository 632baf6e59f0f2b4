/**
 * The scripts that write and invalidate values (rules 6 to 8 of docs/protocol.md). Each ends the lease of the key, so that
 * an earlier load cannot store its value, and publishes a message to the other processes.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as RedisScript from "../../redis/RedisScript.js"
import * as ServerTime from "../../redis/ServerTime.js"
import {
  entryText,
  groupOf,
  keys,
  linesOf,
  listed,
  luaLists,
  luaTell,
  luaText,
  luaTexts,
  type Target,
  type TokenedEntry,
  text
} from "./CacheScript.js"

/**
 * Rule 6. Deletes value and lease, and publishes the message. Answers how many of the two existed.
 *
 * @since 0.1.0
 * @category scripts
 */
export const invalidate = RedisScript.makeBatched({
  name: "cache.invalidate",
  idempotent: true,
  groupOf,
  sharesKeys: true,
  keys: (inputs: ReadonlyArray<Target & { readonly message: string }>) => inputs.flatMap(keys),
  args: (inputs) => [inputs[0]?.channel ?? "", ...inputs.map(({ message }) => message)],
  lua: `${luaTell}
local replies, messages = {}, {}
for i = 1, #KEYS / 2 do
  local deleted = redis.pcall("DEL", KEYS[2 * i - 1], KEYS[2 * i])
  local err = type(deleted) == "table" and deleted.err
  replies[i] = err or deleted
  if not err then messages[#messages + 1] = ARGV[i + 1] end
end
tell(ARGV[1], messages)
return replies
`,
  reply: Schema.Int,
  model: ({ args: [channel = "", message = ""], call, keys: [key = "", lease = ""] }) => {
    const deleted = call("DEL", key, lease)
    call("PUBLISH", channel, message)
    return deleted
  }
})

/** In the place of a creation time: the time of the script, after the floor. */
const atPresent = 0

/**
 * Rule 7. Stores the value, ends the lease and publishes the message. Does nothing when the server's clock is past
 * `deadline` (milliseconds): its caller has returned, and a later write may be stored. Answers 1 if it stored, else 0.
 *
 * @since 0.1.0
 * @category scripts
 */
export const set = RedisScript.makeBatched({
  name: "cache.set",
  idempotent: false,
  hasServerTime: true,
  groupOf,
  // the values are stored in the order of the calls, and the end of a lease is the same twice
  sharesKeys: true,
  length: ({ body }) => body.length,
  keys: (
    inputs: ReadonlyArray<
      Target & {
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
    >
  ) => inputs.flatMap(keys),
  args: (inputs) => [
    inputs[0]?.channel ?? "",
    inputs.reduce((floor, input) => Math.max(floor, input.floor), 0),
    inputs[0]?.now ?? "",
    listed(inputs, ({ keepMillis }) => keepMillis),
    listed(inputs, ({ deadline }) => deadline),
    listed(inputs, ({ created = atPresent }) => created),
    linesOf(inputs),
    ...inputs.map(({ body }) => body)
  ],
  lua: `${ServerTime.luaMillis}${luaTexts}${luaLists}
local time = millis(ARGV[3])
local function head(created)
  return '{"created":' .. string.format("%.0f", created) .. ','
end
local present = head(math.max(time, tonumber(ARGV[2]) + 1))
local keeps, deadlines, times = list(ARGV[4]), list(ARGV[5]), list(ARGV[6])
local replies, ended = {}, {}
for i = 1, #KEYS / 2 do
  replies[i] = 0
  if time <= tonumber(deadlines[i] or deadlines[1]) then
    local created = times[i] or times[1]
    local start = created == "${atPresent}" and present or head(tonumber(created))
    local err = redis.pcall("SET", KEYS[2 * i - 1], start .. ARGV[7 + i], "PX", keeps[i] or keeps[1]).err
    replies[i] = err or 1
    if not err then ended[#ended + 1] = KEYS[2 * i] end
  end
end
delete(ended)
tellDone(ARGV[1], ARGV[7], replies, #ended)
return replies
`,
  reply: Schema.Int,
  model: (context) => {
    const {
      args,
      call,
      keys: [key = "", lease = ""]
    } = context
    const [channel = "", floor = "", given, keepMillis = "", deadline = "", stamp = "", message = "", body = ""] = args
    const time = ServerTime.millis(context, given)
    if (time > Number(deadline)) return 0
    const created = Number(stamp) === atPresent ? Math.max(time, Number(floor) + 1) : Number(stamp)
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
  args: (input) => [input.token, entryText(input), input.keepMillis, input.channel, input.message],
  lua: `${luaText}${luaTell}
local mine = text(KEYS[2]) == ARGV[1]
redis.call("DEL", KEYS[1], KEYS[2])
if mine then redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3]) end
tell(ARGV[4], {ARGV[5]})
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
