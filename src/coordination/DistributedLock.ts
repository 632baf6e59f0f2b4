/**
 * At most one holder at a time among all processes, kept while the holder lives, with a fencing token for what it writes.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as MonotonicClock from "../internal/MonotonicClock.js"
import * as SharedFibers from "../internal/SharedFibers.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import { isOutcomeUnknown, type RedisError } from "../redis/RedisError.js"
import type * as RedisKey from "../redis/RedisKey.js"
import { wholeMillis } from "./ArgumentChecks.js"
import * as Acquisition from "./lock/Acquisition.js"
import type { Lease } from "./lock/Lease.js"
import type { LockLost, LockNotAcquired } from "./lock/LockError.js"
import * as LockScripts from "./lock/LockScripts.js"
import * as Token from "./lock/Token.js"
import { FencingToken, type LockToken } from "./lock/Token.js"

export type {
  /**
   * Something held for now.
   *
   * @since 0.1.0
   * @category models
   */
  Lease
} from "./lock/Lease.js"
export {
  /**
   * @since 0.1.0
   * @category errors
   */
  LockLost,
  /**
   * @since 0.1.0
   * @category errors
   */
  LockNotAcquired
} from "./lock/LockError.js"
export {
  /**
   * @since 0.1.0
   * @category models
   */
  FencingToken,
  /**
   * @since 0.1.0
   * @category models
   */
  LockToken
} from "./lock/Token.js"

/**
 * Locks in Redis. See `docs/locks.md` for what they promise, and what only a fencing token does.
 *
 * @since 0.1.0
 * @category services
 */
export class DistributedLock extends Context.Tag("effect-cache-toolkit/DistributedLock")<
  DistributedLock,
  DistributedLock.Service
>() {}

/**
 * A lock that is held.
 *
 * @since 0.1.0
 * @category models
 */
export interface HeldLock extends Lease {
  /** proves to Redis that it is one's own */
  readonly token: LockToken
  /** proves to everybody else that its holder is the latest one */
  readonly fencingToken: FencingToken
}

/**
 * @since 0.1.0
 */
export declare namespace DistributedLock {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Options {
    /**
     * How long the lock outlives a holder that died. While the body runs the lock is extended every third of it, however
     * long the body takes, and given up when nine tenths of it have passed without a word from Redis: an outage of half of
     * it is survived where it is ten times the client's `commandTimeout` or more. From 1 ms up to what a server can keep; seconds suit most, since a busy machine may be
     * taken for dead below that.
     */
    readonly timeToLive: Duration.DurationInput
    /** how long to wait while another holds it; zero asks once */
    readonly maxWait: Duration.DurationInput
  }

  /**
   * All of them fail with `InvalidKey` when a key cannot follow `lock:` (empty, over 512 bytes, control characters), and
   * with `RedisServerError`, code `ERR`, when a time to live is not positive or longer than a server keeps.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Runs a body while holding the lock, which is given back when the body ends, fails or is interrupted. The body is an
     * effect, or a function of the lock held, which has its fencing token. Fibers that the body forks end with it.
     *
     * Those who wait in one process get their turn in the order in which they came; between processes it is a race. It is
     * not re-entrant: a body that asks for its own lock again waits for itself.
     *
     * Fails with `LockNotAcquired` when another holds it for longer than `maxWait`. Fails with `LockLost` when the lock
     * was lost or can no longer be proved to be held: the body is interrupted before the time to live ends, unless it
     * cannot be interrupted or its process was stopped, and may have done some of its work. With Redis away it fails at
     * once with the error of Redis, also while it waits, and the body does not run; but once a reply was lost the lock may
     * be one's own, and is asked for with the same token until `maxWait` is over. A body that runs is not disturbed while
     * Redis is away for less than the time to live. The body's own failures pass unchanged.
     *
     * May be repeated as far as the body may.
     */
    readonly withLock: (
      key: string,
      options: Options
    ) => <A, E, R>(
      body: Acquisition.Body<HeldLock, A, E, R>
    ) => Effect.Effect<A, E | LockNotAcquired | LockLost | RedisError | RedisKey.InvalidKey, R>
    /**
     * As `withLock`, holding all of several locks or none. They are taken one after the other in the order of their keys'
     * UTF-16 units, whatever the order here, so that two callers cannot wait for each other; one key named twice is taken
     * once. `maxWait` is for all of them together. The locks are not taken in one step: keys may live on different
     * servers of a cluster, and each is held, and kept from others, while the next one is waited for.
     */
    readonly withLocks: <const Keys extends ReadonlyArray<string>>(
      keys: Keys,
      options: Options
    ) => <A, E, R>(
      body: Acquisition.Body<{ readonly [Index in keyof Keys]: HeldLock }, A, E, R>
    ) => Effect.Effect<A, E | LockNotAcquired | LockLost | RedisError | RedisKey.InvalidKey, R>
    /**
     * Takes the lock if nobody holds it, and holds it until the scope ends. Asks once, and with the same token again where
     * the reply was lost. Nothing is interrupted when it is lost: see `Lease.whileHeld` and `Lease.lost`.
     */
    readonly tryAcquire: (
      key: string,
      options: Pick<Options, "timeToLive">
    ) => Effect.Effect<Option.Option<HeldLock>, RedisError | RedisKey.InvalidKey, Scope.Scope>
    /**
     * Takes the lock if nobody holds it, and answers the token to release it with. Nothing extends it: a holder that
     * outlives the time to live goes on beside the next one. A lost reply is asked for once more with the same token; when
     * that fails too, and on interruption, the lock is given back as far as Redis can be reached, and ends by itself after
     * `timeToLive` otherwise.
     */
    readonly acquireLock: (
      key: string,
      timeToLive: Duration.DurationInput
    ) => Effect.Effect<Option.Option<LockToken>, RedisError | RedisKey.InvalidKey>
    /**
     * Gives the lock back if the token still owns it, and says whether it did. It may be repeated: a second call answers
     * false and leaves the next holder alone.
     */
    readonly releaseLock: (key: string, token: LockToken) => Effect.Effect<boolean, RedisError | RedisKey.InvalidKey>
  }
}

