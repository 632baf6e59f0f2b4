/**
 * The scripts of markers: a time per cache or tag. Entries created then or before are invalid (rule 12 of
 * docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { ScriptContext } from "../../redis/RedisScript.js"
import * as RedisScript from "../../redis/RedisScript.js"
import * as ServerTime from "../../redis/ServerTime.js"
import { luaTell, luaText, text } from "./CacheScript.js"

/**
 * Parses a marker. Undefined for any other text, which counts as a missing marker.
 *
 * @since 0.1.0
 * @category getters
 */
export const markerOf = (text: string): number | undefined => (/^\d{1,15}$/.test(text) ? Number(text) : undefined)

/** Defines `markerOf`, which parses a marker, and `keep`, which stores one that lives for at least `millis` more. */
const luaMarker = `
local function markerOf(stored)
  if stored and #stored <= 15 and string.match(stored, "^%d+$") then return tonumber(stored) end
end
local function keep(key, marker, millis)
  local left = redis.call("PTTL", key)
  redis.call("SET", key, string.format("%.0f", marker), "PX", math.max(left, tonumber(millis)))
end
`

const storedMarker = (context: ScriptContext, key: string): number | undefined => {
  const stored = text(context, key)
  return stored === undefined ? undefined : markerOf(stored)
}

const keepMarker = ({ call }: ScriptContext, key: string, marker: number, millis: string) => {
  const left = Number(call("PTTL", key))
  call("SET", key, String(marker), "PX", Math.max(left, Number(millis)))
}

/**
 * The markers of a cache, which share a slot.
 *
 * @since 0.1.0
 * @category models
 */
export interface MarkerInput {
  /** of the whole cache */
  readonly clear: string
  /** holds the time of the latest move of any tag's marker */
  readonly tagFloor: string
  /** the markers of some tags; undefined in a cache without tags */
  readonly tags: ReadonlyArray<string> | undefined
}

/**
 * Rule 12. Creates the missing markers of the cache and of an entry's tags, and lets each live for at least `keepMillis`
 * more. Answers the clear marker and those of the tags, in their order.
 *
 * A new clear marker and a new floor hold the present time. A new marker of a tag holds the time of the floor: the evicted
 * marker was no later. So an entry created after the floor was read after every invalidation of the tag. With the present
 * time, the marker would invalidate the entry that it is created for.
 *
 * @since 0.1.0
 * @category scripts
 */
export const ensureMarkers = RedisScript.make({
  name: "cache.ensureMarkers",
  idempotent: true,
  keys: ({ clear, tagFloor, tags }: MarkerInput & { readonly keepMillis: number; readonly now?: number }) =>
    tags === undefined ? [clear] : [clear, tagFloor, ...tags],
  args: (input) => [input.keepMillis, input.now ?? ""],
  lua: `${ServerTime.luaMillis}${luaText}${luaMarker}
local markers = {}
local missing = millis(ARGV[2])
for i, key in ipairs(KEYS) do
  local marker = markerOf(text(key)) or missing
  keep(key, marker, ARGV[1])
  if i == 2 then
    missing = marker
  else
    markers[#markers + 1] = string.format("%.0f", marker)
  end
end
return markers
`,
  reply: Schema.NonEmptyArray(Schema.NumberFromString),
  model: (context) => {
    const {
      args: [keepMillis = "", given],
      keys
    } = context
    const markers: Array<string> = []
    let missing = ServerTime.millis(context, given)
    for (const [i, key] of keys.entries()) {
      const marker = storedMarker(context, key) ?? missing
      keepMarker(context, key, marker, keepMillis)
      if (i === 1) missing = marker
      else markers.push(String(marker))
    }
    return markers
  }
})

/**
 * Answers the present time and the clear marker, both of one step, and lets the marker live for at least `keepMillis` more. A
 * missing marker is created at the present time. Only the server that holds the markers can run it.
 *
 * @since 0.2.0
 * @category scripts
 */
export const now = RedisScript.make({
  name: "cache.now",
  idempotent: true,
  keys: ({ clear }: { readonly clear: string; readonly keepMillis: number; readonly now?: number }) => [clear],
  args: (input) => [input.keepMillis, input.now ?? ""],
  lua: `${ServerTime.luaMillis}${luaText}${luaMarker}
local now = millis(ARGV[2])
local marker = markerOf(text(KEYS[1])) or now
keep(KEYS[1], marker, ARGV[1])
return {string.format("%.0f", now), string.format("%.0f", marker)}
`,
  reply: Schema.Tuple(Schema.NumberFromString, Schema.NumberFromString),
  model: (context) => {
    const {
      args: [keepMillis = "", given],
      keys: [clear = ""]
    } = context
    const now = ServerTime.millis(context, given)
    const marker = storedMarker(context, clear) ?? now
    keepMarker(context, clear, marker, keepMillis)
    return [String(now), String(marker)]
  }
})

