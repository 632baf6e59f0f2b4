/**
 * Loading a value under a lease (rules 3 to 5 of docs/protocol.md). The lease protocol is that of R. Nishtala et al.,
 * "Scaling Memcache at Facebook" (NSDI 2013), section 3.2.1: a fill counts only while its lease stands, and every
 * invalidation takes the lease away.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as RedisScript from "../../redis/RedisScript.js"
import * as ServerTime from "../../redis/ServerTime.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import { keys, luaTell, luaText, type Target, type TokenedEntry, text, tokenedEntryArguments } from "./CacheScript.js"

/** What an acquire answers: a newer value, the lease with the time from which the entry counts, or that it is held. */
const Acquired = Schema.Union(
  Schema.Tuple(Schema.Literal("value"), Schema.NumberFromString),
  Schema.Tuple(Schema.Literal("granted"), Schema.NumberFromString),
  Schema.Tuple(Schema.Literal("held"))
)

/**
 * Rule 3. Answers the value if one with a birth after `newerThan` is there, else grants the lease (again, if the token
 * holds it already), else says that it is held.
 *
 * An entry is born at the time of its lease, and in any case after the clear marker that its caller has seen (`floor`): a
 * hybrid of clock and counter, as in S. Kulkarni et al., "Logical Physical Clocks" (OPODIS 2014), so that two things in
 * one millisecond still have an order. Nothing but a marker may push a birth ahead of the clock, since only the next
 * marker knows to stay ahead of the last one.
 *
 * @since 0.1.0
 * @category scripts
 */
export const acquire = RedisScript.make({
  name: "cache.acquire",
  idempotent: true,
  // the lookups that follow are gathered
  inOneGo: true,
  keys: (
    input: Target & {
      readonly token: string
      readonly leaseMillis: number
      readonly newerThan: number
      readonly floor: number
      readonly now?: number
    }
  ) => keys(input),
  args: (input) => [input.token, input.leaseMillis, input.newerThan, input.floor, input.now ?? ""],
  lua: `${ServerTime.luaMillis}${luaText}${CacheEntry.luaCreatedOf}
local value = text(KEYS[1])
local created = value and createdOf(value) or 0
if created > tonumber(ARGV[3]) then return {"value", string.format("%.0f", created)} end
local holder = text(KEYS[2])
if holder and holder ~= ARGV[1] then return {"held"} end
redis.call("SET", KEYS[2], ARGV[1], "PX", ARGV[2])
return {"granted", string.format("%.0f", math.max(millis(ARGV[5]), tonumber(ARGV[4]) + 1))}
`,
  reply: Acquired,
  model: (context) => {
    const {
      args,
      call,
      keys: [key = "", lease = ""]
    } = context
    const [token = "", leaseMillis = "", newerThan = "", floor = "", given] = args
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
 * Rule 4. Prolongs the lease while its token holds it; says whether it does.
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
 * Rule 4. Gives the lease back if the token still holds it, and wakes who waits for it.
 *
 * @since 0.1.0
 * @category scripts
 */
export const release = RedisScript.make({
  name: "cache.release",
  idempotent: true,
  keys: (input: Target & { readonly token: string; readonly message: string }) => [input.lease],
  args: (input) => [input.token, input.channel, input.message],
  lua: `${luaText}${luaTell}
if text(KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("DEL", KEYS[1])
tell(ARGV[2], ARGV[3])
return 1
`,
  reply: Schema.Int,
  model: ({ args: [token = "", channel = "", message = ""], call, keys: [lease = ""] }) => {
    if (text({ call }, lease) !== token) return 0
    call("DEL", lease)
    call("PUBLISH", channel, message)
    return 1
  }
})

/**
 * Rule 5. Stores the value if the lease holds the token, ends the lease and wakes who waits; says whether it stored.
 *
 * @since 0.1.0
 * @category scripts
 */
export const fill = RedisScript.make({
  name: "cache.fill",
  idempotent: false,
  keys: (input: TokenedEntry) => keys(input),
  args: tokenedEntryArguments,
  lua: `${luaText}${luaTell}
if text(KEYS[2]) ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3])
redis.call("DEL", KEYS[2])
tell(ARGV[4], ARGV[5])
return 1
`,
  reply: Schema.Int,
  model: ({
    args: [token = "", entry = "", keepMillis = "", channel = "", message = ""],
    call,
    keys: [key = "", lease = ""]
  }) => {
    if (text({ call }, lease) !== token) return 0
    call("SET", key, entry, "PX", keepMillis)
    call("DEL", lease)
    call("PUBLISH", channel, message)
    return 1
  }
})