/**
 * Locks on the client in the context.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { DistributedLock } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const lock = yield* DistributedLock.make
 *   const settle = lock.withLock("settle:user-1", { timeToLive: "10 seconds", maxWait: "2 seconds" })
 *   yield* settle(Effect.log("nobody else settles user-1 now"))
 *   yield* settle(({ fencingToken }) => Effect.log(`nor writes anything after ${fencingToken}`))
 * })
 */
export const make: Effect.Effect<DistributedLock.Service, never, RedisClient> = Effect.zipWith(
  RedisClient,
  SharedFibers.fork,
  (client, fork) => {
    const runAcquire = client.run(LockScripts.acquire)
    const runExtend = client.run(LockScripts.extend)
    const runRelease = client.run(LockScripts.release)
    const claims = Acquisition.make(client, fork)

    const prepare = (name: string, timeToLive: Duration.DurationInput) =>
      Effect.gen(function* () {
        const key = yield* KeyOwner.under("lock", name)
        const timeToLiveMillis = yield* wholeMillis(LockScripts.acquire.name, "the time to live", timeToLive)
        return { key, timeToLiveMillis, token: yield* Token.random }
      })

    const hold = Effect.fnUntraced(
      function* (name: string, { timeToLive, maxWait }: DistributedLock.Options, scope: Scope.Scope) {
        const lock = yield* prepare(name, timeToLive)
        const claim = {
          key: name,
          channel: LockScripts.channel(lock.key),
          timeToLiveMillis: lock.timeToLiveMillis,
          maxWaitMillis: Duration.toMillis(maxWait),
          ask: Effect.map(runAcquire(lock), ([granted, value]) =>
            granted === 1 ? Either.right(value) : Either.left(value)
          ),
          extend: Effect.map(runExtend(lock), (held) => (held === 1 ? "Held" : held === 0 ? "Gone" : "TakenOver")),
          giveBack: runRelease(lock)
        }
        const [lease, fence] = yield* claims.hold(claim, scope)
        return { ...lease, token: lock.token, fencingToken: FencingToken.make(fence) }
      },
      // the place of the call is in the caller's own span; to find it out takes longer than the lock
      (effect, key) =>
        Effect.withSpan(effect, "DistributedLock.hold", { attributes: { key }, captureStackTrace: false })
    )

    const holdAll = (
      names: ReadonlyArray<string>,
      { timeToLive, maxWait }: DistributedLock.Options,
      scope: Scope.Scope
    ) =>
      Effect.gen(function* () {
        const deadline = (yield* MonotonicClock.millis) + Duration.toMillis(maxWait)
        const held = new Map<string, HeldLock>()
        for (const name of Array.from(new Set(names)).sort()) {
          const leftMillis = Math.max(0, deadline - (yield* MonotonicClock.millis))
          held.set(name, yield* hold(name, { timeToLive, maxWait: leftMillis }, scope))
        }
        return held
      })

    return DistributedLock.of({
      withLock: (key, options) =>
        Acquisition.holding((scope) =>
          Effect.map(hold(key, options, scope), (lock) => ({ given: lock, leases: [lock] }))
        ),
      withLocks: <const Keys extends ReadonlyArray<string>>(keys: Keys, options: DistributedLock.Options) =>
        Acquisition.holding((scope) =>
          Effect.map(holdAll(keys, options, scope), (held) => ({
            given: keys.map((key) => held.get(key)) as { readonly [Index in keyof Keys]: HeldLock },
            leases: held.values()
          }))
        ),
      tryAcquire: (key, { timeToLive }) =>
        Effect.flatMap(Effect.scope, (scope) => hold(key, { timeToLive, maxWait: Duration.zero }, scope)).pipe(
          Effect.asSome,
          Effect.catchTag("LockNotAcquired", () => Effect.succeedNone)
        ),
      acquireLock: Effect.fn("DistributedLock.acquireLock")(function* (name, timeToLive) {
        const lock = yield* prepare(name, timeToLive)
        const [granted] = yield* runAcquire(lock).pipe(
          Effect.retry({ times: 1, while: isOutcomeUnknown }),
          Effect.onError(() => Effect.ignoreLogged(runRelease(lock)))
        )
        return granted === 1 ? Option.some(lock.token) : Option.none()
      }),
      releaseLock: Effect.fn("DistributedLock.releaseLock")(function* (name, token) {
        const key = yield* KeyOwner.under("lock", name)
        return (yield* runRelease({ key, token })) === 1
      })
    })
  }
)

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<DistributedLock, never, RedisClient> = Layer.effect(DistributedLock, make)
