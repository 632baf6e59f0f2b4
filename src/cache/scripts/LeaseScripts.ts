/**
 * The scripts of a load under a lease (rules 3 to 5 of docs/protocol.md). The lease protocol is that of R. Nishtala et al.,
 * "Scaling Memcache at Facebook" (NSDI 2013), section 3.2.1: a fill stores only under its lease, and every invalidation
 * deletes the lease.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as RedisScript from "../../redis/RedisScript.js"
import * as ServerTime from "../../redis/ServerTime.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import {
  entryText,
  groupOf,
  keys,
  linesOf,
  listed,
  luaLists,
  luaText,
  luaTexts,
  type Target,
  type TokenedEntry,
  text
} from "./CacheScript.js"

/**
 * The reply of `acquire`.
 *
 * @since 0.2.0
 * @category models
 */
export type Acquired = typeof Acquired.Type

/** The reply: the creation time of a newer value, the creation time of the entry to load, or that the lease is held. */
const Acquired = Schema.Union(
  Schema.Tuple(Schema.Literal("value"), Schema.NumberFromString),
  Schema.Tuple(Schema.Literal("granted"), Schema.NumberFromString),
  Schema.Tuple(Schema.Literal("held"))
)

/**
 * Rule 3. Reports a value that was created after `newerThan`. Otherwise grants the lease, also to the token that holds it,
 * or reports that it is held.
 *
 * An entry is created at the time of its lease, and after the clear marker that its caller has seen (`floor`). This is a
 * hybrid of clock and counter, as in S. Kulkarni et al., "Logical Physical Clocks" (OPODIS 2014): two events in one
 * millisecond still have an order. Only the clear marker may put a creation time ahead of the clock, since the next marker
 * exceeds the last one.
 *
 * @since 0.1.0
 * @category scripts
 */
export const acquire = RedisScript.makeBatched({
  name: "cache.acquire",
  idempotent: true,
  // the lookups that follow share a batch
  inOneGo: true,
  groupOf,
  keys: (
    inputs: ReadonlyArray<
      Target & {
        readonly token: string
        readonly leaseMillis: number
        readonly newerThan: number
        readonly floor: number
        readonly now?: number
      }
    >
  ) => inputs.flatMap(keys),
  args: (inputs) => [
    inputs.reduce((floor, input) => Math.max(floor, input.floor), 0),
    inputs[0]?.now ?? "",
    listed(inputs, ({ leaseMillis }) => leaseMillis),
    listed(inputs, ({ newerThan }) => newerThan),
    ...inputs.map(({ token }) => token)
  ],
  lua: `${ServerTime.luaMillis}${luaTexts}${luaLists}${CacheEntry.luaCreatedOf}
local times, bounds = list(ARGV[3]), list(ARGV[4])
local found = texts(KEYS)
local granted = string.format("%.0f", math.max(millis(ARGV[2]), tonumber(ARGV[1]) + 1))
local replies = {}
for i = 1, #KEYS / 2 do
  local token, value, holder = ARGV[4 + i], found[2 * i - 1], found[2 * i]
  local created = value and createdOf(value) or 0
  if created > tonumber(bounds[i] or bounds[1]) then
    replies[i] = {"value", string.format("%.0f", created)}
  elseif holder and holder ~= token then
    replies[i] = {"held"}
  else
    replies[i] = redis.pcall("SET", KEYS[2 * i], token, "PX", times[i] or times[1]).err or {"granted", granted}
  end
end
return replies
`,
  reply: Acquired,
  model: (context) => {
    const {
      args,
      call,
      keys: [key = "", lease = ""]
    } = context
    const [floor = "", given, leaseMillis = "", newerThan = "", token = ""] = args
    const value = text({ call }, key)
    const created = value === undefined ? 0 : CacheEntry.createdAtOf(value)
    if (created > Number(newerThan)) return ["value", String(created)]
    const holder = text({ call }, lease)
    if (holder !== undefined && holder !== token) return ["held"]
    call("SET", lease, token, "PX", leaseMillis)
    return ["granted", String(Math.max(ServerTime.millis(context, given), Number(floor) + 1))]
  }
})

