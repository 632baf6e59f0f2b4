/**
 * Scripts of the sliding log. The key holds a sorted set of the allowed calls, by the server's time in microseconds.
 *
 * A member is `<sum of all costs up to this call>:<cost>`. So the cost of consecutive calls is the difference of two members,
 * and no script adds up calls.
 *
 * @since 0.1.0
 */
import type { ScriptContext } from "../../../redis/RedisScript.js"
import { micros } from "../../../redis/ServerTime.js"
import { keptLongerMillis, type LimitScripts, make, readArguments, textOf } from "../LimitScript.js"

// After the server's clock was set back, calls are entered at the time of the last one, so that sums and times agree. No caller
// waits longer than one window, after which the key expires. Old entries are skipped, and removed when a call is allowed: a
// rejected call changes nothing.
const luaLog = `
window = window * 1000
local function at(rank)
  local member = redis.call("ZRANGE", KEYS[1], text(rank), text(rank))[1]
  if not member then return nil, 0, 0, 0 end
  local sum, spent = string.match(member, "^(%d+):(%d+)$")
  local time = tonumber(redis.call("ZSCORE", KEYS[1], member))
  return member, tonumber(sum or 0), tonumber(spent or 0), time
end
local clock = clock_micros()
local size = redis.call("ZCARD", KEYS[1])
local newest, total, _, last = at(-1)
local now = math.max(clock, last)
local ended = redis.call("ZCOUNT", KEYS[1], "-inf", text(now - window))
local oldest, sum, spent = at(ended)
local used = 0
if oldest then used = math.max(total - sum + spent, 0) else total = 0 end
local function remaining()
  return math.floor(math.max(limit - used, 0))
end
local function until_end_of(time)
  return math.floor(math.min(time + window - clock, window))
end
local function reset()
  if used == 0 then return 0 end
  return until_end_of(last)
end
`

const read = (context: ScriptContext) => {
  const given = readArguments(context)
  const { call } = context
  const { key, limit } = given
  const window = given.window * 1000
  const at = (rank: number) => {
    const reply = call("ZRANGE", key, rank, rank)
    const member = textOf(Array.isArray(reply) ? (reply[0] ?? null) : null)
    const [, sum = 0, spent = 0] = /^(\d+):(\d+)$/.exec(member) ?? []
    return Array.isArray(reply) && reply.length > 0
      ? { member, sum: Number(sum), spent: Number(spent), time: Number(call("ZSCORE", key, member)) }
      : undefined
  }
  const clock = micros(context, given.now)
  const size = Number(call("ZCARD", key))
  const newest = at(-1)
  const now = Math.max(clock, newest?.time ?? 0)
  const ended = Number(call("ZCOUNT", key, "-inf", now - window))
  const oldest = at(ended)
  const total = oldest === undefined ? 0 : (newest?.sum ?? 0)
  const used = oldest === undefined ? 0 : Math.max(total - oldest.sum + oldest.spent, 0)
  const untilEndOf = (time: number) => Math.min(time + window - clock, window)
  const usage = (used: number, last: number): readonly [number, number] => [
    Math.max(limit - used, 0),
    used === 0 ? 0 : untilEndOf(last)
  ]
  return { ...given, window, at, untilEndOf, size, last: newest?.time ?? 0, now, ended, total, used, usage }
}

/**
 * Finds by bisection when a rejected call fits: when the oldest calls have ended whose sum makes room for its cost.
 *
 * A refund removes the oldest calls that still count, up to its cost. The calls that stay are at least as recent as those that
 * should stay, so the promise holds for all calls that were not refunded.
 *
 * @since 0.1.0
 * @category scripts
 */
export const scripts: LimitScripts = make({
  name: "slidingLog",
  suffix: "log",
  readLua: luaLog,
  read,
  consume: {
    lua: `
      if cost > limit then return {0, remaining(), reset(), -1} end
      if cost > limit - used then
        local low, high = ended, size - 1
        while low < high do
          local middle = math.floor((low + high) / 2)
          local _, upTo = at(middle)
          if total - upTo + cost <= limit then high = middle else low = middle + 1 end
        end
        local _, _, _, time = at(low)
        return {0, remaining(), reset(), until_end_of(time)}
      end
      redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", text(now - window))
      redis.call("ZADD", KEYS[1], text(now), string.format("%016.0f:%.0f", total + cost, cost))
      redis.call("PEXPIRE", KEYS[1], text(window / 1000 + ${keptLongerMillis}))
      used, last = used + cost, now
      return {1, remaining(), reset(), 0}
    `,
    model: ({ at, untilEndOf, cost, ended, key, last, limit, now, size, total, usage, used, window }, call) => {
      if (cost > limit) return [0, ...usage(used, last), -1]
      if (cost > limit - used) {
        let low = ended
        let high = size - 1
        while (low < high) {
          const middle = Math.floor((low + high) / 2)
          if (total - (at(middle)?.sum ?? 0) + cost <= limit) high = middle
          else low = middle + 1
        }
        return [0, ...usage(used, last), untilEndOf(at(low)?.time ?? 0)]
      }
      call("ZREMRANGEBYSCORE", key, "-inf", now - window)
      call("ZADD", key, now, `${String(total + cost).padStart(16, "0")}:${cost}`)
      call("PEXPIRE", key, window / 1000 + keptLongerMillis)
      return [1, ...usage(used + cost, now), 0]
    }
  },
  peek: {
    lua: "return {remaining(), reset()}",
    model: ({ last, usage, used }) => usage(used, last)
  },
  refund: {
    lua: `
      local given = 0
      while given < cost do
        local member, sum, spent, time = at(ended)
        if not member then break end
        local taken = math.min(spent, cost - given)
        -- before the removal: a set that is empty in between loses its time to live
        if taken < spent then
          redis.call("ZADD", KEYS[1], text(time), string.format("%016.0f:%.0f", sum, spent - taken))
        end
        redis.call("ZREM", KEYS[1], member)
        given = given + taken
      end
      used = math.max(used - given, 0)
      return {remaining(), reset()}
    `,
    model: ({ at, cost, ended, key, last, usage, used }, call) => {
      let given = 0
      let oldest = at(ended)
      while (given < cost && oldest !== undefined) {
        const taken = Math.min(oldest.spent, cost - given)
        if (taken < oldest.spent) {
          call("ZADD", key, oldest.time, `${String(oldest.sum).padStart(16, "0")}:${oldest.spent - taken}`)
        }
        call("ZREM", key, oldest.member)
        given += taken
        oldest = at(ended)
      }
      return usage(Math.max(used - given, 0), last)
    }
  },
  penalize: {
    lua: `
      local taken = math.min(cost, limit)
      if taken == 0 then return {remaining(), reset()} end
      redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", text(now - window))
      redis.call("ZADD", KEYS[1], text(now), string.format("%016.0f:%.0f", total + taken, taken))
      redis.call("PEXPIRE", KEYS[1], text(window / 1000 + ${keptLongerMillis}))
      used, last = used + taken, now
      return {remaining(), reset()}
    `,
    model: ({ cost, key, last, limit, now, total, usage, used, window }, call) => {
      const taken = Math.min(cost, limit)
      if (taken === 0) return usage(used, last)
      call("ZREMRANGEBYSCORE", key, "-inf", now - window)
      call("ZADD", key, now, `${String(total + taken).padStart(16, "0")}:${taken}`)
      call("PEXPIRE", key, window / 1000 + keptLongerMillis)
      return usage(used + taken, now)
    }
  }
})
