/**
 * What it takes to be a `RedisClient`: the few operations from which `RedisCommands` builds all typed commands. There are
 * two executors: the supervised connection to a server, and the keyspace in memory.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Stream from "effect/Stream"
import type { Stamped, SubscriptionEvent } from "./RedisClient.js"
import type { RedisArgument, RedisReply } from "./RedisConnection.js"
import type { RedisError } from "./RedisError.js"
import type { RedisScript } from "./RedisScript.js"
import type { CircuitState, ConnectionState, RedisStatus } from "./RedisStatus.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisExecutor {
  /** The text under a key; none when there is none or the key holds another type. The hottest path: no mapping above it. */
  readonly get: (key: string) => Effect.Effect<Option.Option<string>, RedisError>
  readonly getBuffer: (key: string) => Effect.Effect<Option.Option<Uint8Array>, RedisError>
  /** One command, whatever it is; an error reply is a failure. */
  readonly command: (
    command: string,
    args: ReadonlyArray<RedisArgument>,
    options: { readonly idempotent: boolean }
  ) => Effect.Effect<Stamped<RedisReply>, RedisError>
  /** The undecoded reply of an MGET; see `RedisClient`. */
  readonly unsafeMget: (
    keys: () => ReadonlyArray<string>,
    answered: (reply: Exit.Exit<Stamped<RedisReply>, RedisError>) => void
  ) => void
  /** The undecoded reply of a script. */
  readonly script: <Input, Output>(
    script: RedisScript<Input, Output>,
    input: Input
  ) => Effect.Effect<Stamped<RedisReply>, RedisError>
  readonly subscribe: (channel: string) => Stream.Stream<SubscriptionEvent, RedisError>
  /** by how many milliseconds the server's clock is ahead of this process's, as last learned */
  readonly clockOffsetMillis: () => number
  readonly getStatus: Effect.Effect<RedisStatus>
  readonly statusChanges: Stream.Stream<ConnectionState>
  readonly circuitChanges: Stream.Stream<CircuitState>
  readonly close: Effect.Effect<void>
}

/**
 * `unsafeMget` of an executor whose commands are effects: what asks in one drain of the microtasks joins.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unsafeMgetOf = (command: RedisExecutor["command"]): Effect.Effect<RedisExecutor["unsafeMget"]> =>
  Effect.map(Effect.runtime<never>(), (runtime) => {
    const run = Runtime.runFork(runtime)
    return (keys, answered) =>
      queueMicrotask(() => run(command("MGET", keys(), { idempotent: true })).addObserver(answered))
  })
