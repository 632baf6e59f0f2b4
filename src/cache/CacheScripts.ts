/**
 * The atomic operations of the cache protocol (docs/protocol.md). Each touches one value `K` and its lease `{K}:lease`,
 * which share a slot, and tells the cache's channel what it did. A publish that the server refuses for lack of rights
 * neither undoes nor hides the write.
 *
 * The lease protocol is that of R. Nishtala et al., "Scaling Memcache at Facebook" (NSDI 2013), section 3.2.1: a fill
 * counts only while its lease stands, and every invalidation takes the lease away.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { ScriptContext } from "../redis/RedisScript.js"
import * as RedisScript from "../redis/RedisScript.js"
import * as CacheEntry from "./CacheEntry.js"

/**
 * Which value, and who is told.
 *
 * @since 0.1.0
 * @category models
 */
export interface Target {
  readonly key: string
  readonly lease: string
  readonly channel: string
}

/** Time in milliseconds: the server's, unless a test gives one. */
const luaNow = `
local function now(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return math.floor(tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000)
end
`
const luaTell = `
local function tell(channel, message)
  redis.pcall("PUBLISH", channel, message)
end
`

const keys = (target: Target) => [target.key, target.lease]

const now = ({ call }: ScriptContext, given: string | undefined): number => {
  if (given !== undefined && given !== "") return Number(given)
  const time = call("TIME")
  const [seconds, micros] = Array.isArray(time) ? time : []
  return Math.floor(Number(seconds) * 1000 + Number(micros) / 1000)
}

/**
 * What an acquire answers: a newer value, the lease with the time from which the entry counts, or that it is held.
 *
 * @since 0.1.0
 * @category models
 */
