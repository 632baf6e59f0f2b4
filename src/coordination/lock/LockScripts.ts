/**
 * Scripts on the two keys of a lock: one holds the token of the holder and expires, the other holds the last fencing token.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { RedisReply } from "../../redis/RedisConnection.js"
import * as RedisKey from "../../redis/RedisKey.js"
import * as RedisScript from "../../redis/RedisScript.js"
import { luaMicros, micros } from "../../redis/ServerTime.js"
import { luaNotify } from "./ReleaseNotice.js"
import type { LockToken } from "./Token.js"

/**
 * How long the last fencing token is kept after the last acquisition, in milliseconds: seven days.
 *
 * It matters only after the server's clock was set back, or when tokens are given faster than one a microsecond. Otherwise the
 * time alone makes the next token greater.
 */
const fenceMillis = 7 * 24 * 60 * 60 * 1000

interface OwnedLock {
  readonly key: string
  readonly token: LockToken
}

const lockKeys = ({ key }: OwnedLock) => [key]

const luaFence = `
local function lastFence()
  local text = redis.pcall("GET", KEYS[2])
  if type(text) ~= "string" or not string.match(text, "^%d+$") then return nil end
  local last = tonumber(text)
  if last > 0 and last < 9007199254740991 then return last end
end
local function nextFence()
  local fence = string.format("%.0f", math.max((lastFence() or 0) + 1, micros(ARGV[4])))
  redis.call("SET", KEYS[2], fence, "PX", ARGV[3])
  return tonumber(fence)
end
`

const lastFence = ({ call, keys: [, key = ""] }: RedisScript.ScriptContext): number | undefined => {
  const text = call("TYPE", key) === "string" ? call("GET", key) : null
  if (typeof text !== "string" || !/^\d+$/.test(text)) return undefined
  const last = Number(text)
  return last > 0 && last < Number.MAX_SAFE_INTEGER ? last : undefined
}

const nextFence = (context: RedisScript.ScriptContext): number => {
  const { args, call, keys } = context
  const fence = Math.max((lastFence(context) ?? 0) + 1, micros(context, args[3]))
  call("SET", keys[1] ?? "", fence, "PX", args[2] ?? "")
  return fence
}

/**
 * Acquires the lock for `token` if it is free. Replies 1 and the fencing token, or 0 and the milliseconds until the holder's
 * time ends (negative when it never does).
 *
 * A caller whose first reply was lost retries with the same token. It then owns the lock, and gets the same fencing token.
 *
 * A fencing token is the greater of two numbers: the last one plus one, and the server's time in microseconds. So tokens grow
 * even after the server has lost the last one. A text that is no token is replaced.
 *
 * @since 0.1.0
 * @category scripts
 */
export const acquire = RedisScript.make({
  name: "distributedLock.acquire",
  idempotent: true,
  keys: ({ key }: OwnedLock & { readonly timeToLiveMillis: number; readonly now?: number }) => [
    key,
    RedisKey.auxiliary(key, "fence")
  ],
  args: (input) => [input.token, input.timeToLiveMillis, fenceMillis, input.now ?? ""],
  lua: `${luaMicros}${luaFence}
    if redis.call("SET", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then return {1, nextFence()} end
    if redis.call("GET", KEYS[1]) ~= ARGV[1] then return {0, redis.call("PTTL", KEYS[1])} end
    redis.call("PEXPIRE", KEYS[1], ARGV[2])
    return {1, lastFence() or nextFence()}
  `,
  reply: Schema.Tuple(Schema.Literal(0, 1), Schema.Int).pipe(
    Schema.filter(([granted, value]) => (granted === 1 ? value > 0 : value >= -2), {
      message: () => "neither a fencing token above 0 nor the time until the holder's lock ends"
    })
  ),
  model: (context): RedisReply => {
    const {
      args: [token = "", timeToLiveMillis = ""],
      call,
      keys: [key = ""]
    } = context
    if (call("SET", key, token, "NX", "PX", timeToLiveMillis) !== null) return [1, nextFence(context)]
    if (call("GET", key) !== token) return [0, call("PTTL", key)]
    call("PEXPIRE", key, timeToLiveMillis)
    return [1, lastFence(context) ?? nextFence(context)]
  }
})

/**
 * Extends the lock to a whole time to live from now, if `token` owns it. Replies 1 when it does, -1 when another token owns
 * it, and 0 when none does.
 *
 * @since 0.1.0
 * @category scripts
 */
export const extend = RedisScript.make({
  name: "distributedLock.extend",
  idempotent: true,
  keys: (input: OwnedLock & { readonly timeToLiveMillis: number }) => lockKeys(input),
  args: (input) => [input.token, input.timeToLiveMillis],
  lua: `
    local holder = redis.call("GET", KEYS[1])
    if not holder then return 0 end
    if holder ~= ARGV[1] then return -1 end
    return redis.call("PEXPIRE", KEYS[1], ARGV[2])
  `,
  reply: Schema.Literal(-1, 0, 1),
  model: ({ args: [token = "", timeToLiveMillis = ""], call, keys: [key = ""] }) => {
    const holder = call("GET", key)
    if (holder === null) return 0
    return holder === token ? call("PEXPIRE", key, timeToLiveMillis) : -1
  }
})

/**
 * Deletes the lock if `token` owns it, and notifies the waiting callers. Replies how many locks were deleted.
 *
 * @since 0.1.0
 * @category scripts
 */
export const release = RedisScript.make({
  name: "distributedLock.release",
  idempotent: true,
  // the channel as the server knows it
  keys: (input: OwnedLock & { readonly channel: string }) => lockKeys(input),
  args: ({ channel, token }) => [token, channel],
  lua: `${luaNotify}
    if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
    redis.call("DEL", KEYS[1])
    notify(ARGV[2])
    return 1
  `,
  reply: Schema.Literal(0, 1),
  model: ({ args: [token = "", channel = ""], call, keys: [key = ""] }) => {
    if (call("GET", key) !== token) return 0
    call("DEL", key)
    call("PUBLISH", channel, "")
    return 1
  }
})
