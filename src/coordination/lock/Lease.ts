/**
 * Holding something in Redis that ends by itself: extending it while its holder lives, and knowing, by the holder's own
 * clock, for how long it may still be relied on.
 *
 * The rule is that of C. Gray and D. Cheriton, "Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache
 * Consistency" (SOSP 1989): a holder counts its time from when it *asked*, which is before the server began to count, and
 * stops a little early, since no two clocks run equally fast.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RedisError } from "../../redis/RedisError.js"
import type { ConnectionState } from "../../redis/RedisStatus.js"
import { monotonicMillis } from "../time.js"
import { LockLost } from "./LockError.js"

/**
 * Something held for now. It is extended in the background until it is lost or given back.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lease {
  /** the key as the caller named it */
  readonly key: string
  /**
   * For how long it may still be relied on without another word from Redis; zero when it is lost. Costs nothing. Ask it
   * before a step that cannot be taken back, since a program that was suspended goes on where it stopped.
   */
  readonly remaining: Effect.Effect<Duration.Duration>
  /** Fails when it is lost, and never succeeds. */
  readonly lost: Effect.Effect<never, LockLost>
  /** Runs an effect, and interrupts it with `LockLost` when the lease is lost, or does not begin where it is already. */
  readonly whileHeld: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LockLost, R>
}

/**
 * What is held and how to go on holding it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Holding {
  readonly key: string
  readonly ttlMillis: number
  /** when it was asked for, by `monotonicMillis`, in the request that was granted */
  readonly askedAt: number
  /** Asks for a whole time to live from now. */
  readonly extend: Effect.Effect<"Held" | "Gone" | "TakenOver", RedisError>
  /** the connection's states: after a new connection the lease is asked for at once, since the server may have restarted */
  readonly statusChanges: Stream.Stream<ConnectionState>
}

/** A timer takes no more than 24 days, and whoever wakes looks at the clock again. */
const longestSleepMillis = 3_600_000

/** Fractions of a millisecond that a timer drops would wake just short of the end. */
const sleepMillis = (millis: number): Effect.Effect<void> =>
  Effect.sleep(Math.min(Math.ceil(Math.max(millis, 1)), longestSleepMillis))

/** Of the time to live, how much is kept for clocks that run at different speeds and for a body to end in. */
const safetyMargin = 0.1

const extensionsPerLife = 3

/** after an extension that failed, as a part of the pause between two that succeed */
const retryPause = 0.25

/**
 * Extends what is held until the scope ends or it is lost, which it is before its time to live can have passed in Redis.
 *
 * @since 0.1.0
 * @category constructors
 */
export const keep = (holding: Holding): Effect.Effect<Lease, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { key, ttlMillis } = holding
    const lost = yield* Deferred.make<never, LockLost>()
    const reconnected = yield* Effect.makeLatch(false)
    const provenFor = ttlMillis * (1 - safetyMargin)
    const pauseMillis = ttlMillis / extensionsPerLife
    let provenUntil = holding.askedAt + provenFor

    const lose = (reason: LockLost["reason"]) =>
      Effect.suspend(() => {
        provenUntil = Number.NEGATIVE_INFINITY
        return Deferred.fail(lost, new LockLost({ key, reason }))
      })

    const extended = Effect.gen(function* () {
      const askedAt = yield* monotonicMillis
      const answer = yield* holding.extend
      if (answer === "Held") provenUntil = Math.max(provenUntil, askedAt + provenFor)
      else yield* lose(answer)
      return answer === "Held"
    })

    /** Ends when Redis says that it is lost. What Redis does not answer says nothing. */
    const extensions = Effect.gen(function* () {
      let pause = pauseMillis
      let held = true
      while (held) {
        yield* Effect.raceFirst(sleepMillis(pause), reconnected.await)
        yield* reconnected.close
        const answer = yield* Effect.option(extended)
        held = answer._tag === "None" || answer.value
        pause = answer._tag === "None" ? pauseMillis * retryPause : pauseMillis
      }
    })

    /** Ends when it can no longer be proved that it is held. */
    const doubt = Effect.gen(function* () {
      while (true) {
        const left = provenUntil - (yield* monotonicMillis)
        if (left <= 0) return yield* lose("Unproven")
        yield* sleepMillis(left)
      }
    })

    const reconnections = holding.statusChanges.pipe(
      // the first one is the state of now
      Stream.drop(1),
      Stream.runForEach((state) => (state._tag === "Connected" ? reconnected.open : Effect.void)),
      Effect.zipRight(Effect.never)
    )

    // whoever acquires may be uninterruptible, what it starts must not be
    yield* Effect.raceFirst(Effect.raceFirst(extensions, doubt), reconnections).pipe(
      Effect.interruptible,
      Effect.forkScoped
    )

    const remaining = Effect.map(monotonicMillis, (now) => Duration.millis(Math.max(0, provenUntil - now)))
    const whenLost = Effect.interruptible(Deferred.await(lost))
    return {
      key,
      remaining,
      lost: whenLost,
      whileHeld: (effect) =>
        Effect.flatMap(remaining, (left) => (Duration.isZero(left) ? whenLost : Effect.raceFirst(effect, whenLost)))
    }
  })