export const Acquired = Schema.Union(
  Schema.Tuple(Schema.Literal("value"), Schema.String),
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
  lua: `${luaNow}${CacheEntry.luaCreatedOf}
local value = redis.call("GET", KEYS[1])
if value and createdOf(value) > tonumber(ARGV[3]) then return {"value", value} end
local holder = redis.call("GET", KEYS[2])
if holder and holder ~= ARGV[1] then return {"held"} end
redis.call("SET", KEYS[2], ARGV[1], "PX", ARGV[2])
return {"granted", string.format("%.0f", math.max(now(ARGV[5]), tonumber(ARGV[4]) + 1))}
`,
  reply: Acquired,
  model: (context) => {
    const {
      args,
      call,
      keys: [key = "", lease = ""]
    } = context
    const [token = "", leaseMillis = "", newerThan = "", floor = "", given] = args
    const value = call("GET", key)
    if (typeof value === "string" && CacheEntry.createdOf(value) > Number(newerThan)) return ["value", value]
    const holder = call("GET", lease)
    if (holder !== null && holder !== token) return ["held"]
    call("SET", lease, token, "PX", leaseMillis)
    return ["granted", String(Math.max(now(context, given), Number(floor) + 1))]
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
  lua: `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("PEXPIRE", KEYS[1], ARGV[2])
`,
  reply: Schema.Int,
  model: ({ args: [token = "", leaseMillis = ""], call, keys: [lease = ""] }) =>
    call("GET", lease) === token ? call("PEXPIRE", lease, leaseMillis) : 0
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
  lua: `${luaTell}
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("DEL", KEYS[1])
tell(ARGV[2], ARGV[3])
return 1
`,
  reply: Schema.Int,
  model: ({ args: [token = "", channel = "", message = ""], call, keys: [lease = ""] }) => {
    if (call("GET", lease) !== token) return 0
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
  keys: (
    input: Target & {
      readonly token: string
      readonly created: number
      readonly body: string
      readonly keepMillis: number
      readonly message: string
    }
  ) => keys(input),
  args: (input) => [
    input.token,
    `{"created":${input.created},${input.body}`,
    input.keepMillis,
    input.channel,
    input.message
  ],
  lua: `${luaTell}
if redis.call("GET", KEYS[2]) ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3])
redis.call("DEL", KEYS[2])
tell(ARGV[4], ARGV[5])
return 1
`,
  reply: Schema.Int,
  model: ({
    args: [token = "", text = "", keepMillis = "", channel = "", message = ""],
    call,
    keys: [key = "", lease = ""]
  }) => {
    if (call("GET", lease) !== token) return 0
    call("SET", key, text, "PX", keepMillis)
    call("DEL", lease)
    call("PUBLISH", channel, message)
    return 1
  }
})

/**
 * Rule 6. Deletes value and lease and tells the other processes; says how many of the two were there.
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
 * Rule 7. Stores the value, takes the lease away and tells the other processes, unless the server's clock is past
 * `deadline` (milliseconds): its caller has then given up, and a later write may stand there. Says whether it stored.
 *
 * @since 0.1.0
 * @category scripts
 */
export const set = RedisScript.make({
  name: "cache.set",
  idempotent: false,
  keys: (
    input: Target & {
      readonly body: string
      readonly keepMillis: number
      /** the clear marker as last seen */
      readonly floor: number
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
    input.now ?? ""
  ],
  lua: `${luaNow}${luaTell}
local time = now(ARGV[7])
if time > tonumber(ARGV[3]) then return 0 end
local created = math.max(time, tonumber(ARGV[6]) + 1)
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
    const [body = "", keepMillis = "", deadline = "", channel = "", message = "", floor = "", given] = args
    const time = now(context, given)
    if (time > Number(deadline)) return 0
    call("SET", key, `{"created":${Math.max(time, Number(floor) + 1)},${body}`, "PX", keepMillis)
    call("DEL", lease)
    call("PUBLISH", channel, message)
    return 1
  }
})

/**
 * Rule 8, first half. Deletes the value and puts the update's token in place of whatever lease there is; answers the
 * time from which the new entry counts.
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
  lua: `${luaNow}
redis.call("DEL", KEYS[1])
redis.call("SET", KEYS[2], ARGV[1], "PX", ARGV[2])
return string.format("%.0f", math.max(now(ARGV[4]), tonumber(ARGV[3]) + 1))
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
    return String(Math.max(now(context, args[3]), Number(args[2]) + 1))
  }
})

/**
 * Rule 8, second half. Stores the value if the token still stands, else deletes value and lease, since another writer
 * came between; tells the other processes; says whether it stored.
 *
 * @since 0.1.0
 * @category scripts
 */
export const finish = RedisScript.make({
  name: "cache.finish",
  idempotent: false,
  keys: (
    input: Target & {
      readonly token: string
      readonly created: number
      readonly body: string
      readonly keepMillis: number
      readonly message: string
    }
  ) => keys(input),
  args: (input) => [
    input.token,
    `{"created":${input.created},${input.body}`,
    input.keepMillis,
    input.channel,
    input.message
  ],
  lua: `${luaTell}
local mine = redis.call("GET", KEYS[2]) == ARGV[1]
redis.call("DEL", KEYS[1], KEYS[2])
if mine then redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3]) end
tell(ARGV[4], ARGV[5])
return mine and 1 or 0
`,
  reply: Schema.Int,
  model: ({
    args: [token = "", text = "", keepMillis = "", channel = "", message = ""],
    call,
    keys: [key = "", lease = ""]
  }) => {
    const mine = call("GET", lease) === token
    call("DEL", key, lease)
    if (mine) call("SET", key, text, "PX", keepMillis)
    call("PUBLISH", channel, message)
    return mine ? 1 : 0
  }
})

/**
 * The time that a marker's text stands for; undefined when it is none, which counts as a missing marker.
 *
 * @since 0.1.0
 * @category getters
 */
export const markerOf = (text: string): number | undefined => (/^\d{1,15}$/.test(text) ? Number(text) : undefined)

/** Reading a marker, and storing one so that it lives at least for `millis` more. */
const luaMarker = `
local function markerOf(text)
  if text and #text <= 15 and string.match(text, "^%d+$") then return tonumber(text) end
end
local function keep(key, marker, millis)
  local left = redis.call("PTTL", key)
  redis.call("SET", key, string.format("%.0f", marker), "PX", math.max(left, tonumber(millis)))
end
`

const storedMarker = ({ call }: ScriptContext, key: string): number | undefined => {
  const text = call("GET", key)
  return typeof text === "string" ? markerOf(text) : undefined
}

const keepMarker = ({ call }: ScriptContext, key: string, marker: number, millis: string) => {
  const left = Number(call("PTTL", key))
  call("SET", key, String(marker), "PX", Math.max(left, Number(millis)))
}

/**
 * What the scripts of markers take: the marker's key, and for how long it must outlive any entry that depends on it.
 *
 * @since 0.1.0
 * @category models
 */
export interface MarkerInput {
  readonly marker: string
  readonly keepMillis: number
  readonly now?: number
}

/**
 * Rule 12. The marker, made as of now if it is missing; it then lives at least for `keepMillis` more.
 *
 * @since 0.1.0
 * @category scripts
 */
export const ensureMarker = RedisScript.make({
  name: "cache.ensureMarker",
  idempotent: true,
  keys: (input: MarkerInput) => [input.marker],
  args: (input) => [input.keepMillis, input.now ?? ""],
  lua: `${luaNow}${luaMarker}
local marker = markerOf(redis.call("GET", KEYS[1])) or now(ARGV[2])
keep(KEYS[1], marker, ARGV[1])
return string.format("%.0f", marker)
`,
  reply: Schema.NumberFromString,
  model: (context) => {
    const {
      args: [keepMillis = "", given],
      keys: [key = ""]
    } = context
    const marker = storedMarker(context, key) ?? now(context, given)
    keepMarker(context, key, marker, keepMillis)
    return String(marker)
  }
})

/**
 * Rule 12. Moves the marker to now, and forward in any case, and tells the other processes.
 *
 * @since 0.1.0
 * @category scripts
 */
export const moveMarker = RedisScript.make({
  name: "cache.moveMarker",
  idempotent: true,
  keys: (input: MarkerInput & { readonly channel: string; readonly message: string }) => [input.marker],
  args: (input) => [input.keepMillis, input.channel, input.message, input.now ?? ""],
  lua: `${luaNow}${luaMarker}${luaTell}
local marker = math.max((markerOf(redis.call("GET", KEYS[1])) or 0) + 1, now(ARGV[4]))
keep(KEYS[1], marker, ARGV[1])
tell(ARGV[2], ARGV[3])
return string.format("%.0f", marker)
`,
  reply: Schema.NumberFromString,
  model: (context) => {
    const {
      args: [keepMillis = "", channel = "", message = "", given],
      call,
      keys: [key = ""]
    } = context
    const marker = Math.max((storedMarker(context, key) ?? 0) + 1, now(context, given))
    keepMarker(context, key, marker, keepMillis)
    call("PUBLISH", channel, message)
    return String(marker)
  }
})
