/**
 * Defines an atomic operation as one value. It holds the Lua that a server runs, the pure model that the memory layer runs,
 * and the schema that both replies satisfy.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import type { RedisArgument, RedisReply } from "./RedisConnection.js"

/**
 * The input of a model: the keys and arguments as the Lua sees them, and `call`. `call` runs a command on the model of the
 * server, as `redis.call` does in Lua: an error reply is thrown and ends the script. Time is read with `call("TIME")`. A
 * model has no other input, so that it is a function of the keyspace.
 *
 * @since 0.1.0
 * @category models
 */
export interface ScriptContext {
  readonly keys: ReadonlyArray<string>
  readonly args: ReadonlyArray<string>
  readonly call: (command: string, ...args: ReadonlyArray<RedisArgument>) => RedisReply
}

/**
 * How the calls of one turn become one command: a call of a script costs a server several times as much as the commands
 * inside it.
 *
 * @since 0.2.0
 * @category models
 */
export interface ScriptBatch<in Input> {
  /**
   * The Lua of several calls. It answers an array with one reply for each call, in their order, which is no text; the text of
   * an error stands for a call that has failed. It must do what the calls would do one after the other. No two of them have a
   * key in common, unless `sharesKeys`.
   */
  readonly lua: string
  /** Calls with the same answer may share a command, such as those of one channel. */
  readonly groupOf: (input: Input) => string
  readonly keys: (inputs: ReadonlyArray<Input>) => ReadonlyArray<string>
  readonly args: (inputs: ReadonlyArray<Input>) => ReadonlyArray<RedisArgument>
  /** Whether calls with a key in common may share a command. */
  readonly sharesKeys?: boolean | undefined
  /** The length of what may be large in a call: calls that are large together travel apart. */
  readonly length?: ((input: Input) => number) | undefined
}

/**
 * An atomic operation with input `Input`, whose reply decodes to `Output`.
 *
 * Rules that servers impose:
 *
 * - `keys` returns every key that the script touches. Keys that go together share a hash tag.
 * - The Lua runs on 5.1 (Redis, Valkey) and on 5.4 (Dragonfly). Numbers therefore pass `math.floor` before they are
 *   returned or converted to text.
 * - Replies are integers, strings or arrays of them.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisScript<Input, Output> {
  readonly name: string
  readonly lua: string
  /** Whether running it twice leaves what running it once leaves: only then is it repeated after an unknown outcome. */
  readonly idempotent: boolean
  /**
   * Whether all calls of one turn of the event loop are sent together, since their callers batch by turns what they do
   * next. Otherwise many calls are sent in two halves, which is faster.
   */
  readonly inOneGo?: boolean
  /**
   * Whether an argument is a time of the server's clock. A cluster then computes the arguments anew for each server that it
   * sends the script to. It does not send the script to a server whose slot is only on its way.
   */
  readonly hasServerTime?: boolean
  readonly keys: (input: Input) => ReadonlyArray<string>
  readonly args: (input: Input) => ReadonlyArray<RedisArgument>
  readonly reply: Schema.Schema<Output, unknown>
  readonly model: (context: ScriptContext) => RedisReply
  /** Present where the calls of one turn may be sent as one command. */
  readonly batch?: ScriptBatch<Input> | undefined
}

/**
 * Defines a script.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { RedisScript } from "effect-cache-toolkit"
 * import * as Schema from "effect/Schema"
 *
 * const incrementWithLimit = RedisScript.make({
 *   name: "incrementWithLimit",
 *   idempotent: false,
 *   keys: (input: { readonly key: string; readonly limit: number }) => [input.key],
 *   args: (input) => [input.limit],
 *   lua: `
 *     local count = tonumber(redis.call("GET", KEYS[1]) or "0")
 *     if count >= tonumber(ARGV[1]) then return -1 end
 *     return redis.call("INCR", KEYS[1])
 *   `,
 *   reply: Schema.Int,
 *   model: ({ keys: [key = ""], args: [limit], call }) => {
 *     const count = Number(call("GET", key) ?? "0")
 *     return count >= Number(limit) ? -1 : call("INCR", key)
 *   }
 * })
 */
export const make = <Input, Output, Encoded>(script: {
  readonly name: string
  readonly lua: string
  readonly idempotent: boolean
  readonly inOneGo?: boolean
  /**
   * Whether an argument is a time of the server's clock. A cluster then computes the arguments anew for each server that it
   * sends the script to. It does not send the script to a server whose slot is only on its way.
   */
  readonly hasServerTime?: boolean
  readonly keys: (input: Input) => ReadonlyArray<string>
  readonly args: (input: Input) => ReadonlyArray<RedisArgument>
  readonly reply: Schema.Schema<Output, Encoded>
  readonly model: (context: ScriptContext) => RedisReply
  readonly batch?: ScriptBatch<Input> | undefined
}): RedisScript<Input, Output> => script as RedisScript<Input, Output>

/**
 * Defines a script whose calls of one turn travel as one command. Its Lua is that of a batch (see `ScriptBatch`), and a call
 * that travels alone is a batch of one. `model` is of one call.
 *
 * @since 0.2.0
 * @category constructors
 * @example
 * import { RedisScript } from "effect-cache-toolkit"
 * import * as Schema from "effect/Schema"
 *
 * const countDown = RedisScript.makeBatched({
 *   name: "countDown",
 *   idempotent: false,
 *   groupOf: () => "",
 *   keys: (inputs: ReadonlyArray<{ readonly key: string; readonly from: number }>) => inputs.map(({ key }) => key),
 *   args: (inputs) => inputs.map(({ from }) => from),
 *   lua: `
 *     local replies = {}
 *     for i, key in ipairs(KEYS) do
 *       local left = tonumber(redis.call("GET", key) or ARGV[i]) - 1
 *       redis.call("SET", key, left)
 *       replies[i] = left
 *     end
 *     return replies
 *   `,
 *   reply: Schema.Int,
 *   model: ({ keys: [key = ""], args: [from], call }) => {
 *     const left = Number(call("GET", key) ?? from) - 1
 *     call("SET", key, left)
 *     return left
 *   }
 * })
 */
export const makeBatched = <Input, Output, Encoded>({
  args,
  groupOf,
  keys,
  length,
  lua,
  sharesKeys,
  ...script
}: Pick<RedisScript<Input, Output>, "name" | "idempotent" | "inOneGo" | "hasServerTime" | "model"> &
  ScriptBatch<Input> & { readonly reply: Schema.Schema<Output, Encoded> }): RedisScript<Input, Output> =>
  make({
    ...script,
    lua: `
local function batch()
${lua}
end
local reply = batch()[1]
if type(reply) == "string" then return redis.error_reply(reply) end
return reply
`,
    keys: (input: Input) => keys([input]),
    args: (input: Input) => args([input]),
    batch: { lua, groupOf, keys, args, length, sharesKeys }
  })
