/**
 * The server's clock: as TIME answers it, and as scripts read it.
 *
 * @internal
 */
import type { ScriptContext } from "./RedisScript.js"

/**
 * Parses the reply of TIME to microseconds. Undefined for any other reply: a NaN in its place would make every comparison
 * with it false, and so disable every check that compares times.
 */
export const microsOf = (reply: unknown): number | undefined => {
  if (!Array.isArray(reply) || reply.length !== 2) return undefined
  const [seconds, micros] = reply.map((part) => (typeof part === "string" && part.trim() !== "" ? Number(part) : part))
  const total = typeof seconds === "number" && typeof micros === "number" ? seconds * 1_000_000 + micros : Number.NaN
  return Number.isFinite(total) && total >= 0 ? total : undefined
}

/** Parses the reply of TIME to milliseconds with fractions. Undefined for any other reply. */
export const millisOf = (reply: unknown): number | undefined => {
  const micros = microsOf(reply)
  return micros === undefined ? undefined : micros / 1000
}

/** Defines `micros(given)` for scripts: the server's time in microseconds, unless a test gives one. */
export const luaMicros = `
local function micros(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end
`

/** Defines `micros(given)` and `millis(given)`. Both are whole, since Lua 5.1 and 5.4 write fractions differently. */
export const luaMillis = `${luaMicros}
local function millis(given)
  if given ~= "" then return tonumber(given) end
  return math.floor(micros("") / 1000)
end
`

/** The model of `micros` in Lua. */
export const micros = ({ call }: Pick<ScriptContext, "call">, given: string | undefined): number =>
  given !== undefined && given !== "" ? Number(given) : (microsOf(call("TIME")) ?? Number.NaN)

/** The model of `millis` in Lua. */
export const millis = (context: Pick<ScriptContext, "call">, given: string | undefined): number =>
  given !== undefined && given !== "" ? Number(given) : Math.floor(micros(context, undefined) / 1000)
