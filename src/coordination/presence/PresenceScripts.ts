/**
 * Scripts on the sorted set of presence: members by the time, in milliseconds, at which each one's presence ends.
 *
 * The server's time decides, so a member that stopped beating goes offline without a command.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { RedisReply } from "../../redis/RedisConnection.js"
import * as RedisScript from "../../redis/RedisScript.js"
import { luaMicros, micros } from "../../redis/ServerTime.js"

interface Timed {
  readonly key: string
  /** the server's time in milliseconds, for tests */
  readonly now?: number | undefined
}

/**
 * @since 0.2.0
 * @category models
 */
export interface BeatInput extends Timed {
  readonly member: string
  readonly timeToLiveMillis: number
}

const nowArgument = ({ now }: Timed) => (now === undefined ? "" : now * 1000)

/**
 * The most offline members that one beat removes. They are not counted, so no caller waits for their removal. Each beat
 * removes more than it adds, so they do not accumulate.
 *
 * @since 0.1.0
 * @category constants
 */
export const clearedAtOnce = 100

// the last argument of each script is the time
const luaOnline = `${luaMicros}
local now = math.floor(micros(ARGV[#ARGV]) / 1000)
local later = "(" .. string.format("%.0f", now)
local function online() return math.floor(redis.call("ZCOUNT", KEYS[1], later, "+inf")) end
`

const onPresence = (context: RedisScript.ScriptContext) => {
  const {
    args: [first = "", second = ""],
    call,
    keys: [key = ""]
  } = context
  const now = Math.floor(micros(context, context.args[context.args.length - 1]) / 1000)
  const later = `(${now}`
  return { key, first, second, call, now, later, online: () => call("ZCOUNT", key, later, "+inf") }
}

const texts = (reply: RedisReply): ReadonlyArray<string> =>
  Array.isArray(reply) ? reply.map((text) => (typeof text === "string" ? text : "")) : []

/**
 * Keeps a member online for `timeToLiveMillis` from now, removes some offline members, and replies how many are online. The key
 * lives as long as its last member.
 *
 * @since 0.1.0
 * @category scripts
 */
export const beat = RedisScript.make({
  name: "presence.beat",
  idempotent: true,
  keys: ({ key }: BeatInput) => [key],
  args: (input) => [input.member, input.timeToLiveMillis, nowArgument(input)],
  lua: `${luaOnline}
    local upToNow = string.format("%.0f", now)
    for _, gone in ipairs(redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", upToNow, "LIMIT", "0", "${clearedAtOnce}")) do
      redis.call("ZREM", KEYS[1], gone)
    end
    redis.call("ZADD", KEYS[1], string.format("%.0f", now + tonumber(ARGV[2])), ARGV[1])
    local last = redis.call("ZRANGE", KEYS[1], -1, -1)[1]
    redis.call("PEXPIRE", KEYS[1], string.format("%.0f", tonumber(redis.call("ZSCORE", KEYS[1], last)) - now))
    return online()
  `,
  reply: Schema.NonNegativeInt,
  model: (context) => {
    const { call, first: member, key, now, online, second: timeToLiveMillis } = onPresence(context)
    for (const gone of texts(call("ZRANGEBYSCORE", key, "-inf", now, "LIMIT", 0, clearedAtOnce))) {
      call("ZREM", key, gone)
    }
    call("ZADD", key, now + Number(timeToLiveMillis), member)
    const [last = ""] = texts(call("ZRANGE", key, -1, -1))
    call("PEXPIRE", key, Number(call("ZSCORE", key, last)) - now)
    return online()
  }
})

/**
 * Removes a member and replies how many are online.
 *
 * @since 0.1.0
 * @category scripts
 */
export const leave = RedisScript.make({
  name: "presence.leave",
  idempotent: true,
  keys: ({ key }: Timed & { readonly member: string }) => [key],
  args: (input) => [input.member, nowArgument(input)],
  lua: `${luaOnline}
    redis.call("ZREM", KEYS[1], ARGV[1])
    return online()
  `,
  reply: Schema.NonNegativeInt,
  model: (context) => {
    const { call, first: member, key, online } = onPresence(context)
    call("ZREM", key, member)
    return online()
  }
})

/**
 * Counts the members that are online.
 *
 * @since 0.1.0
 * @category scripts
 */
export const count = RedisScript.make({
  name: "presence.count",
  idempotent: true,
  keys: ({ key }: Timed) => [key],
  args: (input) => [nowArgument(input)],
  lua: `${luaOnline} return online()`,
  reply: Schema.NonNegativeInt,
  model: (context) => onPresence(context).online()
})

/**
 * Replies whether a member is online.
 *
 * @since 0.1.0
 * @category scripts
 */
export const isOnline = RedisScript.make({
  name: "presence.isOnline",
  idempotent: true,
  keys: ({ key }: Timed & { readonly member: string }) => [key],
  args: (input) => [input.member, nowArgument(input)],
  lua: `${luaOnline}
    local ends = redis.call("ZSCORE", KEYS[1], ARGV[1])
    return ends and tonumber(ends) > now and 1 or 0
  `,
  reply: Schema.Literal(0, 1),
  model: (context) => {
    const { call, first: member, key, now } = onPresence(context)
    const ends = call("ZSCORE", key, member)
    return ends !== null && Number(ends) > now ? 1 : 0
  }
})

/**
 * Lists members that are online, the latest end of presence first.
 *
 * @since 0.1.0
 * @category scripts
 */
export const list = RedisScript.make({
  name: "presence.list",
  idempotent: true,
  keys: ({ key }: Timed & { readonly offset: number; readonly limit: number }) => [key],
  args: (input) => [input.offset, input.limit, nowArgument(input)],
  lua: `${luaOnline}
    return redis.call("ZREVRANGEBYSCORE", KEYS[1], "+inf", later, "LIMIT", ARGV[1], ARGV[2])
  `,
  reply: Schema.Array(Schema.String),
  model: (context) => {
    const { call, first: offset, key, later, second: limit } = onPresence(context)
    return call("ZREVRANGEBYSCORE", key, "+inf", later, "LIMIT", offset, limit)
  }
})
