/**
 * Markers: a time per cache or tag, that entries born then or before are invalid (rule 12 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { ScriptContext } from "../../redis/RedisScript.js"
import * as RedisScript from "../../redis/RedisScript.js"
import { luaNow, luaTell, luaText, now, text } from "./shared.js"

/**
 * The time that a marker's text stands for; undefined when it is none, which counts as a missing marker.
 *
 * @since 0.1.0
 * @category getters
 */
export const markerOf = (text: string): number | undefined => (/^\d{1,15}$/.test(text) ? Number(text) : undefined)

/** Reading a marker, and storing one so that it lives at least for `millis` more. */
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
  lua: `${luaNow}${luaText}${luaMarker}
local marker = markerOf(text(KEYS[1])) or now(ARGV[2])
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
  lua: `${luaNow}${luaText}${luaMarker}${luaTell}
local marker = math.max((markerOf(text(KEYS[1])) or 0) + 1, now(ARGV[4]))
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
