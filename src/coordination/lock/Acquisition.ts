/**
 * Acquires, holds and releases: the life that a lock and a permit of a semaphore have in common.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type * as SharedFibers from "../../internal/effect/SharedFibers.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as Tracing from "../../internal/Tracing.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import { isNotSent, isOutcomeUnknown, type RedisError } from "../../redis/RedisError.js"
import * as LeaseRenewal from "./LeaseRenewal.js"
import type { LockLost, LockNotAcquired } from "./LockError.js"
import * as LossInterruption from "./LossInterruption.js"
import * as ObservedLocks from "./ObservedLocks.js"
import * as Reconnections from "./Reconnections.js"
import * as Waiting from "./Waiting.js"

/**
 * A lock or permit to acquire, and the commands that extend and release it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Acquisition extends Waiting.Request, LeaseRenewal.Renewable {
  /** Releases by comparing tokens, so it is safe also when it is unknown whether the acquisition succeeded. */
  readonly release: () => Effect.Effect<unknown, RedisError>
}

/**
 * The acquisitions on one client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Acquisitions {
  /**
   * Acquires, waiting if necessary, and runs a body while the lease is held. Releases when the body ends, fails or is
   * interrupted. The body is made from the lease, and from the value of the grant.
   */
  readonly holding: <Of extends Acquisition, A, E, R, E1>(
    acquisition: () => Exit.Exit<Of, E1>,
    body: (of: Of, lease: LeaseRenewal.HeldLease, value: number) => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | E1 | LockLost | LockNotAcquired | RedisError, R>
  /** Acquires, waiting if necessary, and holds until the scope ends. */
  readonly hold: <Of extends Acquisition, A, E1>(
    acquisition: () => Exit.Exit<Of, E1>,
    granted: (of: Of, lease: LeaseRenewal.HeldLease, value: number) => A
  ) => Effect.Effect<A, E1 | LockNotAcquired | RedisError, Scope.Scope>
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** One acquisition from its first try to its release. */
class Attempt<out Of extends Acquisition> implements Waiting.Request {
  /** when the last request was sent */
  sentAt = 0
  /** whether the caller may own the lease: the reply of a request may be lost, and its caller interrupted */
  mayHold = false
  private everyReplyArrived = true
  readonly observation: ObservedLocks.ObservedAcquisition | undefined

  constructor(
    readonly of: Of,
    readonly clock: Clock.Clock
  ) {
    this.observation = ObservedLocks.observe(of.kind, clock)
  }

  get name(): string {
    return this.of.name
  }

  get key(): string {
    return this.of.key
  }

  get channel(): string {
    return this.of.channel
  }

  get maxWaitMillis(): number {
    return this.of.maxWaitMillis
  }

  now(): number {
    return MonotonicClock.unsafeMillis(this.clock)
  }

  get tryOnce(): Effect.Effect<Waiting.Answer, RedisError> {
    return this.repeated(this.of.tryOnce)
  }

  get tryAsWaiting(): Effect.Effect<Waiting.Answer, RedisError> {
    return this.repeated(this.of.tryAsWaiting)
  }

  /** A request whose reply was lost is repeated once. */
  private repeated(request: Effect.Effect<Waiting.Answer, RedisError>): Effect.Effect<Waiting.Answer, RedisError> {
    return this.send(request, (lost) =>
      isOutcomeUnknown(lost)
        ? // the outcome of the first try stays unknown, whatever the outcome of the second
          this.send(request, () => Exit.fail(lost))
        : Exit.fail(lost)
    )
  }

  private send(
    request: Effect.Effect<Waiting.Answer, RedisError>,
    failed: (error: RedisError) => Effect.Effect<Waiting.Answer, RedisError>
  ): Effect.Effect<Waiting.Answer, RedisError> {
    return Effect.suspend(() => {
      this.sentAt = this.now()
      this.mayHold = true
      return Effect.matchEffect(request, {
        onSuccess: (answer) => {
          this.mayHold = answer[0] === 1 || !this.everyReplyArrived
          return Exit.succeed(answer)
        },
        onFailure: (error) => {
          if (isNotSent(error)) this.mayHold = !this.everyReplyArrived
          else this.everyReplyArrived = false
          return failed(error)
        }
      })
    })
  }

  /** Continues with `exit` once the lease is released. It expires where it cannot be released. */
  release<A, E>(exit: Exit.Exit<A, E>): Effect.Effect<A, E> {
    return Effect.matchEffect(this.of.release(), {
      onSuccess: () => exit,
      onFailure: (error) =>
        Effect.zipRight(
          Effect.logDebug(`"${this.name}" was not released and ends with its time to live: ${error.message}`),
          exit
        )
    })
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (redis: RedisClient.Service, fork: SharedFibers.Fork): Acquisitions => {
  const waiting = Waiting.make(redis, fork)
  const renewals = LeaseRenewal.make(fork, Reconnections.make(redis.statusChanges, fork))

  const acquire = (attempt: Attempt<Acquisition>): Effect.Effect<number, LockNotAcquired | RedisError> => {
    const { of } = attempt
    return Tracing.operation({ name: "lock.acquire", of: of.kind, key: () => of.name }, waiting.acquire(attempt))
  }

  const start = (attempt: Attempt<Acquisition>): LeaseRenewal.HeldLease => {
    attempt.observation?.acquired()
    const lease = new LeaseRenewal.HeldLease(attempt.of, attempt.sentAt, attempt.now())
    renewals.start(lease)
    return lease
  }

  const end = <A, E>(
    attempt: Attempt<Acquisition>,
    lease: LeaseRenewal.HeldLease,
    exit: Exit.Exit<A, E>
  ): Effect.Effect<A, E> => {
    renewals.stop(lease)
    attempt.observation?.released()
    // a lost lease is released where possible, but its caller does not wait for that
    return lease.remainingAt(attempt.now()) === 0
      ? Effect.zipRight(Effect.forkDaemon(attempt.release(Exit.void)), exit)
      : attempt.release(exit)
  }

  /** Makes an acquisition on a fiber that is not interrupted, except in what it restores. */
  const uninterruptible = <Of extends Acquisition, A, E, R, E1>(
    acquisition: () => Exit.Exit<Of, E1>,
    use: (
      attempt: Attempt<Of>,
      restore: Restore,
      caller: Fiber.RuntimeFiber<unknown, unknown>
    ) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | E1, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiberRuntime<A, E | E1, R>((caller) => {
        const made = acquisition()
        if (Exit.isFailure(made)) return Exit.failCause(made.cause)
        const clock = Context.get(caller.currentDefaultServices, Clock.Clock)
        return use(new Attempt(made.value, clock), restore, caller)
      })
    )

  return {
    holding: (acquisition, body) =>
      uninterruptible(acquisition, (attempt, restore, caller) =>
        Effect.matchCauseEffect(restore(acquire(attempt)), {
          onFailure: (cause) => {
            attempt.observation?.failed(cause)
            const failed = Exit.failCause(cause)
            return attempt.mayHold ? attempt.release(failed) : failed
          },
          onSuccess: (value) => {
            const lease = start(attempt)
            const loss = lease.lossAt(attempt.now())
            if (loss !== undefined) return end(attempt, lease, Exit.fail(loss))
            return LossInterruption.run(
              caller,
              restore,
              Effect.suspend(() => body(attempt.of, lease, value)),
              lease,
              (exit) => end(attempt, lease, exit)
            )
          }
        })
      ),
    hold: (acquisition, granted) =>
      uninterruptible(acquisition, (attempt, restore) =>
        Effect.flatMap(Effect.scope, (scope) =>
          Effect.matchCauseEffect(restore(acquire(attempt)), {
            onFailure: (cause) => {
              attempt.observation?.failed(cause)
              const failed = Exit.failCause(cause)
              return attempt.mayHold
                ? Effect.zipRight(Scope.addFinalizer(scope, attempt.release(Exit.void)), failed)
                : failed
            },
            onSuccess: (value) => {
              const lease = start(attempt)
              const ending = Effect.suspend(() => end(attempt, lease, Exit.void))
              return Effect.as(
                Scope.addFinalizer(scope, Effect.uninterruptible(ending)),
                granted(attempt.of, lease, value)
              )
            }
          })
        )
      )
  }
}
