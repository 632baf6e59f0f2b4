/**
 * Builds the scripts of a limit from how its algorithm reads its state and what each operation does with it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { RedisReply } from "../../redis/RedisConnection.js"
import * as RedisKey from "../../redis/RedisKey.js"
import * as RedisScript from "../../redis/RedisScript.js"
import { luaMicros } from "../../redis/ServerTime.js"

/**
 * The input of every script of a limit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Input {
  readonly key: string
  /** the name of the limit, where it has one */
  readonly name?: string | undefined
  readonly cost: number
  readonly limit: number
  readonly windowMillis: number
  readonly burst: number
  /** the time in microseconds, for tests; the server's time when absent */
  readonly now?: number
}

/**
 * The decision on a call: whether it is allowed, how much remains, and the microseconds until the whole limit is available.
 * The last part is the microseconds until the same call is allowed: 0 when it is, -1 when it never is.
 *
 * @since 0.1.0
 * @category models
 */
export type Consumed = readonly [allowed: 0 | 1, remaining: number, resetMicros: number, retryMicros: number]

/**
 * How much of a limit remains, and the microseconds until the whole limit is available.
 *
 * @since 0.1.0
 * @category models
 */
export type Usage = readonly [remaining: number, resetMicros: number]

/**
 * A script whose model returns the type of its reply, so that it also decides without a server.
 *
 * @since 0.2.0
 * @category models
 */
export interface LimitScript<Reply extends RedisReply> extends RedisScript.RedisScript<Input, Reply> {
  readonly model: (context: RedisScript.ScriptContext) => Reply
}

/**
 * The scripts of one algorithm. A rejected call and `peek` change nothing. `refund` returns the cost of an allowed call, as far as
 * it still counts.
 *
 * @since 0.1.0
 * @category models
 */
export interface LimitScripts {
  /** Names the key of the state. Each algorithm and each name has its own key, all in one slot. */
  readonly keyOf: (key: string, name?: string) => string
  /** the Lua that reads the state, and that of the operations of which a script of several limits consists */
  readonly lua: { readonly read: string; readonly consume: string; readonly peek: string }
  readonly consume: LimitScript<Consumed>
  readonly peek: LimitScript<Usage>
  readonly refund: LimitScript<Usage>
  /** Takes a cost, at most the whole limit, whether or not that much remains. */
  readonly penalize: LimitScript<Usage>
}

const isCount = (part: number): boolean => Number.isSafeInteger(part) && part >= 0

/**
 * Whether the parts of a decision can be right. With a wait of 0 a rejected caller would retry without end.
 *
 * @since 0.2.0
 * @category guards
 */
export const isConsumed = (
  reply: readonly [allowed: number, remaining: number, reset: number, retry: number]
): reply is Consumed => {
  const [allowed, remaining, reset, retry] = reply
  if (!isCount(remaining) || !isCount(reset)) return false
  return allowed === 1 ? retry === 0 : allowed === 0 && (retry === -1 || (isCount(retry) && retry > 0))
}

/**
 * The complaint about a reply that `isConsumed` rejects.
 *
 * @since 0.2.0
 * @category constants
 */
export const contradiction =
  "parts that are no counts, or a time until the same call is allowed that contradicts the decision"

// one check of all parts: a schema for each would take a tenth of a call
const Consumed = Schema.Tuple(Schema.Number, Schema.Number, Schema.Number, Schema.Number).pipe(
  Schema.filter(isConsumed, { message: () => contradiction })
)
const Usage = Schema.Tuple(Schema.Number, Schema.Number).pipe(
  Schema.filter(([remaining, reset]) => isCount(remaining) && isCount(reset), {
    message: () => "parts that are no counts"
  })
)

/** The numbers of a limit, by which its calls share a command. Most programs ask for one limit many times in a row. */
const groupOf = ({ burst, limit, windowMillis }: Input): string => {
  if (limit !== last.limit || windowMillis !== last.windowMillis || burst !== last.burst) {
    last = { limit, windowMillis, burst, group: `${limit} ${windowMillis} ${burst}` }
  }
  return last.group
}
let last = { limit: 0, windowMillis: 0, burst: 0, group: "0 0 0" }

