/**
 * The fixed window in Redis: the count is a string under the key, its window is the key's time to live.
 *
 * @since 0.1.0
 */
import type { ScriptContext } from "../../redis/RedisScript.js"
import * as RedisScript from "../../redis/RedisScript.js"
import {
  Consumed,
  type LimitScripts,
  limitArguments,
  luaArguments,
  luaInteger,
  readArguments,
  textOf,
  Usage
} from "./shared.js"

/**
 * The key itself, as the guide has it.
 *
 * @since 0.1.0
 * @category getters
 */
export const keyOf = (key: string): string => key

// A count without a time to live (left by a program that sets them by two commands and died in between) is no running
// window: it would lock its caller out for ever. Neither is a text that is no count.
const luaWindow = `${luaArguments}${luaInteger}
local used = tonumber(string.match(redis.call("GET", KEYS[1]) or "", "^%d+$"))
local left = redis.call("PTTL", KEYS[1])
local running = used ~= nil and left > 0
if not running then used, left = 0, 0 end
`

const read = (context: ScriptContext) => {
  const given = readArguments(context)
  const text = textOf(context.call("GET", given.key))
  const left = Number(context.call("PTTL", given.key))
  const running = /^\d+$/.test(text) && left > 0
  return { ...given, running, used: running ? Number(text) : 0, left: running ? left : 0 }
}

/**
 * Counts the cost if that much is left in the window.
 *
 * @since 0.1.0
 * @category scripts
 */
export const consume: LimitScripts["consume"] = RedisScript.make({
  name: "rateLimiter.fixedWindow.consume",
  idempotent: false,
  keys: ({ key }) => [keyOf(key)],
  args: limitArguments,
  lua: `${luaWindow}
    if cost > limit - used then
      local retry = left * 1000
      if cost > limit then retry = -1 end
      return {0, math.floor(math.max(limit - used, 0)), math.floor(left * 1000), math.floor(retry)}
    end
    if running then
      redis.call("INCRBY", KEYS[1], text(cost))
    else
      redis.call("SET", KEYS[1], text(cost), "PX", text(window))
      left = window
    end
    return {1, math.floor(limit - used - cost), math.floor(left * 1000), 0}
  `,
  reply: Consumed,
  model: (context) => {
    const { cost, key, left, limit, running, used, window } = read(context)
    if (cost > limit - used) {
      return [0, Math.max(limit - used, 0), left * 1000, cost > limit ? -1 : left * 1000]
    }
    if (running) context.call("INCRBY", key, cost)
    else context.call("SET", key, cost, "PX", window)
    return [1, limit - used - cost, (running ? left : window) * 1000, 0]
  }
})

/**
 * Reads the running window, whose length it need not know.
 *
 * @since 0.1.0
 * @category scripts
 */
export const peek: LimitScripts["peek"] = RedisScript.make({
  name: "rateLimiter.fixedWindow.peek",
  idempotent: true,
  keys: ({ key }) => [keyOf(key)],
  args: limitArguments,
  lua: `${luaWindow}
    return {math.floor(math.max(limit - used, 0)), math.floor(left * 1000)}
  `,
  reply: Usage,
  model: (context) => {
    const { left, limit, used } = read(context)
    return [Math.max(limit - used, 0), left * 1000]
  }
})

/**
 * Counts the cost back, in the window that runs now.
 *
 * @since 0.1.0
 * @category scripts
 */
export const refund: LimitScripts["refund"] = RedisScript.make({
  name: "rateLimiter.fixedWindow.refund",
  idempotent: false,
  keys: ({ key }) => [keyOf(key)],
  args: limitArguments,
  lua: `${luaWindow}
    local given = math.min(used, cost)
    if given > 0 then redis.call("DECRBY", KEYS[1], text(given)) end
    return {math.floor(math.max(limit - used + given, 0)), math.floor(left * 1000)}
  `,
  reply: Usage,
  model: (context) => {
    const { cost, key, left, limit, used } = read(context)
    const given = Math.min(used, cost)
    if (given > 0) context.call("DECRBY", key, given)
    return [Math.max(limit - used + given, 0), left * 1000]
  }
})
