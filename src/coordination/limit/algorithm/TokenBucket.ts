/**
 * Scripts of the token bucket, by the Generic Cell Rate Algorithm (ATM Forum, Traffic Management Specification 4.0,
 * af-tm-0056.000, 1996; ITU-T I.371). The key holds one text: the *theoretical arrival time*, at which the bucket is full again.
 *
 * A token takes `window / limit` microseconds, which is rarely an integer. So a time is `<microseconds>:<parts>`, where a part is
 * a microsecond divided by the limit. All arithmetic is on exact integers.
 *
 * The numbers of the limit follow, `:<limit>:<window>`. A limit of other numbers finds as many tokens missing as before, rounded up to a
 * microsecond. Its first call stores that, also when it is rejected: otherwise the time of the old numbers would be converted anew
 * with each call, and hardly pass.
 *
 * @since 0.1.0
 */
import type { ScriptContext } from "../../../redis/RedisScript.js"
import { micros } from "../../../redis/ServerTime.js"
import { keptLongerMillis, type LimitScripts, make, readArguments, textOf } from "../LimitScript.js"

// `wait` is the time until the bucket is full, at most that of an empty one. A later time is stored only after the server's
// clock was set back, or by version 0.1 with other numbers, which it did not store.
const luaBucket = `
window = window * 1000
local whole = math.floor(window / limit)
local rest = window - whole * limit
local function normal(micros, parts)
  local carry = math.floor(parts / limit)
  return micros + carry, parts - carry * limit
end
local function timeOf(tokens)
  return normal(tokens * whole, tokens * rest)
end
local function fits(micros, parts, other, otherParts)
  return micros < other or (micros == other and parts <= otherParts)
end
local function ceiling(micros, parts)
  if parts > 0 then micros = micros + 1 end
  return math.floor(micros)
end
local clock = clock_micros()
local full, fullParts = timeOf(burst)
local wait, waitParts = 0, 0
local value = redis.call("GET", KEYS[1]) or ""
local stored, changed
local m, p = string.match(value, same)
if not m then
  m, p, stored = string.match(value, "^(%d+):(%d+)(.*)$")
  changed = m ~= nil
end
if m and tonumber(m) >= clock then
  wait, waitParts = tonumber(m) - clock, tonumber(p)
  if changed and stored ~= "" then
    local l, w = string.match(stored, "^:(%d+):(%d+)$")
    if l and #l <= 16 and #w <= 16 and tonumber(w) > 0 then
      if waitParts > 0 then wait = wait + 1 end
      wait, waitParts = math.ceil(wait * (tonumber(l) / limit) * (window / (tonumber(w) * 1000))), 0
    else
      wait, waitParts = 0, 0
    end
  end
  wait = math.min(wait, full + 1)
end
if waitParts >= limit then wait, waitParts = wait + 1, 0 end
if not fits(wait, waitParts, full, fullParts) then wait, waitParts = full, fullParts end
local function remaining()
  local micros, parts = normal(full - wait, fullParts - waitParts)
  local tokens = math.min(math.floor(micros / window * limit), burst)
  local function covered(count)
    local needed, neededParts = timeOf(count)
    return fits(needed, neededParts, micros, parts)
  end
  while not covered(tokens) do tokens = tokens - 1 end
  while tokens < burst and covered(tokens + 1) do tokens = tokens + 1 end
  return math.floor(tokens)
end
local function store()
  local left = math.ceil(ceiling(wait, waitParts) / 1000) + ${keptLongerMillis}
  redis.call("SET", KEYS[1], text(clock + wait) .. ":" .. text(waitParts) .. numbers, "PX", text(left))
end
`

interface Time {
  readonly micros: number
  readonly parts: number
}

const fits = (time: Time, other: Time): boolean =>
  time.micros < other.micros || (time.micros === other.micros && time.parts <= other.parts)

const ceiling = ({ micros, parts }: Time): number => micros + (parts > 0 ? 1 : 0)