/**
 * Rule 4. Extends the lease if the token still holds it. Answers 1 if it does, else 0.
 *
 * @since 0.1.0
 * @category scripts
 */
export const renew = RedisScript.make({
  name: "cache.renew",
  idempotent: true,
  keys: (input: Target & { readonly token: string; readonly leaseMillis: number }) => [input.lease],
  args: (input) => [input.token, input.leaseMillis],
  lua: `${luaText}
if text(KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("PEXPIRE", KEYS[1], ARGV[2])
`,
  reply: Schema.Int,
  model: ({ args: [token = "", leaseMillis = ""], call, keys: [lease = ""] }) =>
    text({ call }, lease) === token ? call("PEXPIRE", lease, leaseMillis) : 0
})

/**
 * Rule 4. Releases the lease if the token still holds it, and wakes its waiters.
 *
 * @since 0.1.0
 * @category scripts
 */
export const release = RedisScript.makeBatched({
  name: "cache.release",
  idempotent: true,
  groupOf,
  keys: (inputs: ReadonlyArray<Target & { readonly token: string; readonly message: string }>) =>
    inputs.map(({ lease }) => lease),
  args: (inputs) => [inputs[0]?.channel ?? "", linesOf(inputs), ...inputs.map(({ token }) => token)],
  lua: `${luaTexts}${luaLists}
local holders = texts(KEYS)
local replies, ended = {}, {}
for i, lease in ipairs(KEYS) do
  replies[i] = 0
  if holders[i] == ARGV[2 + i] then
    ended[#ended + 1], replies[i] = lease, 1
  end
end
delete(ended)
tellDone(ARGV[1], ARGV[2], replies, #ended)
return replies
`,
  reply: Schema.Int,
  model: ({ args: [channel = "", message = "", token = ""], call, keys: [lease = ""] }) => {
    if (text({ call }, lease) !== token) return 0
    call("DEL", lease)
    call("PUBLISH", channel, message)
    return 1
  }
})

/**
 * Rule 5. Stores the value if the token holds the lease, ends the lease and wakes its waiters. Answers 1 if it stored, else 0.
 *
 * @since 0.1.0
 * @category scripts
 */
export const fill = RedisScript.makeBatched({
  name: "cache.fill",
  idempotent: false,
  groupOf,
  length: ({ body }) => body.length,
  // the leases first, which are read by one command
  keys: (inputs: ReadonlyArray<TokenedEntry>) => [...inputs.map(({ lease }) => lease), ...inputs.map(({ key }) => key)],
  args: (inputs) => [
    inputs[0]?.channel ?? "",
    listed(inputs, ({ keepMillis }) => keepMillis),
    linesOf(inputs),
    ...inputs.map(({ token }) => token),
    ...inputs.map(entryText)
  ],
  lua: `${luaTexts}${luaLists}
local count = #KEYS / 2
local holders = texts({unpack(KEYS, 1, count)})
local keeps = list(ARGV[2])
local replies, ended = {}, {}
for i = 1, count do
  replies[i] = 0
  if holders[i] == ARGV[3 + i] then
    local entry = ARGV[3 + count + i]
    local err = redis.pcall("SET", KEYS[count + i], entry, "PX", keeps[i] or keeps[1]).err
    replies[i] = err or 1
    if not err then ended[#ended + 1] = KEYS[i] end
  end
end
delete(ended)
tellDone(ARGV[1], ARGV[3], replies, #ended)
return replies
`,
  reply: Schema.Int,
  model: ({
    args: [channel = "", keepMillis = "", message = "", token = "", entry = ""],
    call,
    keys: [lease = "", key = ""]
  }) => {
    if (text({ call }, lease) !== token) return 0
    call("SET", key, entry, "PX", keepMillis)
    call("DEL", lease)
    call("PUBLISH", channel, message)
    return 1
  }
})
