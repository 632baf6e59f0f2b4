/**
 * Runs lookups: counts and times them, interrupts those that take too long, and bounds those that run because Redis is
 * unavailable (rule 13 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Eager from "../../internal/effect/Eager.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as Stall from "../../internal/Stall.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import * as LoadGraph from "./LoadGraph.js"
import * as LookupPermits from "./LookupPermits.js"

/**
 * Redis is unavailable, `maxLookups` lookups run without it, and `maxWaiting` callers wait for them. No lookup was started.
 *
 * @since 0.1.0
 * @category errors
 */
export class LookupOverloaded extends Schema.TaggedError<LookupOverloaded>()("LookupOverloaded", {
  cache: Schema.String
}) {
  override get message(): string {
    return (
      `cache "${this.cache}": Redis is away, and \`outage.maxLookups\` lookups run and ` +
      "`outage.maxWaiting` callers wait; retry later, or raise these options"
    )
  }
}

/**
 * A lookup took longer than the cache's `hardTimeout` and was interrupted.
 *
 * @since 0.1.0
 * @category errors
 */
export class LookupTimeout extends Schema.TaggedError<LookupTimeout>()("LookupTimeout", {
  cache: Schema.String,
  timeout: Schema.DurationFromMillis
}) {
  override get message(): string {
    return (
      `cache "${this.cache}": a lookup took longer than its hard timeout of ${Duration.format(this.timeout)} and was ` +
      "interrupted; retry later, or raise `refresh.hardTimeout`"
    )
  }
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LookupRunnerOptions {
  readonly name: string
  readonly observer: Pick<CacheObserver, "lookedUp" | "lookupRejected">
  /** concurrent lookups without Redis, as of now */
  readonly maxLookups: () => number
  /** the most keys of one lookup */
  readonly maxBatch: number
  /** keys that wait for a lookup without Redis */
  readonly maxWaiting: number
  readonly hardTimeout: Duration.Duration | undefined
}

/**
 * The lookup of one key, as the source sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lookup {
  /** It runs because Redis is unavailable, and needs a permit. */
  readonly isBounded: boolean
  /** It runs in its caller's fiber, as in a transaction. Any other lookup may share a batch. */
  readonly isAlone: boolean
  /** Called when the call of the source begins: the time before is not counted. */
  readonly begin: () => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LookupRunner {
  /**
   * Counts and times the lookup of a key, which it starts at once: run the effect once. It is an `Exit` where the lookup answers
   * at once. A bounded lookup fails with `LookupOverloaded`, at once, where too many run or
   * wait. It never fails so where the holder of a permit waits for it.
   */
  readonly run: <A, E>(
    key: string,
    isBounded: boolean,
    lookup: (lookup: Lookup) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | LookupOverloaded>
  /** Whether a call needs neither a permit nor a time-out. */
  readonly isPlain: (isBounded: boolean) => boolean
  /**
   * Calls the source once, for one key or several. A bounded call waits for a permit, unless the holder of one waits for
   * it. Fails with `LookupTimeout` after the hard timeout. The permit returns only when the source has really ended.
   */
  readonly call: <A, E>(isBounded: boolean, source: Effect.Effect<A, E>) => Effect.Effect<A, E | LookupTimeout>
  /** Starts the lookups that a raised `maxLookups` allows. */
  readonly raised: () => void
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

    /** A fork, so that also the callers of an uninterruptible lookup continue after the timeout. */
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
        const request = permits.request(LoadGraph.of(fiber))
        const end = Effect.sync(request.end)
        return Effect.zipRight(
          Effect.onError(restore(request.admitted), () => end),
          inTime(Effect.ensuring(restore(source), end), restore)
        )
      })

    const counted = <A, E>(
      key: string,
      isBounded: boolean,
      lookup: (lookup: Lookup) => Effect.Effect<A, E>
    ): Effect.Effect<A, E> => {
      let started = MonotonicClock.unsafeMillis(clock)
      const begin = () => {
        started = MonotonicClock.unsafeMillis(clock)
      }
      const note = (exit: Exit.Exit<A, E>): void =>
        observer.lookedUp(key, Math.max(0, MonotonicClock.unsafeMillis(clock) - started), Exit.isSuccess(exit))
      const looked = lookup({ isBounded, isAlone: false, begin })
      if (!Eager.isExit(looked)) return Effect.onExit(looked, (exit) => Effect.sync(() => note(exit)))
      note(looked)
      return looked
    }

    const run: LookupRunner["run"] = <A, E>(
      key: string,
      isBounded: boolean,
      lookup: (lookup: Lookup) => Effect.Effect<A, E>
    ) => {
      if (!isBounded) return counted(key, isBounded, lookup)
      return Effect.withFiberRuntime<A, E | LookupOverloaded>((fiber) => {
        if (LoadGraph.mayPass(LoadGraph.of(fiber))) return counted(key, isBounded, lookup)
        if (queued >= maxLookups() * maxBatch + maxWaiting) {
          observer.lookupRejected()
          return Effect.fail(new LookupOverloaded({ cache: name }))
        }
        return Effect.acquireUseRelease(
          Effect.sync(() => {
            queued++
          }),
          () => Effect.suspend(() => counted(key, isBounded, lookup)),
          () =>
            Effect.sync(() => {
              queued--
            })
        )
      })
    }

    const isPlain = (isBounded: boolean) => !isBounded && hardTimeout === undefined

    return {
      run,
      isPlain,
      raised: permits.raised,
      call: (isBounded, source) =>
        isPlain(isBounded)
          ? source
          : Effect.uninterruptibleMask((restore) =>
              isBounded ? withPermit(source, restore) : inTime(restore(source), restore)
            )
    }
  })
