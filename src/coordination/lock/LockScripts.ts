/**
 * Scripts on the keys of a lock: one holds the token of the holder and expires, another the last fencing token. A third one exists
 * while a caller waits.
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

/** How long a caller that waits stays announced after its last try, in milliseconds: many times the pause between two tries. */
const announcedMillis = 5_000

const fenceOf = (key: string): string => RedisKey.auxiliary(key, "fence")

const waitingOf = (key: string): string => RedisKey.auxiliary(key, "waiting")

interface OwnedLock {
  readonly key: string
  readonly token: LockToken
}

interface AcquiredLock extends OwnedLock {
  readonly timeToLiveMillis: number
  readonly now?: number
}

const groupOf = () => ""

// One command stores a token and returns the last one. A server that has no such command, and a key of another type, are
// treated as if there were no token, or by two commands.
const luaAcquire = `${luaMicros}
local instant
local function lastOf(text)
  if type(text) ~= "string" or not string.match(text, "^%d+$") then return 0 end
  local last = tonumber(text)
  if last > 0 and last < 9007199254740991 then return last end
  return 0
end
local function store(key, fence)
  local err = redis.pcall("SET", key, string.format("%.0f", fence), "PX", "${fenceMillis}").err
  return err or {1, fence}
end
local function nextFence(key)
  instant = instant or math.floor(micros(ARGV[1]))
  local found = redis.pcall("SET", key, string.format("%.0f", instant), "PX", "${fenceMillis}", "GET")
  if type(found) == "table" and found.err then
    return store(key, math.max(lastOf(redis.pcall("GET", key)) + 1, instant))
  end
  local last = lastOf(found)
  if last >= instant then return store(key, last + 1) end
  return {1, instant}
end
local function acquire(key, fence, token, life)
  local stored = redis.pcall("SET", key, token, "NX", "PX", life)
  if stored and stored.err then return stored.err end
  if stored then return nextFence(fence) end
  local holder = redis.pcall("GET", key)
  if type(holder) == "table" then return holder.err end
  if holder ~= token then return {0, redis.call("PTTL", key)} end
  redis.call("PEXPIRE", key, life)
  local last = lastOf(redis.pcall("GET", fence))
  if last > 0 then return {1, last} end
  return nextFence(fence)
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
  const fence = Math.max((lastFence(context) ?? 0) + 1, micros(context, args[0]))
  call("SET", keys[1] ?? "", fence, "PX", fenceMillis)
  return fence
}

// one check of all parts, which costs less than a schema for each
const Acquired = Schema.Tuple(Schema.Number, Schema.Number).pipe(
  Schema.filter(
    (reply): reply is readonly [0 | 1, number] => {
      const [granted, value] = reply
      return Number.isSafeInteger(value) && (granted === 1 ? value > 0 : granted === 0 && value >= -2)
    },
    { message: () => "neither a fencing token above 0 nor the time until the holder's lock ends" }
  )
)

const acquired = (context: RedisScript.ScriptContext): RedisReply => {
  const {
    args: [, token = "", timeToLiveMillis = ""],
    call,
    keys: [key = ""]
  } = context
  if (call("SET", key, token, "NX", "PX", timeToLiveMillis) !== null) return [1, nextFence(context)]
  if (call("GET", key) !== token) return [0, call("PTTL", key)]
  call("PEXPIRE", key, timeToLiveMillis)
  return [1, lastFence(context) ?? nextFence(context)]
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
export const acquire = RedisScript.makeBatched({
  name: "distributedLock.acquire",
  idempotent: true,
  groupOf,
  keys: (inputs: ReadonlyArray<AcquiredLock>) => inputs.flatMap(({ key }) => [key, fenceOf(key)]),
  args: (inputs) => [
    inputs[0]?.now ?? "",
    ...inputs.flatMap(({ timeToLiveMillis, token }) => [token, timeToLiveMillis])
  ],
  lua: `${luaAcquire}
    local replies = {}
    for i = 1, #KEYS / 2 do
      replies[i] = acquire(KEYS[2 * i - 1], KEYS[2 * i], ARGV[2 * i], ARGV[2 * i + 1])
    end
    return replies
  `,
  reply: Acquired,
  model: acquired
})

/**
 * Like `acquire`, for a caller that waits: while another token owns the lock, it announces that somebody waits for the release.
 *
 * The announcement has a life of its own, which each try renews.
 *
 * @since 0.2.0
 * @category scripts
 */
export const acquireOrAnnounce = RedisScript.make({
  // to its callers and to telemetry it is an acquisition as any other
  name: "distributedLock.acquire",
  idempotent: true,
  keys: ({ key }: AcquiredLock) => [key, fenceOf(key), waitingOf(key)],
  args: ({ now, timeToLiveMillis, token }) => [now ?? "", token, timeToLiveMillis],
  lua: `${luaAcquire}
    local reply = acquire(KEYS[1], KEYS[2], ARGV[2], ARGV[3])
    if type(reply) == "string" then return redis.error_reply(reply) end
    if reply[1] == 0 then redis.call("SET", KEYS[3], "", "PX", "${announcedMillis}") end
    return reply
  `,
  reply: Acquired,
  model: (context) => {
    const reply = acquired(context)
    if (Array.isArray(reply) && reply[0] === 0) context.call("SET", context.keys[2] ?? "", "", "PX", announcedMillis)
    return reply
  }
})

/**
 * Extends the lock to a whole time to live from now, if `token` owns it. Replies 1 when it does, -1 when another token owns
 * it, and 0 when none does.
 *
 * @since 0.1.0
 * @category scripts
 */
export const extend = RedisScript.makeBatched({
  name: "distributedLock.extend",
  idempotent: true,
  groupOf,
  keys: (inputs: ReadonlyArray<OwnedLock & { readonly timeToLiveMillis: number }>) => inputs.map(({ key }) => key),
  args: (inputs) => inputs.flatMap(({ timeToLiveMillis, token }) => [token, timeToLiveMillis]),
  lua: `
    local replies = {}
    for i, key in ipairs(KEYS) do
      local holder = redis.pcall("GET", key)
      if type(holder) == "table" then replies[i] = holder.err
      elseif not holder then replies[i] = 0
      elseif holder ~= ARGV[2 * i - 1] then replies[i] = -1
      else replies[i] = redis.call("PEXPIRE", key, ARGV[2 * i])
      end
    end
    return replies
  `,
  reply: Schema.Literal(-1, 0, 1),
  model: ({ args: [token = "", timeToLiveMillis = ""], call, keys: [key = ""] }) => {
    const holder = call("GET", key)
    if (holder === null) return 0
    return holder === token ? call("PEXPIRE", key, timeToLiveMillis) : -1
  }
})

/**
 * Deletes the lock if `token` owns it, and notifies the waiting callers if there are any. Replies how many locks were deleted.
 *
 * A publish costs a server more than the deletion, and no caller waits for most locks.
 *
 * @since 0.1.0
 * @category scripts
 */
export const release = RedisScript.makeBatched({
  name: "distributedLock.release",
  idempotent: true,
  groupOf,
  // the channel as the server knows it
  keys: (inputs: ReadonlyArray<OwnedLock & { readonly channel: string }>) =>
    inputs.flatMap(({ key }) => [key, waitingOf(key)]),
  args: (inputs) => inputs.flatMap(({ channel, token }) => [token, channel]),
  lua: `${luaNotify}
    local replies = {}
    for i = 1, #KEYS / 2 do
      local key = KEYS[2 * i - 1]
      local holder = redis.pcall("GET", key)
      replies[i] = 0
      if type(holder) == "table" then
        replies[i] = holder.err
      elseif holder == ARGV[2 * i - 1] then
        replies[i] = 1
        if redis.call("DEL", key, KEYS[2 * i]) > 1 then notify(ARGV[2 * i]) end
      end
    end
    return replies
  `,
  reply: Schema.Literal(0, 1),
  model: ({ args: [token = "", channel = ""], call, keys: [key = "", waiting = ""] }) => {
    if (call("GET", key) !== token) return 0
    if (Number(call("DEL", key, waiting)) > 1) call("PUBLISH", channel, "")
    return 1
  }
})
