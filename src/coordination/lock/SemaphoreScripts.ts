/**
 * Scripts on the sorted set of a semaphore: the tokens of its holders by the time at which each permit ends.
 *
 * The permit of a holder that died is free when its time has ended. A holder of several permits has a member for each, the first of
 * which is its token, and the others `<token>#2` and so on. All of them end at one time.
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
  /** how many permits the holder takes; default 1 */
  readonly take?: number | undefined
}

/** The members of the permits that a token holds. */
const membersOf = (token: string, take: number): ReadonlyArray<string> =>
  Array.from({ length: take }, (_, i) => memberOf(token, i + 1))

const memberOf = (token: string, number: number): string => (number === 1 ? token : `${token}#${number}`)

/**
 * The token of a member.
 *
 * @since 0.2.0
 * @category getters
 */
export const tokenOf = (member: string): string => member.replace(/#\d+$/, "")

const luaMember = `
local function member(number)
  if number == 1 then return ARGV[1] end
  return ARGV[1] .. "#" .. string.format("%.0f", number)
end
`

// the key expires with the last permit
const luaHold = `${luaMember}
local now = math.floor(micros(ARGV[3]) / 1000)
local take = tonumber(ARGV[4])
local function hold()
  local ends = string.format("%.0f", now + tonumber(ARGV[2]))
  for number = 1, take do redis.call("ZADD", KEYS[1], ends, member(number)) end
  local last = redis.call("ZRANGE", KEYS[1], -1, -1)[1]
  redis.call("PEXPIRE", KEYS[1], string.format("%.0f", tonumber(redis.call("ZSCORE", KEYS[1], last)) - now))
end
`

const now = (context: RedisScript.ScriptContext): number => Math.floor(micros(context, context.args[2]) / 1000)

const firstOf = (reply: RedisReply): string | undefined => {
  const [first] = Array.isArray(reply) ? reply : []
  return typeof first === "string" ? first : undefined
}

const hold = (
  { args: [token = "", timeToLiveMillis = "", , take = ""], call, keys: [key = ""] }: RedisScript.ScriptContext,
  now: number
) => {
  for (const member of membersOf(token, Number(take))) call("ZADD", key, now + Number(timeToLiveMillis), member)
  const last = firstOf(call("ZRANGE", key, -1, -1)) ?? ""
  call("PEXPIRE", key, Number(call("ZSCORE", key, last)) - now)
}

/**
 * Acquires `take` permits for `token`, or none, if no more than `permits` are then held. Replies 1 and 0, or 0 and the milliseconds
 * until enough permits have ended.
 *
 * A token that holds permits extends them. So a caller whose first reply was lost may retry without taking them twice.
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
  args: (input) => [input.token, input.timeToLiveMillis, input.now ?? "", input.take ?? 1, input.permits],
  lua: `${luaMicros}${luaHold}
    redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", string.format("%.0f", now))
    local mine = redis.call("ZSCORE", KEYS[1], ARGV[1])
    local missing = redis.call("ZCARD", KEYS[1]) + take - tonumber(ARGV[5])
    if not mine and missing > 0 then
      local place = string.format("%.0f", missing - 1)
      local ending = redis.call("ZRANGE", KEYS[1], place, place)[1]
      if not ending then return {0, 0} end
      return {0, math.floor(tonumber(redis.call("ZSCORE", KEYS[1], ending)) - now)}
    end
    hold()
    return {1, 0}
  `,
  reply: Schema.Tuple(Schema.Literal(0, 1), Schema.NonNegativeInt),
  model: (context) => {
    const {
      args: [token = "", , , take = "", permits = ""],
      call,
      keys: [key = ""]
    } = context
    const instant = now(context)
    call("ZREMRANGEBYSCORE", key, "-inf", instant)
    const missing = Number(call("ZCARD", key)) + Number(take) - Number(permits)
    if (call("ZSCORE", key, token) === null && missing > 0) {
      const ending = firstOf(call("ZRANGE", key, missing - 1, missing - 1))
      return [0, ending === undefined ? 0 : Math.floor(Number(call("ZSCORE", key, ending)) - instant)]
    }
    hold(context, instant)
    return [1, 0]
  }
})

/**
 * Extends the permits of `token` together to a whole time to live from now, unless they have ended. Replies whether it was extended.
 *
 * @since 0.1.0
 * @category scripts
 */
export const extend = RedisScript.make({
  name: "distributedSemaphore.extend",
  idempotent: true,
  keys: ({ key }: OwnedPermit & { readonly timeToLiveMillis: number; readonly now?: number }) => [key],
  args: (input) => [input.token, input.timeToLiveMillis, input.now ?? "", input.take ?? 1],
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
 * Releases the permits of `token` together and notifies the waiting callers. Replies whether they were held.
 *
 * @since 0.1.0
 * @category scripts
 */
export const release = RedisScript.make({
  name: "distributedSemaphore.release",
  idempotent: true,
  // the channel as the server knows it
  keys: ({ key }: OwnedPermit & { readonly channel: string }) => [key],
  args: ({ channel, take = 1, token }) => [token, channel, take],
  lua: `${luaNotify}${luaMember}
    local given = 0
    for number = 1, tonumber(ARGV[3]) do given = given + redis.call("ZREM", KEYS[1], member(number)) end
    if given == 0 then return 0 end
    notify(ARGV[2])
    return 1
  `,
  reply: Schema.Literal(0, 1),
  model: ({ args: [token = "", channel = "", take = ""], call, keys: [key = ""] }) => {
    const given = membersOf(token, Number(take)).map((member) => call("ZREM", key, member))
    if (!given.includes(1)) return 0
    call("PUBLISH", channel, "")
    return 1
  }
})
