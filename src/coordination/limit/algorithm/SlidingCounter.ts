/**
 * Scripts of the sliding counter. The key holds one text: `<window>:<allowed in it>:<allowed in the window before>`. Windows are
 * numbered from 1970. Times are whole milliseconds, since the weight is an estimate.
 *
 * @since 0.1.0
 */
import type { ScriptContext } from "../../../redis/RedisScript.js"
import { micros } from "../../../redis/ServerTime.js"
import { keptLongerMillis, type LimitScripts, make, readArguments, textOf } from "../LimitScript.js"

/** A window that is further ahead was numbered by a shorter one: no clock is set back by as much. */
const farAheadMillis = 31_536_000_000

// After the server's clock was set back, the window that was reached continues as if it had just begun. No caller waits longer
// than two windows, after which the key expires. What a limit with a shorter window has counted counts in the present one, and what
// one with a longer window has counted is over. Numbers that no limit of this window writes are reduced, so that all products stay
// exact.
const luaCounter = `
local clock = clock_micros()
local index = math.floor(math.floor(clock / 1000) / window)
local elapsed = math.floor(clock / 1000) - index * window
local current, previous = 0, 0
local most, farthest = math.floor(2^52 / window), math.floor(2^53 / window) - 3
local i, c, p = string.match(redis.call("GET", KEYS[1]) or "", "^(%d+):(%d+):(%d+)$")
if i and tonumber(i) <= farthest then
  i, c, p = tonumber(i), math.min(tonumber(c), most), math.min(tonumber(p), most)
  if (i - index) * window > ${farAheadMillis} then i, p = index, 0 end
  if i > index then index, elapsed = i, 0 end
  if i == index then current, previous = c, p end
  if i == index - 1 then previous = c end
end
local function weighted()
  return math.ceil(previous * (window - elapsed) / window)
end
local function remaining()
  return math.floor(math.max(limit - current - weighted(), 0))
end
local function micros_until(millis)
  local bound = math.min(millis, math.floor(clock / 1000) + 2 * window)
  return math.floor(math.max(bound * 1000 - clock, 0))
end
local function reset()
  if current > 0 then return micros_until((index + 2) * window) end
  if previous > 0 then return micros_until((index + 1) * window) end
  return 0
end
local function store()
  local left = math.min((index + 2) * window - math.floor(clock / 1000), 2 * window)
  local value = text(index) .. ":" .. text(current) .. ":" .. text(previous)
  redis.call("SET", KEYS[1], value, "PX", text(left + ${keptLongerMillis}))
end
`

const read = (context: ScriptContext) => {
  const given = readArguments(context)
  const { key, limit, window } = given
  const clock = micros(context, given.now)
  const clockMillis = Math.floor(clock / 1000)
  const [, stored = "", c, before] = /^(\d+):(\d+):(\d+)$/.exec(textOf(context.call("GET", key))) ?? []
  const most = Math.floor(2 ** 52 / window)
  const farthest = Math.floor(2 ** 53 / window) - 3
  const present = Math.floor(clockMillis / window)
  const numbered = stored === "" || Number(stored) > farthest ? Number.NEGATIVE_INFINITY : Number(stored)
  const isFarAhead = (numbered - present) * window > farAheadMillis
  const [found, p] = isFarAhead ? [present, 0] : [numbered, before]
  const index = Math.max(present, found)
  const elapsed = Math.max(clockMillis - index * window, 0)
  const current = found === index ? Math.min(Number(c), most) : 0
  const previous = found === index ? Math.min(Number(p), most) : found === index - 1 ? Math.min(Number(c), most) : 0
  const weighted = Math.ceil((previous * (window - elapsed)) / window)
  const microsUntil = (millis: number) => Math.max(Math.min(millis, clockMillis + 2 * window) * 1000 - clock, 0)
  const usage = (current: number, previous: number, weighted: number): readonly [number, number] => [
    Math.max(limit - current - weighted, 0),
    current > 0 ? microsUntil((index + 2) * window) : previous > 0 ? microsUntil((index + 1) * window) : 0
  ]
  const store = (current: number, previous: number) => {
    const left = Math.min((index + 2) * window - clockMillis, 2 * window)
    context.call("SET", key, `${index}:${current}:${previous}`, "PX", left + keptLongerMillis)
  }
  return { ...given, most, index, elapsed, current, previous, weighted, microsUntil, usage, store }
}

/**
 * Weighs the calls of the window before by the part of it that still counts.
 *
 * A rejected call fits when the weight of the count before, `P`, leaves `room` for its cost. That is so when the part of the
 * window that has passed is `1 - room / P`. A refund takes from the current window first.
 *
 * @since 0.1.0
 * @category scripts
 */
export const scripts: LimitScripts = make({
  name: "slidingCounter",
  suffix: "counter",
  readLua: luaCounter,
  read,
  consume: {
    lua: `
      if cost > limit then return {0, remaining(), reset(), -1} end
      if current + weighted() + cost > limit then
        local room, count, start = limit - cost - current, previous, index
        if room < 0 then room, count, start = limit - cost, current, index + 1 end
        return {0, remaining(), reset(), micros_until((start + 1) * window - math.floor(room * window / count))}
      end
      current = current + cost
      store()
      return {1, remaining(), reset(), 0}
    `,
    model: ({ cost, current, index, limit, microsUntil, previous, store, usage, weighted, window }) => {
      const now = usage(current, previous, weighted)
      if (cost > limit) return [0, ...now, -1]
      if (current + weighted + cost > limit) {
        const room = limit - cost - current
        const fits =
          room < 0
            ? (index + 2) * window - Math.floor(((limit - cost) * window) / current)
            : (index + 1) * window - Math.floor((room * window) / previous)
        return [0, ...now, microsUntil(fits)]
      }
      store(current + cost, previous)
      return [1, ...usage(current + cost, previous, weighted), 0]
    }
  },
  peek: {
    lua: "return {remaining(), reset()}",
    model: ({ current, previous, usage, weighted }) => usage(current, previous, weighted)
  },
  refund: {
    lua: `
      local before = current + previous
      local given = math.min(current, cost)
      current = current - given
      previous = previous - math.min(previous, cost - given)
      if current + previous < before then store() end
      return {remaining(), reset()}
    `,
    model: ({ cost, current, elapsed, previous, store, usage, window }) => {
      const given = Math.min(current, cost)
      const left = [current - given, previous - Math.min(previous, cost - given)] as const
      if (left[0] + left[1] < current + previous) store(...left)
      return usage(...left, Math.ceil((left[1] * (window - elapsed)) / window))
    }
  },
  penalize: {
    lua: `
      current = math.min(current + math.min(cost, limit), most)
      store()
      return {remaining(), reset()}
    `,
    model: ({ cost, current, limit, most, previous, store, usage, weighted }) => {
      const after = Math.min(current + Math.min(cost, limit), most)
      store(after, previous)
      return usage(after, previous, weighted)
    }
  }
})