const argumentsOf = (inputs: ReadonlyArray<Input>): ReadonlyArray<string | number> => {
  const [first] = inputs
  const args: Array<string | number> = [
    first?.limit ?? 0,
    first?.windowMillis ?? 0,
    first?.burst ?? 0,
    first?.now ?? ""
  ]
  for (const { cost } of inputs) args.push(cost)
  return args
}

/**
 * Defines `failure_of(reply)`, the text of an error that `pcall` has caught: a call that fails in a batch says so for itself.
 *
 * @since 0.2.0
 * @category scripts
 */
export const luaFailure = `
local function failure_of(reply)
  local failure = type(reply) == "table" and reply.err or tostring(reply)
  return (string.gsub(failure, "^@?user_script:%s*%d+:%s*", ""))
end`

/**
 * Defines what the Lua of each algorithm uses: `clock_micros()`, the time, which is argument `place` or the server's; `text`,
 * which formats a number as an integer, exact up to 2^53; and `failure_of`.
 *
 * @since 0.2.0
 * @category scripts
 */
export const luaTools = (place: number): string => `${luaMicros}
local function text(number)
  return string.format("%.0f", number)
end
local instant
local function clock_micros()
  instant = instant or micros(ARGV[${place}])
  return instant
end
${luaFailure}`

/**
 * Defines `blocked_micros(key)`: how long the key is blocked, nil where it is not. A block is a hash in the place of the state, so
 * that the commands of each algorithm fail with WRONGTYPE: a call that is not blocked pays nothing for it.
 *
 * @since 0.2.0
 * @category scripts
 */
export const luaBlocked = `
local function blocked_micros(key)
  if type(redis.pcall("HGET", key, "blocked")) ~= "string" then return nil end
  return math.floor(math.max(redis.call("PTTL", key), 1) * 1000)
end`

/** Models `blocked_micros`. */
const blockedMicros = ({ call, keys: [key = ""] }: RedisScript.ScriptContext): number | undefined => {
  try {
    if (call("HGET", key, "blocked") === null) return undefined
  } catch {
    return undefined
  }
  return Math.max(Number(call("PTTL", key)), 1) * 1000
}

/**
 * Blocks a key for a time in milliseconds: its state is a hash, which ends with that time.
 *
 * @since 0.2.0
 * @category scripts
 */
export const block = RedisScript.make({
  name: "rateLimiter.block",
  idempotent: true,
  keys: ({ key }: { readonly key: string; readonly millis: number }) => [key],
  args: ({ millis }) => [millis],
  lua: `
    redis.call("DEL", KEYS[1])
    redis.call("HSET", KEYS[1], "blocked", "1")
    return redis.call("PEXPIRE", KEYS[1], ARGV[1])
  `,
  reply: Schema.Literal(1),
  model: ({ args: [millis = ""], call, keys: [key = ""] }) => {
    call("DEL", key)
    call("HSET", key, "blocked", "1")
    return call("PEXPIRE", key, millis)
  }
})

// each call decides on its own key, which the body takes for the only one; a call that fails says so for itself
const luaOf = (body: string, blocked: string): string => `${luaTools(4)}${luaBlocked}
local function decide(KEYS, cost, limit, window, burst, numbers, same)
${body}
end
local limit, window, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local numbers = ":" .. ARGV[1] .. ":" .. ARGV[2]
local same = "^(%d+):(%d+)" .. numbers .. "$"
local replies = {}
for i, key in ipairs(KEYS) do
  local ok, reply = pcall(decide, {key}, tonumber(ARGV[i + 4]), limit, window, burst, numbers, same)
  if not ok then
    local left = blocked_micros(key)
    reply = left and ${blocked} or failure_of(reply)
  end
  replies[i] = reply
end
return replies
`

/**
 * Reads the arguments in a model.
 *
 * @since 0.1.0
 * @category models
 */
