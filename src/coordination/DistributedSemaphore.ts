/**
 * At most so many holders at a time among all processes: permits that are kept while their holders live, and come back by
 * themselves from holders that died.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as SharedFibers from "../internal/SharedFibers.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import type * as RedisKey from "../redis/RedisKey.js"
import { integerFrom, wholeMillis } from "./ArgumentChecks.js"
import * as Acquisition from "./lock/Acquisition.js"
import type { Lease } from "./lock/Lease.js"
import type { LockLost, LockNotAcquired } from "./lock/LockError.js"
import * as SemaphoreScripts from "./lock/SemaphoreScripts.js"
import * as Token from "./lock/Token.js"

/**
 * Semaphores in Redis. They bound how much goes on at a time, such as connections to a service that allows only so many.
 * They order nobody's writes, and give no fencing token: of several holders none is the latest.
 *
 * @since 0.1.0
 * @category services
 */
export class DistributedSemaphore extends Context.Tag("effect-cache-toolkit/DistributedSemaphore")<
  DistributedSemaphore,
  DistributedSemaphore.Service
>() {}

/**
 * @since 0.1.0
 */
export declare namespace DistributedSemaphore {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Options {
    /**
     * How many hold a permit at a time, from 1 up. It is not stored: everybody should name the same number, and who names
     * a smaller one waits until fewer are held.
     */
    readonly permits: number
    /** as `DistributedLock.Options.timeToLive`, for each permit */
    readonly timeToLive: Duration.DurationInput
    /** how long to wait while all permits are held; zero asks once */
    readonly maxWait: Duration.DurationInput
  }

  /**
   * Both fail with `InvalidKey` when the key cannot follow `semaphore:`, and with `RedisServerError`, code `ERR`, when the
   * number of permits is no integer from 1 or the time to live is not positive or longer than a server keeps.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Runs a body while holding one permit. Failures, waiting and repeating are those of `DistributedLock.withLock`. Those
     * who wait in one process get their turn in the order in which they came; between processes it is a race.
     */
    readonly withPermit: (
      key: string,
      options: Options
    ) => <A, E, R>(
      body: Acquisition.Body<Lease, A, E, R>
    ) => Effect.Effect<A, E | LockNotAcquired | LockLost | RedisError | RedisKey.InvalidKey, R>
    /** Takes a permit if one is free, and holds it until the scope ends; see `DistributedLock.tryAcquire`. */
    readonly tryAcquire: (
      key: string,
      options: Omit<Options, "maxWait">
    ) => Effect.Effect<Option.Option<Lease>, RedisError | RedisKey.InvalidKey, Scope.Scope>
  }
}

/**
 * Semaphores on the client in the context.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { DistributedSemaphore } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const semaphore = yield* DistributedSemaphore.make
 *   yield* Effect.log("at most four of these at a time, in all processes together").pipe(
 *     semaphore.withPermit("mail", { permits: 4, timeToLive: "10 seconds", maxWait: "1 minute" })
 *   )
 * })
 */
export const make: Effect.Effect<DistributedSemaphore.Service, never, RedisClient> = Effect.zipWith(
  RedisClient,
  SharedFibers.fork,
  (client, fork) => {
    const runAcquire = client.run(SemaphoreScripts.acquire)
    const runExtend = client.run(SemaphoreScripts.extend)
    const runRelease = client.run(SemaphoreScripts.release)
    const claims = Acquisition.make(client, fork)

    const hold = Effect.fnUntraced(
      function* (name: string, { permits, timeToLive, maxWait }: DistributedSemaphore.Options, scope: Scope.Scope) {
        yield* integerFrom(SemaphoreScripts.acquire.name, "the number of permits", 1, permits)
        const key = yield* KeyOwner.under("semaphore", name)
        const timeToLiveMillis = yield* wholeMillis(SemaphoreScripts.acquire.name, "the time to live", timeToLive)
        const token = yield* Token.random
        const claim = {
          key: name,
          channel: SemaphoreScripts.channel(key),
          timeToLiveMillis,
          maxWaitMillis: Duration.toMillis(maxWait),
          ask: Effect.map(runAcquire({ key, token, permits, timeToLiveMillis }), ([granted, endsMillis]) =>
            granted === 1 ? Either.void : Either.left(endsMillis)
          ),
          extend: Effect.map(runExtend({ key, token, timeToLiveMillis }), (held) => (held === 1 ? "Held" : "Gone")),
          giveBack: runRelease({ key, token })
        }
        const [lease] = yield* claims.hold(claim, scope)
        return lease
      },
      (effect, key) =>
        Effect.withSpan(effect, "DistributedSemaphore.hold", { attributes: { key }, captureStackTrace: false })
    )

    return DistributedSemaphore.of({
      withPermit: (key, options) =>
        Acquisition.holding((scope) =>
          Effect.map(hold(key, options, scope), (lease) => ({ given: lease, leases: [lease] }))
        ),
      tryAcquire: (key, { permits, timeToLive }) =>
        Effect.flatMap(Effect.scope, (scope) => hold(key, { permits, timeToLive, maxWait: Duration.zero }, scope)).pipe(
          Effect.asSome,
          Effect.catchTag("LockNotAcquired", () => Effect.succeedNone)
        )
    })
  }
)

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<DistributedSemaphore, never, RedisClient> = Layer.effect(DistributedSemaphore, make)
