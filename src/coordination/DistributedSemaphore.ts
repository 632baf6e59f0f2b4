/**
 * Semaphores that bound the number of holders among all processes. A permit is renewed while its holder lives, and is free again
 * after its holder has died.
 *
 * @since 0.1.0
 */

import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as SharedFibers from "../internal/effect/SharedFibers.js"
import * as Tracing from "../internal/Tracing.js"
import * as ArgumentCheck from "../redis/ArgumentCheck.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisExecutor from "../redis/RedisExecutor.js"
import type * as RedisKey from "../redis/RedisKey.js"
import * as Acquisition from "./lock/Acquisition.js"
import type { Lease } from "./lock/Lease.js"
import type { LockLost, LockNotAcquired } from "./lock/LockError.js"
import * as ReleaseNotice from "./lock/ReleaseNotice.js"
import * as SemaphoreScripts from "./lock/SemaphoreScripts.js"
import * as Token from "./lock/Token.js"

/**
 * Semaphores in Redis. They bound load, such as the connections to a service that allows only a few. They order no writes and
 * give no fencing token: none of several holders is the latest.
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
   * How a permit is acquired and held.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Options {
    /**
     * How many permits there are, an integer of at least 1. It is not stored, so every caller should name the same number. A
     * caller with a smaller number waits until fewer permits are held.
     */
    readonly permits: number
    /** like `DistributedLock.Options.timeToLive`, for each permit */
    readonly timeToLive: Duration.DurationInput
    /** how long to wait while all permits are held; zero tries once, infinity waits for ever */
    readonly maxWait: Duration.DurationInput
  }

  /**
   * The operations of semaphores. A key stands in Redis as `semaphore:<key>`.
   *
   * Both fail with `InvalidKey` as those of locks do. They fail with `InvalidArgument` when the number of permits, the
   * time to live or `maxWait` cannot be right.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Runs a body while holding one permit. It fails, waits and may be repeated like `DistributedLock.withLock`.
     */
    readonly withPermit: (
      key: string,
      options: Options
    ) => <A, E, R>(
      body: Acquisition.Body<Lease, A, E, R>
    ) => Effect.Effect<A, E | LockNotAcquired | LockLost | RedisError | RedisKey.InvalidKey, R>
    /** Acquires a permit if one is free, and holds it until the scope ends, like `DistributedLock.tryAcquire`. */
    readonly tryAcquire: (
      key: string,
      options: Omit<Options, "maxWait">
    ) => Effect.Effect<Option.Option<Lease>, RedisError | RedisKey.InvalidKey, Scope.Scope>
  }
}

/**
 * Makes semaphores on the client in the context.
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
    const executor = RedisExecutor.of(client)
    const runAcquire = client.run(SemaphoreScripts.acquire)
    const runExtend = client.run(SemaphoreScripts.extend)
    const runRelease = client.run(SemaphoreScripts.release)
    const acquisitions = Acquisition.make(client, fork)

    const hold = Effect.fnUntraced(
      function* (name: string, { permits, timeToLive, maxWait }: DistributedSemaphore.Options, scope: Scope.Scope) {
        yield* ArgumentCheck.integerFrom(SemaphoreScripts.acquire.name, "permits", 1, permits)
        const key = yield* KeyOwner.under("semaphore", name)
        const timeToLiveMillis = yield* ArgumentCheck.timeToLiveMillis(
          SemaphoreScripts.acquire.name,
          "timeToLive",
          timeToLive
        )
        const maxWaitMillis = yield* ArgumentCheck.waitMillis(SemaphoreScripts.acquire.name, "maxWait", maxWait)
        const channel = ReleaseNotice.channel(executor, key)
        const token = yield* Token.random
        const acquisition = {
          kind: "semaphore" as const,
          key: name,
          channel: channel.name,
          timeToLiveMillis,
          maxWaitMillis,
          tryOnce: Effect.map(runAcquire({ key, token, permits, timeToLiveMillis }), ([granted, endsMillis]) =>
            granted === 1 ? Either.void : Either.left(endsMillis)
          ),
          extend: Effect.map(runExtend({ key, token, timeToLiveMillis }), (held) => (held === 1 ? "Held" : "Gone")),
          release: runRelease({ key, channel: channel.published, token })
        }
        const [lease] = yield* acquisitions.hold(acquisition, scope)
        return lease
      },
      (effect, name) => Tracing.operation({ name: "lock.acquire", of: "semaphore", key: () => name }, effect)
    )

    return DistributedSemaphore.of({
      withPermit: (key, options) =>
        Acquisition.holding((scope) =>
          Effect.map(hold(key, options, scope), (lease) => ({ given: lease, leases: [lease] }))
        ),
      tryAcquire: (key, { permits, timeToLive }) =>
        Effect.flatMap(Effect.scope, (scope) => hold(key, { permits, timeToLive, maxWait: 0 }, scope)).pipe(
          Effect.asSome,
          Effect.catchTag("LockNotAcquired", () => Effect.succeedNone)
        )
    })
  }
)

/**
 * Provides semaphores on the client in the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<DistributedSemaphore, never, RedisClient> = Layer.effect(DistributedSemaphore, make)
