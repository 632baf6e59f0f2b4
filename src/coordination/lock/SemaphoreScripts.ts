/**
 * Scripts on the sorted set of a semaphore: the tokens of its holders by the time at which each permit ends.
 *
 * The permit of a holder that died is free when its time has ended.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { RedisReply } from "../../redis/RedisConnection.js"
import * as RedisScript from "../../redis/RedisScript.js"
import { luaMicros, micros } from "../../redis/ServerTime.js"
import { luaNotify } from "./ReleaseNotice.js"
import type { LockToken } from "./Token.js"

interface OwnedPermit {
  readonly key: string
  readonly token: LockToken
}

// the key expires with the last permit
const luaHold = `
local now = math.floor(micros(ARGV[3]) / 1000)
local function hold()
  redis.call("ZADD", KEYS[1], string.format("%.0f", now + tonumber(ARGV[2])), ARGV[1])
  local last = redis.call("ZRANGE", KEYS[1], -1, -1)[1]
  redis.call("PEXPIRE", KEYS[1], string.format("%.0f", tonumber(redis.call("ZSCORE", KEYS[1], last)) - now))
end
`

const now = (context: RedisScript.ScriptContext): number => Math.floor(micros(context, context.args[2]) / 1000)

const firstOf = (reply: RedisReply): string => {
  const [first] = Array.isArray(reply) ? reply : []
  return typeof first === "string" ? first : ""
}

const hold = (
  { args: [token = "", timeToLiveMillis = ""], call, keys: [key = ""] }: RedisScript.ScriptContext,
  now: number
) => {
  call("ZADD", key, now + Number(timeToLiveMillis), token)
  const last = firstOf(call("ZRANGE", key, -1, -1))
  call("PEXPIRE", key, Number(call("ZSCORE", key, last)) - now)
}

/**
 * Acquires a permit for `token` if fewer than `permits` are held. Replies 1 and 0, or 0 and the milliseconds until the first
 * permit ends.
 *
 * A token that holds a permit extends it. So a caller whose first reply was lost may retry without taking two permits.
 *
 * @since 0.1.0
 * @category scripts
 */
export const acquire = RedisScript.make({
  name: "distributedSemaphore.acquire",
  idempotent: true,
  keys: ({
    key
  }: OwnedPermit & { readonly permits: number; readonly timeToLiveMillis: number; readonly now?: number }) => [key],
  args: (input) => [input.token, input.timeToLiveMillis, input.now ?? "", input.permits],
  lua: `${luaMicros}${luaHold}
    redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", string.format("%.0f", now))
    local mine = redis.call("ZSCORE", KEYS[1], ARGV[1])
    if not mine and redis.call("ZCARD", KEYS[1]) >= tonumber(ARGV[4]) then
      local first = redis.call("ZRANGE", KEYS[1], 0, 0)[1]
      return {0, math.floor(tonumber(redis.call("ZSCORE", KEYS[1], first)) - now)}
    end
    hold()
    return {1, 0}
  `,
  reply: Schema.Tuple(Schema.Literal(0, 1), Schema.NonNegativeInt),
  model: (context) => {
    const {
      args: [token = "", , , permits = ""],
      call,
      keys: [key = ""]
    } = context
    const instant = now(context)
    call("ZREMRANGEBYSCORE", key, "-inf", instant)
    if (call("ZSCORE", key, token) === null && Number(call("ZCARD", key)) >= Number(permits)) {
      const first = firstOf(call("ZRANGE", key, 0, 0))
      return [0, Math.floor(Number(call("ZSCORE", key, first)) - instant)]
    }
    hold(context, instant)
    return [1, 0]
  }
})

/**
 * Extends the permit of `token` to a whole time to live from now, unless it has ended. Replies whether it was extended.
 *
 * @since 0.1.0
 * @category scripts
 */
export const extend = RedisScript.make({
  name: "distributedSemaphore.extend",
  idempotent: true,
  keys: ({ key }: OwnedPermit & { readonly timeToLiveMillis: number; readonly now?: number }) => [key],
  args: (input) => [input.token, input.timeToLiveMillis, input.now ?? ""],
  lua: `${luaMicros}${luaHold}
    local ends = redis.call("ZSCORE", KEYS[1], ARGV[1])
    if not ends or tonumber(ends) <= now then return 0 end
    hold()
    return 1
  `,
  reply: Schema.Literal(0, 1),
  model: (context) => {
    const {
      args: [token = ""],
      call,
      keys: [key = ""]
    } = context
    const instant = now(context)
    const ends = call("ZSCORE", key, token)
    if (ends === null || Number(ends) <= instant) return 0
    hold(context, instant)
    return 1
  }
})

/**
 * Releases the permit of `token` and notifies the waiting callers. Replies how many permits were released.
 *
 * @since 0.1.0
 * @category scripts
 */
export const release = RedisScript.make({
  name: "distributedSemaphore.release",
  idempotent: true,
  // the channel as the server knows it
  keys: ({ key }: OwnedPermit & { readonly channel: string }) => [key],
  args: ({ channel, token }) => [token, channel],
  lua: `${luaNotify}
    local given = redis.call("ZREM", KEYS[1], ARGV[1])
    if given > 0 then notify(ARGV[2]) end
    return given
  `,
  reply: Schema.Literal(0, 1),
  model: ({ args: [token = "", channel = ""], call, keys: [key = ""] }) => {
    const given = call("ZREM", key, token)
    if (given === 1) call("PUBLISH", channel, "")
    return given
  }
})
