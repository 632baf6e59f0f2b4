/**
 * Renews leases while their lookup or update runs (rules 4 and 8 of docs/protocol.md). One fiber renews all leases of a
 * cache. Most lookups end long before their lease, and a fiber for each would cost more than they do.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { Target } from "../scripts/CacheScript.js"
import * as LeaseScripts from "../scripts/LeaseScripts.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface LeaseRenewal {
  /** Starts to renew the token's lease, at least every third of its time. The answer is a function that stops it. */
  readonly start: (target: Target, token: string) => () => void
  /**
   * Extends a lease that might expire before a value arrives, which takes `millis` and then ends the lease. An `Exit` where
   * the lease lives long enough.
   */
  readonly extendFor: (target: Target, token: string, millis: number) => Effect.Effect<void>
}

interface RenewedLease {
  readonly target: Target
  readonly token: string
  /** when it was acquired or renewed, in milliseconds */
  renewed: number
}

/**
 * Renews as long as the scope is open.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  redis: RedisClient.Service,
  leaseMillis: number
): Effect.Effect<LeaseRenewal, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const leases = new Set<RenewedLease>()
    const roundMillis = Math.max(1, leaseMillis / 6)

    /** Open while there may be leases. */
    const nonEmpty = Effect.unsafeMakeLatch(false)

    /** A lease is at most two rounds old when it is renewed. */
    const renewDue = Effect.flatMap(MonotonicClock.millis, (now) =>
      Effect.forEach(
        Array.from(leases).filter(({ renewed }) => now - renewed >= roundMillis),
        (lease) => {
          lease.renewed = now
          return Effect.ignore(redis.run(LeaseScripts.renew)({ ...lease.target, token: lease.token, leaseMillis }))
        },
        { concurrency: "unbounded", discard: true }
      )
    )

    yield* nonEmpty.await.pipe(
      Effect.zipRight(Effect.sleep(roundMillis)),
      Effect.zipRight(renewDue),
      Effect.zipRight(
        Effect.sync(() => {
          if (leases.size === 0) nonEmpty.unsafeClose()
        })
      ),
      Effect.forever,
      Effect.interruptible,
      Effect.forkScoped
    )

    return {
      extendFor: (target, token, millis) =>
        // the lease was renewed within the last third of its time
        millis < leaseMillis / 2
          ? Exit.void
          : // awaited: if the server must first be sent the script's text, the renewal would travel behind the value
            Effect.ignore(redis.run(LeaseScripts.renew)({ ...target, token, leaseMillis: leaseMillis + millis })),
      start: (target, token) => {
        const lease = { target, token, renewed: MonotonicClock.unsafeMillis(clock) }
        leases.add(lease)
        nonEmpty.unsafeOpen()
        return () => leases.delete(lease)
      }
    }
  })