/**
 * Raises the clear marker to a time, if it is lower or missing, and answers it. Publishes nothing: it follows an outage, after
 * which each process raises it for itself.
 *
 * @since 0.2.0
 * @category scripts
 */
export const raise = RedisScript.make({
  name: "cache.raise",
  idempotent: true,
  keys: ({ clear }: { readonly clear: string; readonly atLeast: number; readonly keepMillis: number }) => [clear],
  args: (input) => [input.atLeast, input.keepMillis],
  lua: `${luaText}${luaMarker}
local marker = math.max(markerOf(text(KEYS[1])) or 0, tonumber(ARGV[1]))
keep(KEYS[1], marker, ARGV[2])
return string.format("%.0f", marker)
`,
  reply: Schema.NumberFromString,
  model: (context) => {
    const {
      args: [atLeast = "", keepMillis = ""],
      keys: [clear = ""]
    } = context
    const marker = Math.max(storedMarker(context, clear) ?? 0, Number(atLeast))
    keepMarker(context, clear, marker, keepMillis)
    return String(marker)
  }
})

/**
 * The input of a move: how long the marker lives at least, and the message to publish.
 *
 * @since 0.1.0
 * @category models
 */
export interface MoveInput {
  readonly keepMillis: number
  readonly channel: string
  readonly message: string
  readonly now?: number
}

/**
 * Rule 12. Moves the clear marker to the present time, at least one millisecond forward, and publishes the message.
 *
 * @since 0.1.0
 * @category scripts
 */
export const moveClear = RedisScript.make({
  name: "cache.moveClear",
  idempotent: true,
  keys: ({ clear }: MoveInput & { readonly clear: string }) => [clear],
  args: (input) => [input.keepMillis, input.channel, input.message, input.now ?? ""],
  lua: `${ServerTime.luaMillis}${luaText}${luaMarker}${luaTell}
local marker = math.max((markerOf(text(KEYS[1])) or 0) + 1, millis(ARGV[4]))
keep(KEYS[1], marker, ARGV[1])
tell(ARGV[2], {ARGV[3]})
return string.format("%.0f", marker)
`,
  reply: Schema.NumberFromString,
  model: (context) => {
    const {
      args: [keepMillis = "", channel = "", message = "", given],
      call,
      keys: [key = ""]
    } = context
    const marker = Math.max((storedMarker(context, key) ?? 0) + 1, ServerTime.millis(context, given))
    keepMarker(context, key, marker, keepMillis)
    call("PUBLISH", channel, message)
    return String(marker)
  }
})

/**
 * Rule 12. Moves a tag's marker to the present time, at least one millisecond forward, and past every entry that was created
 * directly after the clear marker. Moves the floor with it, and publishes the message.
 *
 * @since 0.1.0
 * @category scripts
 */
export const moveTag = RedisScript.make({
  name: "cache.moveTag",
  idempotent: true,
  keys: (input: MoveInput & { readonly tag: string; readonly clear: string; readonly tagFloor: string }) => [
    input.tag,
    input.clear,
    input.tagFloor
  ],
  args: (input) => [input.keepMillis, input.channel, input.message, input.now ?? ""],
  lua: `${ServerTime.luaMillis}${luaText}${luaMarker}${luaTell}
local marker = math.max((markerOf(text(KEYS[1])) or 0) + 1, (markerOf(text(KEYS[2])) or 0) + 1, millis(ARGV[4]))
keep(KEYS[1], marker, ARGV[1])
keep(KEYS[3], math.max(markerOf(text(KEYS[3])) or 0, marker), ARGV[1])
tell(ARGV[2], {ARGV[3]})
return string.format("%.0f", marker)
`,
  reply: Schema.NumberFromString,
  model: (context) => {
    const {
      args: [keepMillis = "", channel = "", message = "", given],
      call,
      keys: [tag = "", clear = "", tagFloor = ""]
    } = context
    const marker = Math.max(
      (storedMarker(context, tag) ?? 0) + 1,
      (storedMarker(context, clear) ?? 0) + 1,
      ServerTime.millis(context, given)
    )
    keepMarker(context, tag, marker, keepMillis)
    keepMarker(context, tagFloor, Math.max(storedMarker(context, tagFloor) ?? 0, marker), keepMillis)
    call("PUBLISH", channel, message)
    return String(marker)
  }
})
