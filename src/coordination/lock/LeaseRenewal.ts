/**
 * Renews a lease while its holder lives, and knows by the holder's own clock how long the lease is certain.
 *
 * The rule is that of C. Gray and D. Cheriton, "Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache
 * Consistency" (SOSP 1989). A holder counts its time from the moment of its request, before the server begins to count. It stops
 * a little early, since clocks run at different speeds.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Scope from "effect/Scope"
import type * as SharedFibers from "../../internal/effect/SharedFibers.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisError } from "../../redis/RedisError.js"
import type { Lease } from "./Lease.js"
import { LockLost } from "./LockError.js"
import { interruptOn } from "./LossInterruption.js"
import { type LockKind, observedLocks } from "./ObservedLocks.js"
import type { Reconnections } from "./Reconnections.js"

/**
 * A lease that was granted, and how to renew it.
 *
 * @since 0.1.0
 * @category models
 */
export interface LeaseState {
  readonly kind: LockKind
  readonly key: string
  readonly timeToLiveMillis: number
  /** when the granted request was sent, by `MonotonicClock` */
  readonly sentAt: number
  /** Extends the lease to a whole time to live from now. */
  readonly extend: Effect.Effect<"Held" | "Gone" | "TakenOver", RedisError>
  /** Forks the renewal with the FiberRefs and the retry policy of the module, not with those of the caller. */
  readonly fork: SharedFibers.Fork
  /** each of them renews the lease at once, since the server may have restarted */
  readonly reconnections: Reconnections
}

/** a timer takes no more than 24 days; the fiber reads the clock again when it wakes */
const longestSleepMillis = 3_600_000

/** Sleeps for the time, or a part of it. Rounds up: a timer drops fractions, and would wake just short of the end. */
const sleepTowards = (millis: number): Effect.Effect<void> =>
  Effect.sleep(Math.min(Math.ceil(Math.max(millis, 1)), longestSleepMillis))

/** the part of the time to live that is reserved for clocks of different speeds and for interrupting the body */
const safetyMargin = 0.1

const renewalsPerLife = 3

/** the pause after a failed renewal, as a part of the pause after a successful one */
const retryPause = 0.25

/**
 * Renews a lease until the scope ends or the lease is lost. The loss comes before the time to live can have passed in Redis.
 *
 * One fiber sleeps until the next renewal is due. Most locks are released before that, so they pay for this sleep alone.
 *
 * @since 0.1.0
 * @category constructors
 */
export const start = (state: LeaseState, scope: Scope.Scope): Effect.Effect<Lease> =>
  Effect.gen(function* () {
    const { key, timeToLiveMillis } = state
    const provenFor = timeToLiveMillis * (1 - safetyMargin)
    const pauseMillis = timeToLiveMillis / renewalsPerLife
    let provenUntil = state.sentAt + provenFor
    let nextAt = (yield* MonotonicClock.millis) + pauseMillis
    let loss: LockLost | undefined
    const listeners = new Set<(loss: LockLost) => void>()

    const lose = (reason: LockLost["reason"]): LockLost => {
      if (loss !== undefined) return loss
      provenUntil = Number.NEGATIVE_INFINITY
      loss = new LockLost({ key, reason })
      observedLocks.listener?.onLoss(state.kind, reason)
      for (const listener of listeners) listener(loss)
      return loss
    }

    /** The loss, if there was one or the lease is no longer certain. */
    const lossAt = (now: number): LockLost | undefined => loss ?? (provenUntil <= now ? lose("Unproven") : undefined)

    /** A failed renewal changes nothing: Redis may still hold the lease. */
    const renewal = Effect.gen(function* () {
      const sentAt = yield* MonotonicClock.millis
      const answer = yield* Effect.option(state.extend)
      const now = yield* MonotonicClock.millis
      nextAt = now + (answer._tag === "None" ? pauseMillis * retryPause : pauseMillis)
      if (answer._tag === "None") return
      if (answer.value !== "Held") lose(answer.value)
      else if (loss === undefined) provenUntil = Math.max(provenUntil, sentAt + provenFor)
    })

    /** Repeats a step until the lease is no longer certain. */
    const whileCertain = (step: (now: number) => Effect.Effect<void>) =>
      Effect.gen(function* () {
        while (true) {
          const now = yield* MonotonicClock.millis
          if (lossAt(now) !== undefined) return
          yield* step(now)
        }
      })

    const uncertain = whileCertain((now) => sleepTowards(provenUntil - now))

    const renewals = whileCertain((now) =>
      nextAt <= now ? Effect.raceFirst(renewal, uncertain) : sleepTowards(Math.min(nextAt, provenUntil) - now)
    )

    // a fork into the scope takes several times as long, and its end is nothing to wait for
    const renewing = state.fork(renewals)
    yield* Scope.addFinalizer(
      scope,
      Effect.sync(() => renewing.unsafeInterruptAsFork(FiberId.none))
    )
    // without a race with `uncertain`: the other fiber wakes for that
    const renewAtOnce = Effect.forkIn(Effect.interruptible(renewal), scope)
    yield* state.reconnections.listen(renewAtOnce, scope)

    const onLoss = (listener: (loss: LockLost) => void): (() => void) => {
      if (loss !== undefined) listener(loss)
      else listeners.add(listener)
      return () => listeners.delete(listener)
    }

    return {
      key,
      remaining: Effect.map(MonotonicClock.millis, (now) => Duration.millis(Math.max(0, provenUntil - now))),
      lost: Effect.interruptible(
        Effect.async<never, LockLost>((resume) => {
          const forget = onLoss((loss) => resume(Effect.fail(loss)))
          return Effect.sync(forget)
        })
      ),
      whileHeld: (effect) => Effect.flatMap(MonotonicClock.millis, (now) => lossAt(now) ?? interruptOn(effect, onLoss))
    }
  })
