/**
 * Running lookups: timed and counted, never longer than they may take, and few at once where Redis being away has caused
 * them (rule 13 of docs/protocol.md).
 *
 * @since 0.1.0
 */

import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { millisBetween } from "../../internal/LatencyHistogram.js"
import * as Stall from "../../internal/Stall.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import * as LoadGraph from "./LoadGraph.js"
import * as LookupPermits from "./LookupPermits.js"

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
export interface LookupRunnerOptions {
  readonly name: string
  readonly observer: Pick<CacheObserver, "lookedUp" | "lookupRejected">
  /** lookups at once without Redis */
  readonly maxLookups: number
  /** the most keys that one of those is for */
  readonly maxBatch: number
  /** keys that wait for one of those */
  readonly maxWaiting: number
  readonly hardTimeout: Duration.Duration | undefined
}

/**
 * The lookup of one key, as its source sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lookup {
  /** whether Redis being away has caused it, so that few of the source's calls run at once */
  readonly isBounded: boolean
  /** Whether it is asked in its caller's fiber and by a call of its own, as in a transaction; else it may share a batch. */
  readonly isAlone: boolean
  /** Says that the source is being asked: the time before that is not its own. */
  readonly begin: () => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LookupRunner {
  /**
   * Counts and times the lookup of a key. One that is bounded fails with `LookupOverloaded`, at once, when too many are
   * under way or wait, unless a holder of a permit waits for it.
   */
  readonly run: <A, E>(
    key: string,
    isBounded: boolean,
    lookup: (lookup: Lookup) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | LookupOverloaded>
  /**
   * Asks the source once, for one key or for several: as soon as one of few permits is free, where it is bounded and no
   * holder of a permit waits for it. Fails with `LookupTimeout` where there is a hard timeout, and keeps the permit until
   * the source has really ended.
   */
  readonly call: <A, E>(isBounded: boolean, source: Effect.Effect<A, E>) => Effect.Effect<A, E | LookupTimeout>
}

type Restore = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = ({
  hardTimeout,
  maxBatch,
  maxLookups,
  maxWaiting,
  name,
  observer
}: LookupRunnerOptions): Effect.Effect<LookupRunner> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const permits = LookupPermits.make(maxLookups)
    let queued = 0

    /** Also a lookup that cannot be interrupted keeps its callers no longer. */
    const inTime = <A, E>(lookup: Effect.Effect<A, E>, restore: Restore): Effect.Effect<A, E | LookupTimeout> =>
      hardTimeout === undefined
        ? lookup
        : Effect.flatMap(Effect.forkDaemon(lookup), (fiber) =>
            Fiber.join(fiber).pipe(
              Stall.timeoutFail({
                duration: hardTimeout,
                onTimeout: () => new LookupTimeout({ cache: name, timeout: hardTimeout })
              }),
              restore,
              Effect.onError(() => Fiber.interruptFork(fiber))
            )
          )

    const withPermit = <A, E>(source: Effect.Effect<A, E>, restore: Restore) =>
      Effect.withFiberRuntime<A, E | LookupTimeout>((fiber) => {
        const ticket = permits.ask(LoadGraph.of(fiber))
        const end = Effect.sync(ticket.end)
        return Effect.zipRight(
          Effect.onError(restore(ticket.admitted), () => end),
          inTime(Effect.ensuring(restore(source), end), restore)
        )
      })

    const counted = <A, E>(
      key: string,
      isBounded: boolean,
      lookup: (lookup: Lookup) => Effect.Effect<A, E>
    ): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        let started = clock.unsafeCurrentTimeNanos()
        const begin = () => {
          started = clock.unsafeCurrentTimeNanos()
        }
        return Effect.onExit(lookup({ isBounded, isAlone: false, begin }), (exit) =>
          Effect.sync(() =>
            observer.lookedUp(key, millisBetween(started, clock.unsafeCurrentTimeNanos()), Exit.isSuccess(exit))
          )
        )
      })

    const run: LookupRunner["run"] = <A, E>(
      key: string,
      isBounded: boolean,
      lookup: (lookup: Lookup) => Effect.Effect<A, E>
    ) => {
      if (!isBounded) return counted(key, isBounded, lookup)
      return Effect.withFiberRuntime<A, E | LookupOverloaded>((fiber) => {
        if (LoadGraph.mayPass(LoadGraph.of(fiber))) return counted(key, isBounded, lookup)
        if (queued >= maxLookups * maxBatch + maxWaiting) {
          observer.lookupRejected()
          return Effect.fail(new LookupOverloaded({ cache: name }))
        }
        return Effect.acquireUseRelease(
          Effect.sync(() => {
            queued++
          }),
          () => counted(key, isBounded, lookup),
          () =>
            Effect.sync(() => {
              queued--
            })
        )
      })
    }

    return {
      run,
      call: (isBounded, source) =>
        !isBounded && hardTimeout === undefined
          ? source
          : Effect.uninterruptibleMask((restore) =>
              isBounded ? withPermit(source, restore) : inTime(restore(source), restore)
            )
    }
  })
