/**
 * Builds the scripts of a limit from how its algorithm reads its state and what each operation does with it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { RedisReply } from "../../redis/RedisConnection.js"
import * as RedisScript from "../../redis/RedisScript.js"

/**
 * The input of every script of a limit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Input {
  readonly key: string
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
  /** Names the key of the state. Each algorithm has its own key, all in one slot. */
  readonly keyOf: (key: string) => string
  readonly consume: LimitScript<Consumed>
  readonly peek: LimitScript<Usage>
  readonly refund: LimitScript<Usage>
}

// with a wait of 0 a rejected caller would retry without end
const Consumed = Schema.Tuple(Schema.Literal(0, 1), Schema.NonNegativeInt, Schema.NonNegativeInt, Schema.Int).pipe(
  Schema.filter(([allowed, , , retry]) => (allowed === 1 ? retry === 0 : retry > 0 || retry === -1), {
    message: () => "the time until the same call is allowed contradicts the decision"
  })
)
const Usage = Schema.Tuple(Schema.NonNegativeInt, Schema.NonNegativeInt)

const argumentsOf = (input: Input): ReadonlyArray<string | number> => [
  input.cost,
  input.limit,
  input.windowMillis,
  input.burst,
  input.now ?? ""
]

// `text` formats a number as an integer, exact up to 2^53
const luaArguments = `
local cost, limit, window, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local function text(number)
  return string.format("%.0f", number)
end
`

/**
 * Reads the arguments in a model.
 *
 * @since 0.1.0
 * @category models
 */
export const readArguments = ({ args, keys }: RedisScript.ScriptContext) => ({
  key: keys[0] ?? "",
  cost: Number(args[0]),
  limit: Number(args[1]),
  window: Number(args[2]),
  burst: Number(args[3]),
  now: args[4]
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

/**
 * Makes the scripts of an algorithm.
 *
 * In Lua `cost`, `limit`, `window` (milliseconds), `burst` and `text` are defined; the time is `ARGV[5]`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <State>(algorithm: {
  readonly name: string
  readonly keyOf: (key: string) => string
  readonly readLua: string
  readonly read: (context: RedisScript.ScriptContext) => State
  readonly consume: Operation<State, Consumed>
  readonly peek: Operation<State, Usage>
  readonly refund: Operation<State, Usage>
}): LimitScripts => {
  const script = <Reply extends RedisReply, Encoded>(
    name: string,
    idempotent: boolean,
    { lua, model }: Operation<State, Reply>,
    reply: Schema.Schema<Reply, Encoded>
  ): LimitScript<Reply> => {
    const decide = (context: RedisScript.ScriptContext) => model(algorithm.read(context), context.call)
    const script = RedisScript.make({
      name: `rateLimiter.${algorithm.name}.${name}`,
      idempotent,
      keys: ({ key }: Input) => [algorithm.keyOf(key)],
      args: argumentsOf,
      lua: luaArguments + algorithm.readLua + lua,
      reply,
      model: decide
    })
    return { ...script, model: decide }
  }
  return {
    keyOf: algorithm.keyOf,
    consume: script("consume", false, algorithm.consume, Consumed),
    peek: script("peek", true, algorithm.peek, Usage),
    refund: script("refund", false, algorithm.refund, Usage)
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
