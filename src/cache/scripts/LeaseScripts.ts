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
import { keys, luaTell, luaText, type Target, type TokenedEntry, text, tokenedEntryArguments } from "./CacheScript.js"

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
export const acquire = RedisScript.make({
  name: "cache.acquire",
  idempotent: true,
  // the lookups that follow share a batch
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
 * Rule 5. Stores the value if the token holds the lease, ends the lease and wakes its waiters. Answers 1 if it stored, else 0.
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
