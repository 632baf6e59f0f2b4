/**
 * Where spans begin: operations of callers, commands, and lookups that callers share. While no listener is installed each
 * place costs one check of a field. The listener decides which callers it traces.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Observed from "./Observed.js"

/**
 * An operation that has a span of its own.
 *
 * @since 0.2.0
 * @category models
 */
export interface Operation {
  readonly name:
    | "cache.get"
    | "cache.put"
    | "cache.remove"
    | "cache.flush"
    | "cache.refresh"
    | "ratelimit.consume"
    | "lock.acquire"
  /** the cache, the algorithm or the kind of lock */
  readonly of: string
  /** shown only where key values were asked for */
  readonly key?: (() => string | undefined) | undefined
  /** of several values */
  readonly count?: number | undefined
}

/**
 * A load, on which the listener notes the spans of the callers that wait for it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Awaited {
  waitingSpans?: unknown
}

/**
 * @since 0.2.0
 * @category models
 */
export interface TraceListener {
  /** Whether the running fiber is traced. */
  readonly isTraced: () => boolean
  /** Runs an operation in a span, where its caller is traced. */
  readonly operation: <A, E, R>(operation: Operation, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Starts the span of a command of the running fiber. The answer ends it; undefined where the fiber is not traced. */
  readonly command: (
    command: string,
    address: string,
    script: string | undefined
  ) => ((exit: Exit.Exit<unknown, unknown>) => void) | undefined
  /** A caller waits for a load. */
  readonly waits: (caller: Fiber.RuntimeFiber<unknown, unknown>, load: Awaited) => void
  /** Runs the lookup of a load in a span that is linked to the callers that wait for it. */
  readonly lookup: <A, E>(cache: string, key: string, load: Awaited, lookup: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

/**
 * @since 0.2.0
 * @category getters
 */
export const tracing: Observed.Observed<never, TraceListener> = Observed.make("traces")

/**
 * Runs an operation in a span, where its caller is traced.
 *
 * @since 0.2.0
 * @category combinators
 */
export const operation = <A, E, R>(operation: Operation, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  tracing.listener === undefined ? effect : tracing.listener.operation(operation, effect)
