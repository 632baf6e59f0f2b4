/**
 * Scripts of the fixed window. The key itself holds the count, and its time to live is the window.
 *
 * @since 0.1.0
 */
import { type LimitScripts, make, readArguments, textOf } from "../LimitScript.js"

/**
 * Counts calls in a window. A refund applies to the window that runs now.
 *
 * Three counts are no running window. One has no time to live: a program that counts by two commands died between them, and the
 * count would reject its caller for ever. The others are a text that INCRBY rejects, such as 007, and a count above 2^53.
 *
 * A window that began under a longer limit ends when one of the present length would, counted from the next call.
 *
 * @since 0.1.0
 * @category scripts
 */
export const scripts: LimitScripts = make({
  name: "fixedWindow",
  suffix: "window",
  isBare: true,
  readLua: `
    local count = redis.call("GET", KEYS[1]) or ""
    local used = tonumber(string.match(count, "^[1-9]%d*$") or string.match(count, "^0$"))
    local left = redis.call("PTTL", KEYS[1])
    local running = used ~= nil and used < 2^53 and left > 0
    if not running then used, left = 0, 0 end
    local longer = left > window
    left = math.min(left, window)
  `,
  read: (context) => {
    const given = readArguments(context)
    const text = textOf(context.call("GET", given.key))
    const left = Number(context.call("PTTL", given.key))
    const running = /^(?:0|[1-9]\d*)$/.test(text) && Number(text) < 2 ** 53 && left > 0
    const used = running ? Number(text) : 0
    return {
      ...given,
      running,
      used,
      left: running ? Math.min(left, given.window) : 0,
      longer: running && left > given.window
    }
  },
  consume: {
    lua: `
      if longer then redis.call("PEXPIRE", KEYS[1], text(window)) end
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
    model: ({ cost, key, left, limit, longer, running, used, window }, call) => {
      if (longer) call("PEXPIRE", key, window)
      if (cost > limit - used) {
        return [0, Math.max(limit - used, 0), left * 1000, cost > limit ? -1 : left * 1000]
      }
      if (running) call("INCRBY", key, cost)
      else call("SET", key, cost, "PX", window)
      return [1, limit - used - cost, (running ? left : window) * 1000, 0]
    }
  },
  peek: {
    lua: "return {math.floor(math.max(limit - used, 0)), math.floor(left * 1000)}",
    model: ({ left, limit, used }) => [Math.max(limit - used, 0), left * 1000]
  },
  refund: {
    lua: `
      local given = math.min(used, cost)
      if given > 0 then redis.call("DECRBY", KEYS[1], text(given)) end
      return {math.floor(math.max(limit - used + given, 0)), math.floor(left * 1000)}
    `,
    model: ({ cost, key, left, limit, used }, call) => {
      const given = Math.min(used, cost)
      if (given > 0) call("DECRBY", key, given)
      return [Math.max(limit - used + given, 0), left * 1000]
    }
  },
  // a count above 2^53 counts as none
  penalize: {
    lua: `
      if longer then redis.call("PEXPIRE", KEYS[1], text(window)) end
      local taken = math.min(cost, limit, 2^53 - 1 - used)
      if running then
        redis.call("INCRBY", KEYS[1], text(taken))
      else
        redis.call("SET", KEYS[1], text(taken), "PX", text(window))
        left = window
      end
      return {math.floor(math.max(limit - used - taken, 0)), math.floor(left * 1000)}
    `,
    model: ({ cost, key, left, limit, longer, running, used, window }, call) => {
      if (longer) call("PEXPIRE", key, window)
      const taken = Math.min(cost, limit, 2 ** 53 - 1 - used)
      if (running) call("INCRBY", key, taken)
      else call("SET", key, taken, "PX", window)
      return [Math.max(limit - used - taken, 0), (running ? left : window) * 1000]
    }
  }
})
