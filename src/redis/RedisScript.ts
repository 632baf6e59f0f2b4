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
}): RedisScript<Input, Output> => script as RedisScript<Input, Output>
