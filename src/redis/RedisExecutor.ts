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
import * as Stream from "effect/Stream"
import type { SubscriptionEvent, WithGeneration } from "./RedisClient.js"
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
  /** Fails with `RedisServerError`, code `ERR`, for a key with a lone surrogate, as `getBuffer` does. */
  readonly get: (key: string) => Effect.Effect<Option.Option<string>, RedisError>
  readonly getBuffer: (key: string) => Effect.Effect<Option.Option<Uint8Array>, RedisError>
  /** One command, whatever it is; an error reply is a failure. */
  readonly command: (
    command: string,
    args: ReadonlyArray<RedisArgument>,
    options: { readonly idempotent: boolean }
  ) => Effect.Effect<WithGeneration<RedisReply>, RedisError>
  /** The undecoded reply of an MGET; see `RedisClient`. */
  readonly unsafeMget: (
    keys: () => ReadonlyArray<string>,
    answered: (reply: Exit.Exit<WithGeneration<RedisReply>, RedisError>) => void
  ) => void
  /** The undecoded reply of a script. */
  readonly script: <Input, Output>(
    script: RedisScript<Input, Output>,
    input: Input
  ) => Effect.Effect<WithGeneration<RedisReply>, RedisError>
  /** As `script`; see `RedisClient`. */
  readonly unsafeScript: <Input, Output>(
    script: RedisScript<Input, Output>,
    input: Input,
    answered: (reply: Exit.Exit<WithGeneration<RedisReply>, RedisError>) => void
  ) => void
  readonly subscribe: (channel: string) => Stream.Stream<SubscriptionEvent, RedisError>
  /** As `subscribe`; see `RedisClient`. */
  readonly listen: (channel: string, heard: (event: SubscriptionEvent) => void) => Effect.Effect<never, RedisError>
  /** by how many milliseconds the server's clock is ahead of `MonotonicClock.unsafeMillis`, as last learned */
  readonly clockOffsetMillis: () => number
  readonly getStatus: Effect.Effect<RedisStatus>
  readonly statusChanges: Stream.Stream<ConnectionState>
  readonly circuitChanges: Stream.Stream<CircuitState>
  readonly close: Effect.Effect<void>
}

/**
 * What an executor whose commands are effects tells to callbacks. Scripts run in the order of their calls; keys that are
 * named in one drain of the microtasks are read together, and asked for also where the command then fails.
 *
 * @since 0.1.0
 * @category constructors
 */
export const callbacksOf = ({
  command,
  script,
  subscribe
}: Pick<RedisExecutor, "command" | "script" | "subscribe">): Effect.Effect<
  Pick<RedisExecutor, "unsafeMget" | "unsafeScript" | "listen">
> =>
  Effect.map(Effect.runtime<never>(), (runtime) => {
    const fork = Runtime.runFork(runtime)
    return {
      unsafeMget: (keys, answered) =>
        queueMicrotask(() => fork(command("MGET", keys(), { idempotent: true })).addObserver(answered)),
      unsafeScript: (which, input, answered) => fork(script(which, input)).addObserver(answered),
      listen: (channel, heard) =>
        Effect.zipRight(
          Stream.runForEach(subscribe(channel), (event) => Effect.sync(() => heard(event))),
          Effect.never
        )
    }
  })
