/**
 * Running lookups: timed and counted, never longer than they may take, and few at once where Redis being away has caused
 * them (rule 13 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type { CacheObserver } from "./CacheObserver.js"
import { millisBetween } from "./LatencyHistogram.js"

/**
 * Too many lookups were under way because Redis is away, and too many waited.
 *
 * @since 0.1.0
 * @category errors
 */
export class LookupOverloaded extends Schema.TaggedError<LookupOverloaded>()("LookupOverloaded", {
  cache: Schema.String
}) {
  override get message(): string {
    return `the cache "${this.cache}" does without Redis and has too many lookups under way: try again later`
  }
}

/**
 * A lookup took longer than the cache's `hardTimeout`, and was interrupted.
 *
 * @since 0.1.0
 * @category errors
 */
export class LookupTimeout extends Schema.TaggedError<LookupTimeout>()("LookupTimeout", {
  cache: Schema.String,
  timeout: Schema.DurationFromMillis
}) {
  override get message(): string {
    return `a lookup of the cache "${this.cache}" was given up after its hard timeout`
  }
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LookupsOptions {
  readonly name: string
  readonly observer: CacheObserver
  /** lookups at once without Redis */
  readonly maxLookups: number
  /** callers that wait for one of those */
  readonly maxWaiting: number
  readonly hardTimeout: Duration.Duration | undefined
}

/**
 * Both count and time, and fail with `LookupTimeout` where there is a hard timeout.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lookups {
  readonly run: <A, E>(key: string, lookup: Effect.Effect<A, E>) => Effect.Effect<A, E | LookupTimeout>
  /** Waits for a permit first; fails with `LookupOverloaded`, at once, when too many do. */
  readonly runBounded: <A, E>(
    key: string,
    lookup: Effect.Effect<A, E>
  ) => Effect.Effect<A, E | LookupTimeout | LookupOverloaded>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ hardTimeout, maxLookups, maxWaiting, name, observer }: LookupsOptions): Effect.Effect<Lookups> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const permits = yield* Effect.makeSemaphore(maxLookups)
    let queued = 0

    const bound = <A, E>(lookup: Effect.Effect<A, E>): Effect.Effect<A, E | LookupTimeout> =>
      hardTimeout === undefined
        ? lookup
        : Effect.timeoutFail(
            // also a lookup that cannot be interrupted keeps its callers no longer
            Effect.disconnect(lookup),
            { duration: hardTimeout, onTimeout: () => new LookupTimeout({ cache: name, timeout: hardTimeout }) }
          )

    const run: Lookups["run"] = (key, lookup) =>
      Effect.suspend(() => {
        const started = clock.unsafeCurrentTimeNanos()
        return Effect.onExit(bound(lookup), (exit) =>
          Effect.sync(() =>
            observer.lookedUp(key, millisBetween(started, clock.unsafeCurrentTimeNanos()), Exit.isSuccess(exit))
          )
        )
      })

    const runBounded: Lookups["runBounded"] = <A, E>(key: string, lookup: Effect.Effect<A, E>) =>
      Effect.suspend((): Effect.Effect<A, E | LookupTimeout | LookupOverloaded> => {
        if (queued >= maxLookups + maxWaiting) {
          observer.counters.lookupsRefused++
          return Effect.fail(new LookupOverloaded({ cache: name }))
        }
        return Effect.acquireUseRelease(
          Effect.sync(() => {
            queued++
          }),
          () => permits.withPermits(1)(run(key, lookup)),
          () =>
            Effect.sync(() => {
              queued--
            })
        )
      })

    return { run, runBounded }
  })
