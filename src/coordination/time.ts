/**
 * Two clocks: the server's in scripts, in Lua and as the model of it, and this process's that only goes forward.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ScriptContext } from "../redis/RedisScript.js"

/**
 * Time in microseconds: the server's, unless a test gives one.
 *
 * @since 0.1.0
 * @category constants
 */
export const luaMicros = `
local function micros(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end
`

/**
 * @since 0.1.0
 * @category models
 */
export const micros = ({ call }: Pick<ScriptContext, "call">, given: string | undefined): number => {
  if (given !== undefined && given !== "") return Number(given)
  const time = call("TIME")
  const [seconds, micros] = Array.isArray(time) ? time : []
  return Number(seconds) * 1_000_000 + Number(micros)
}

/**
 * A clock that only goes forward, in milliseconds.
 *
 * @since 0.1.0
 * @category time
 */
export const monotonicMillis: Effect.Effect<number> = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6)
