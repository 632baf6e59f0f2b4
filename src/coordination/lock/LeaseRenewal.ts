/**
 * Renews leases while their holders live, and knows by the holder's own clock how long each lease is certain.
 *
 * The rule is that of C. Gray and D. Cheriton, "Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache
 * Consistency" (SOSP 1989). A holder counts its time from the moment of its request, before the server begins to count. It stops
 * a little early, since clocks run at different speeds.
 *
 * One fiber renews all leases of a client. Most leases are released before their first renewal, and so pay for an entry in its
 * list alone.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as SharedFibers from "../../internal/effect/SharedFibers.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisError } from "../../redis/RedisError.js"
import { LockLost } from "./LockError.js"
import { type LockKind, observedLocks } from "./ObservedLocks.js"
import type { Reconnections } from "./Reconnections.js"

/**
 * What the renewal knows of a lock or permit.
 *
 * @since 0.2.0
 * @category models
 */
export interface Renewable {
  readonly kind: LockKind
  /** the key as the caller named it */
  readonly name: string
  readonly timeToLiveMillis: number
  /** Extends the lease to a whole time to live from now. */
  readonly extend: () => Effect.Effect<"Held" | "Gone" | "TakenOver", RedisError>
}

/**
 * @since 0.2.0
 * @category models
 */
export interface LossListener {
  readonly onLoss: (loss: LockLost) => void
}

/** the part of the time to live that is reserved for clocks of different speeds and for interrupting the body */
const safetyMargin = 0.1

const renewalsPerLife = 3

/** the pause after a failed renewal, as a part of the pause after a successful one */
const retryPause = 0.25

/** How long the fiber sleeps at most. It ends after a sleep without any lease, since the next lease may follow at once. */
const longestSleepMillis = 1_000

/**
 * A lease that was granted. Times are milliseconds of `MonotonicClock`.
 *
 * @since 0.2.0
 * @category models
 */
export class HeldLease {
  /** until when it is certain that no other caller holds the lease */
  private provenUntil: number
  private nextAt: number
  private loss: LockLost | undefined
  private listeners: Set<LossListener> | undefined
  private renewals: Set<Fiber.RuntimeFiber<void>> | undefined
  private isHeld: boolean

  /** `sentAt` is when the granted request was sent. */
  constructor(
    private readonly of: Renewable,
    sentAt: number,
    now: number
  ) {
    this.provenUntil = sentAt + provenFor(of)
    this.nextAt = now + of.timeToLiveMillis / renewalsPerLife
    this.loss = undefined
    this.listeners = undefined
    this.renewals = undefined
    this.isHeld = true
  }

  get name(): string {
    return this.of.name
  }

  remainingAt(now: number): number {
    return Math.max(0, this.provenUntil - now)
  }

  /** The loss, if there was one or the lease is no longer certain. */
  lossAt(now: number): LockLost | undefined {
    return this.loss ?? (this.provenUntil <= now ? this.lose("Unproven") : undefined)
  }

  private lose(reason: LockLost["reason"]): LockLost {
    const loss = new LockLost({ key: this.of.name, reason })
    this.loss = loss
    this.provenUntil = Number.NEGATIVE_INFINITY
    observedLocks.listener?.onLoss(this.of.kind, reason)
    if (this.listeners !== undefined) for (const listener of this.listeners) listener.onLoss(loss)
    return loss
  }

  /** Calls a listener when the lease is lost; at once when it is lost already. */
  addListener(listener: LossListener): void {
    if (this.loss !== undefined) listener.onLoss(this.loss)
    else this.listeners = (this.listeners ?? new Set()).add(listener)
  }

  removeListener(listener: LossListener): void {
    this.listeners?.delete(listener)
  }

  private get isRenewing(): boolean {
    return this.renewals !== undefined && this.renewals.size > 0
  }

  /** when the lease is to be renewed, or is lost without a renewal */
  get dueAt(): number {
    return this.isRenewing ? this.provenUntil : Math.min(this.nextAt, this.provenUntil)
  }

  needsRenewalAt(now: number): boolean {
    return this.nextAt <= now && !this.isRenewing
  }

