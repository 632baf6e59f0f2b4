/**
 * Renewing leases while what they were taken for goes on: one fiber for all of a cache, since most lookups end long before
 * their lease and a fiber for each would cost more than they do (rules 4 and 8 of docs/protocol.md).
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
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
  /** From now on the token's lease is renewed, within every third of its time, until the answer is called. */
  readonly start: (target: Target, token: string) => () => void
  /**
   * Runs an effect that ends the lease with a value that is on the line for so long. Where the lease may not last until it
   * arrives, it is prolonged first.
   */
  readonly outlasting: <A, E>(
    target: Target,
    token: string,
    millis: number,
    ending: Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
}

interface Held {
  readonly target: Target
  readonly token: string
  /** when it was acquired or renewed, in milliseconds */
  renewed: number
}

/**
 * Keeps leases as long as the scope is open.
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
    const held = new Set<Held>()
    const roundMillis = Math.max(1, leaseMillis / 6)
    let onFirst: (() => void) | undefined

    const someoneHolds = Effect.async<void>((resume) => {
      if (held.size > 0) return resume(Effect.void)
      onFirst = () => {
        onFirst = undefined
        resume(Effect.void)
      }
    })

    /** A lease is as old as two rounds at the most when it is renewed. */
    const renewDue = Effect.flatMap(MonotonicClock.millis, (now) =>
      Effect.forEach(
        Array.from(held).filter(({ renewed }) => now - renewed >= roundMillis),
        (lease) => {
          lease.renewed = now
          return Effect.ignore(redis.run(LeaseScripts.renew)({ ...lease.target, token: lease.token, leaseMillis }))
        },
        { concurrency: "unbounded", discard: true }
      )
    )

    yield* someoneHolds.pipe(
      Effect.zipRight(Effect.sleep(roundMillis)),
      Effect.zipRight(renewDue),
      Effect.forever,
      Effect.interruptible,
      Effect.forkScoped
    )

    return {
      outlasting: (target, token, millis, ending) =>
        // it was renewed within a third of its time
        millis < leaseMillis / 2
          ? ending
          : redis
              .run(LeaseScripts.renew)({ ...target, token, leaseMillis: leaseMillis + millis })
              // a server that does not know the script yet would be sent it behind the value
              .pipe(Effect.ignore, Effect.zipRight(ending)),
      start: (target, token) => {
        const lease = { target, token, renewed: MonotonicClock.unsafeMillis(clock) }
        held.add(lease)
        onFirst?.()
        return () => held.delete(lease)
      }
    }
  })