const read = (context: ScriptContext) => {
  const given = readArguments(context)
  const { burst, key, limit, numbers } = given
  const window = given.window * 1000
  const whole = Math.floor(window / limit)
  const rest = window - whole * limit
  const normal = (micros: number, parts: number): Time => {
    const carry = Math.floor(parts / limit)
    return { micros: micros + carry, parts: parts - carry * limit }
  }
  const timeOf = (tokens: number) => normal(tokens * whole, tokens * rest)
  const add = (time: Time, other: Time) => normal(time.micros + other.micros, time.parts + other.parts)
  const subtract = (time: Time, other: Time) => normal(time.micros - other.micros, time.parts - other.parts)
  const clock = micros(context, given.now)
  const full = timeOf(burst)
  const [, m = "", p = "", tail] = /^(\d+):(\d+)(.*)$/s.exec(textOf(context.call("GET", key))) ?? []
  const isChanged = tail !== undefined && tail !== numbers
  const ahead = ((): Time | undefined => {
    if (m === "" || Number(m) < clock) return undefined
    const time = { micros: Number(m) - clock, parts: Number(p) }
    if (!isChanged || tail === "") return time
    const [, l, w] = /^:(\d{1,16}):(\d{1,16})$/.exec(tail) ?? []
    if (l === undefined || Number(w) === 0) return undefined
    return { micros: Math.ceil(ceiling(time) * (Number(l) / limit) * (window / (Number(w) * 1000))), parts: 0 }
  })()
  const isForeign = ahead !== undefined && ahead.parts >= limit
  const stored =
    ahead === undefined
      ? timeOf(0)
      : {
          micros: Math.min(ahead.micros, full.micros + 1) + (isForeign ? 1 : 0),
          parts: isForeign ? 0 : ahead.parts
        }
  const wait = fits(stored, full) ? stored : full
  const usage = (wait: Time): readonly [number, number] => {
    const time = subtract(full, wait)
    const covered = (tokens: number) => fits(timeOf(tokens), time)
    let tokens = Math.min(Math.floor((time.micros / window) * limit), burst)
    while (!covered(tokens)) tokens -= 1
    while (tokens < burst && covered(tokens + 1)) tokens += 1
    return [tokens, ceiling(wait)]
  }
  const store = (wait: Time) => {
    const left = Math.ceil(ceiling(wait) / 1000) + keptLongerMillis
    context.call("SET", key, `${clock + wait.micros}:${wait.parts}${numbers}`, "PX", left)
  }
  return { ...given, add, full, isChanged, store, subtract, timeOf, usage, wait }
}

/**
 * Takes as many tokens as a call costs, if the bucket has them. A refund puts them back, up to a full bucket.
 *
 * @since 0.1.0
 * @category scripts
 */
export const scripts: LimitScripts = make({
  name: "tokenBucket",
  suffix: "bucket",
  readLua: luaBucket,
  read,
  consume: {
    lua: `
      if cost > burst then
        if changed then store() end
        return {0, remaining(), ceiling(wait, waitParts), -1}
      end
      local taken, takenParts = timeOf(cost)
      local after, afterParts = normal(wait + taken, waitParts + takenParts)
      if not fits(after, afterParts, full, fullParts) then
        if changed then store() end
        return {0, remaining(), ceiling(wait, waitParts), ceiling(normal(after - full, afterParts - fullParts))}
      end
      wait, waitParts = after, afterParts
      store()
      return {1, remaining(), ceiling(wait, waitParts), 0}
    `,
    model: ({ add, burst, cost, full, isChanged, store, subtract, timeOf, usage, wait }) => {
      const after = add(wait, timeOf(cost))
      if (isChanged && (cost > burst || !fits(after, full))) store(wait)
      if (cost > burst) return [0, ...usage(wait), -1]
      if (!fits(after, full)) return [0, ...usage(wait), ceiling(subtract(after, full))]
      store(after)
      return [1, ...usage(after), 0]
    }
  },
  peek: {
    lua: "return {remaining(), ceiling(wait, waitParts)}",
    model: ({ usage, wait }) => usage(wait)
  },
  refund: {
    lua: `
      if wait + waitParts == 0 then return {remaining(), 0} end
      local given, givenParts = timeOf(math.min(cost, burst))
      if fits(wait, waitParts, given, givenParts) then
        wait, waitParts = 0, 0
      else
        wait, waitParts = normal(wait - given, waitParts - givenParts)
      end
      store()
      return {remaining(), ceiling(wait, waitParts)}
    `,
    model: ({ burst, cost, store, subtract, timeOf, usage, wait }) => {
      if (wait.micros + wait.parts === 0) return usage(wait)
      const given = timeOf(Math.min(cost, burst))
      const left = fits(wait, given) ? timeOf(0) : subtract(wait, given)
      store(left)
      return usage(left)
    }
  },
  // a bucket is never emptier than empty
  penalize: {
    lua: `
      local taken, takenParts = timeOf(math.min(cost, burst))
      wait, waitParts = normal(wait + taken, waitParts + takenParts)
      if not fits(wait, waitParts, full, fullParts) then wait, waitParts = full, fullParts end
      store()
      return {remaining(), ceiling(wait, waitParts)}
    `,
    model: ({ add, burst, cost, full, store, timeOf, usage, wait }) => {
      const after = add(wait, timeOf(Math.min(cost, burst)))
      const left = fits(after, full) ? after : full
      store(left)
      return usage(left)
    }
  }
})