export const readArguments = ({ args, keys }: RedisScript.ScriptContext) => ({
  key: keys[0] ?? "",
  limit: Number(args[0]),
  window: Number(args[1]),
  burst: Number(args[2]),
  numbers: `:${args[0]}:${args[1]}`,
  now: args[3],
  cost: Number(args[4])
})

/**
 * One operation of an algorithm: its Lua after the state was read, and its model of the same.
 *
 * @since 0.1.0
 * @category models
 */
export interface Operation<State, Reply> {
  readonly lua: string
  readonly model: (state: State, call: RedisScript.ScriptContext["call"]) => Reply
}

/** The reply of a script while its key is blocked for `left` microseconds. */
interface Blocked<out Reply> {
  readonly lua: string
  readonly reply: (left: number) => Reply
}

const rejectedAsBlocked: Blocked<Consumed> = { lua: "{0, 0, left, left}", reply: (left) => [0, 0, left, left] }
const nothingLeft: Blocked<Usage> = { lua: "{0, left}", reply: (left) => [0, left] }

/**
 * Makes the scripts of an algorithm.
 *
 * In Lua `KEYS[1]`, `cost`, `limit`, `window` (milliseconds), `burst`, `numbers` (`:limit:window`), `same` and `text` are defined. `clock_micros()` is the time.
 * `same` matches a time with these numbers: a concatenation in each call would cost more than the match.
 * The calls of one turn on a limit travel as one command, also several of one key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <State>(algorithm: {
  readonly name: string
  /** the last part of the key of the state */
  readonly suffix: string
  /** whether the state of a limit without a name is the key itself */
  readonly isBare?: boolean
  readonly readLua: string
  readonly read: (context: RedisScript.ScriptContext) => State
  readonly consume: Operation<State, Consumed>
  readonly peek: Operation<State, Usage>
  readonly refund: Operation<State, Usage>
  readonly penalize: Operation<State, Usage>
}): LimitScripts => {
  const keyOf = (key: string, name?: string): string =>
    name !== undefined
      ? RedisKey.auxiliary(key, `${algorithm.suffix}:${name}`)
      : algorithm.isBare === true
        ? key
        : RedisKey.auxiliary(key, algorithm.suffix)
  const script = <Reply extends RedisReply, Encoded>(
    name: string,
    idempotent: boolean,
    { lua, model }: Operation<State, Reply>,
    reply: Schema.Schema<Reply, Encoded>,
    blocked: Blocked<Reply>
  ): LimitScript<Reply> => {
    const decide = (context: RedisScript.ScriptContext) => {
      try {
        return model(algorithm.read(context), context.call)
      } catch (error) {
        const left = blockedMicros(context)
        if (left === undefined) throw error
        return blocked.reply(left)
      }
    }
    const script = RedisScript.makeBatched({
      name: `rateLimiter.${algorithm.name}.${name}`,
      idempotent,
      groupOf,
      sharesKeys: true,
      keys: (inputs: ReadonlyArray<Input>) => inputs.map(({ key, name }) => keyOf(key, name)),
      args: argumentsOf,
      lua: luaOf(algorithm.readLua + lua, blocked.lua),
      reply,
      model: decide
    })
    return { ...script, model: decide }
  }
  return {
    keyOf,
    lua: { read: algorithm.readLua, consume: algorithm.consume.lua, peek: algorithm.peek.lua },
    consume: script("consume", false, algorithm.consume, Consumed, rejectedAsBlocked),
    peek: script("peek", true, algorithm.peek, Usage, nothingLeft),
    refund: script("refund", false, algorithm.refund, Usage, nothingLeft),
    penalize: script("penalize", false, algorithm.penalize, Usage, nothingLeft)
  }
}

/**
 * How much longer than needed a key is kept, in milliseconds: servers expire keys by a coarser clock than TIME.
 *
 * @since 0.1.0
 * @category constants
 */
export const keptLongerMillis = 1_000

/**
 * Returns the text of a reply, or an empty text for any other reply.
 *
 * @since 0.1.0
 * @category utils
 */
export const textOf = (reply: RedisReply): string => (typeof reply === "string" ? reply : "")
