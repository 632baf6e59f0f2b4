/**
 * The server's clock in scripts: in Lua, and as the model of it.
 *
 * @since 0.1.0
 */
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