  /** Renews the lease once on a fiber of its own. `onEnd` is called when the next renewal is due at another time. */
  renew(fork: SharedFibers.Fork, onEnd: () => void): void {
    const renewal = fork(this.renewal)
    this.renewals = (this.renewals ?? new Set()).add(renewal)
    renewal.addObserver(() => {
      this.renewals?.delete(renewal)
      onEnd()
    })
  }

  /** A failed renewal changes nothing: Redis may still hold the lease. */
  private get renewal(): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      const sentAt = yield* MonotonicClock.millis
      const answer = yield* Effect.option(this.of.extend())
      const now = yield* MonotonicClock.millis
      const pauseMillis = this.of.timeToLiveMillis / renewalsPerLife
      this.nextAt = now + (answer._tag === "None" ? pauseMillis * retryPause : pauseMillis)
      if (answer._tag === "None" || !this.isHeld || this.loss !== undefined) return
      if (answer.value === "Held") this.provenUntil = Math.max(this.provenUntil, sentAt + provenFor(this.of))
      else this.lose(answer.value)
    })
  }

  /** Ends the renewals that are under way. */
  end(): void {
    this.isHeld = false
    if (this.renewals === undefined) return
    for (const renewal of this.renewals) renewal.unsafeInterruptAsFork(FiberId.none)
  }
}

const provenFor = ({ timeToLiveMillis }: Renewable): number => timeToLiveMillis * (1 - safetyMargin)

/**
 * The renewals of one client.
 *
 * @since 0.2.0
 * @category models
 */
export interface LeaseRenewals {
  /** Renews a lease until it is lost or stopped. The loss comes before its time to live can have passed in Redis. */
  readonly start: (lease: HeldLease) => void
  readonly stop: (lease: HeldLease) => void
}

/** Sleeps for the time, or a part of it. Rounds up: a timer drops fractions, and would wake just short of the end. */
const sleepTowards = (millis: number): Effect.Effect<void> =>
  Effect.sleep(Math.ceil(Math.min(Math.max(millis, 1), longestSleepMillis)))

/**
 * `fork` starts fibers with the FiberRefs and the retry policy of the module, not with those of a caller. Each reconnection
 * renews all leases at once, since the server may have restarted.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (fork: SharedFibers.Fork, reconnections: Reconnections): LeaseRenewals => {
  const leases = new Set<HeldLease>()
  const earlier = Effect.unsafeMakeLatch(false)
  let isRunning = false
  let wakesAt = Number.POSITIVE_INFINITY
  /** since the fiber last woke */
  let wasNeeded = false

  /** Wakes the fiber earlier than it meant to wake. */
  const wakeFor = (lease: HeldLease) => {
    if (lease.dueAt < wakesAt) earlier.unsafeOpen()
  }

  const renew = (lease: HeldLease) => lease.renew(fork, () => wakeFor(lease))

  /** Renews what is due, and returns when the next lease is. */
  const renewDue = (now: number): number => {
    let next = now + longestSleepMillis
    for (const lease of leases) {
      if (lease.lossAt(now) !== undefined) leases.delete(lease)
      else {
        if (lease.needsRenewalAt(now)) renew(lease)
        next = Math.min(next, lease.dueAt)
      }
    }
    return next
  }

  const rounds = Effect.gen(function* () {
    while (true) {
      const now = yield* MonotonicClock.millis
      earlier.unsafeClose()
      wakesAt = renewDue(now)
      isRunning = wasNeeded || leases.size > 0
      wasNeeded = false
      if (!isRunning) return
      yield* Effect.raceFirst(sleepTowards(wakesAt - now), earlier.await)
    }
  })

  const running = Effect.scoped(
    Effect.gen(function* () {
      // made anew: an earlier run may not have removed its own yet
      const renewAll = Effect.sync(() => leases.forEach(renew))
      yield* reconnections.listen(renewAll, yield* Effect.scope)
      yield* rounds
    })
  )

  return {
    start: (lease) => {
      leases.add(lease)
      wasNeeded = true
      if (isRunning) wakeFor(lease)
      else {
        isRunning = true
        fork(running)
      }
    },
    stop: (lease) => {
      leases.delete(lease)
      lease.end()
    }
  }
}
