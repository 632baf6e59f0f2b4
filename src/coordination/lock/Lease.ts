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
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as FiberRefs from "effect/FiberRefs"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Callback from "../../internal/Callback.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type * as SharedFibers from "../../internal/SharedFibers.js"
import type { RedisError } from "../../redis/RedisError.js"
import { LockLost } from "./LockError.js"
import type { Reconnections } from "./Reconnections.js"

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
export interface LeaseState {
  readonly key: string
  readonly timeToLiveMillis: number
  /** when it was asked for, by `MonotonicClock`, in the request that was granted */
  readonly askedAt: number
  /** Asks for a whole time to live from now. */
  readonly extend: Effect.Effect<"Held" | "Gone" | "TakenOver", RedisError>
  /** What extends it runs as the locks were made, and not as who holds it: with other FiberRefs and another retry policy. */
  readonly fork: SharedFibers.Fork
  /** after a new connection the lease is asked for at once, since the server may have restarted */
  readonly reconnections: Reconnections
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
 * One fiber does it, which sleeps until the next extension is due: most locks are given back before that, and none should
 * pay for more than this sleep.
 *
 * @since 0.1.0
 * @category constructors
 */
export const keep = (holding: LeaseState, scope: Scope.Scope): Effect.Effect<Lease> =>
  Effect.gen(function* () {
    const { key, timeToLiveMillis } = holding
    const provenFor = timeToLiveMillis * (1 - safetyMargin)
    const pauseMillis = timeToLiveMillis / extensionsPerLife
    let provenUntil = holding.askedAt + provenFor
    let nextAt = (yield* MonotonicClock.millis) + pauseMillis
    let loss: LockLost | undefined
    const told = new Set<(loss: LockLost) => void>()

    const lose = (reason: LockLost["reason"]): LockLost => {
      if (loss !== undefined) return loss
      provenUntil = Number.NEGATIVE_INFINITY
      loss = new LockLost({ key, reason })
      for (const tell of told) tell(loss)
      return loss
    }

    /** The loss, where there was one or it can no longer be proved that it is held. */
    const lossAt = (now: number): LockLost | undefined => loss ?? (provenUntil <= now ? lose("Unproven") : undefined)

    /** What Redis does not answer says nothing. */
    const extended = Effect.gen(function* () {
      const askedAt = yield* MonotonicClock.millis
      const answer = yield* Effect.option(holding.extend)
      const now = yield* MonotonicClock.millis
      nextAt = now + (answer._tag === "None" ? pauseMillis * retryPause : pauseMillis)
      if (answer._tag === "None") return
      if (answer.value !== "Held") lose(answer.value)
      else if (loss === undefined) provenUntil = Math.max(provenUntil, askedAt + provenFor)
    })

    /** Ends when it is lost. */
    const doubt = Effect.gen(function* () {
      while (true) {
        const now = yield* MonotonicClock.millis
        if (lossAt(now) !== undefined) return
        yield* sleepMillis(provenUntil - now)
      }
    })

    const extensions = Effect.gen(function* () {
      while (true) {
        const now = yield* MonotonicClock.millis
        if (lossAt(now) !== undefined) return
        if (nextAt <= now) yield* Effect.raceFirst(extended, doubt)
        else yield* sleepMillis(Math.min(nextAt, provenUntil) - now)
      }
    })

    // a fork into the scope would take several times as long, and there is nothing to wait for when it ends
    const extending = holding.fork(extensions)
    yield* Scope.addFinalizer(
      scope,
      Effect.sync(() => extending.unsafeInterruptAsFork(FiberId.none))
    )
    // doubt is not waited for here: the other fiber wakes for it
    const askAtOnce = Effect.forkIn(Effect.interruptible(extended), scope)
    yield* holding.reconnections.listen(askAtOnce, scope)

    const tellOfLoss = (tell: (loss: LockLost) => void): (() => void) => {
      if (loss !== undefined) tell(loss)
      else told.add(tell)
      return () => told.delete(tell)
    }

    return {
      key,
      remaining: Effect.map(MonotonicClock.millis, (now) => Duration.millis(Math.max(0, provenUntil - now))),
      lost: Effect.interruptible(
        Effect.async<never, LockLost>((resume) => {
          const forget = tellOfLoss((loss) => resume(Effect.fail(loss)))
          return Effect.sync(forget)
        })
      ),
      whileHeld: (effect) => Effect.flatMap(MonotonicClock.millis, (now) => lossAt(now) ?? endedBy(effect, tellOfLoss))
    }
  })

/**
 * Runs an effect in a fiber of its own, so that those it forks end with it, and interrupts it when something is lost before
 * it has ended.
 */
const endedBy = <A, E, R, Loss>(
  effect: Effect.Effect<A, E, R>,
  tellOfLoss: (tell: (loss: Loss) => void) => () => void
): Effect.Effect<A, E | Loss, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.runtime<R>(), (runtime) => {
      let refsBefore: FiberRefs.FiberRefs | undefined
      const fiber = Runtime.runFork(runtime)(
        Effect.withFiberRuntime<A, E, R>((self) => {
          refsBefore = self.getFiberRefs()
          return restore(effect)
        })
      )
      let lost: Option.Option<Loss> = Option.none()
      const forget = tellOfLoss((loss) => {
        if (fiber.unsafePoll() !== null) return
        lost = Option.some(loss)
        fiber.unsafeInterruptAsFork(FiberId.none)
      })
      const ended = Callback.make<Exit.Exit<A, E>>((resume) => fiber.addObserver((exit) => resume(Exit.succeed(exit))))
      return Effect.matchCauseEffect(restore(ended), {
        onSuccess: (exit) => {
          forget()
          const outcome: Effect.Effect<A, E | Loss> = Option.isSome(lost) ? Effect.fail(lost.value) : exit
          // what the body has set of its fiber is its caller's to see
          return fiber.getFiberRefs() === refsBefore ? outcome : Effect.zipRight(fiber.inheritAll, outcome)
        },
        onFailure: (cause) => {
          forget()
          return Effect.zipRight(Fiber.interrupt(fiber), Effect.failCause(cause))
        }
      })
    })
  )
