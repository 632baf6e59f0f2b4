/**
 * Locks with one holder at a time among all processes. A lock is renewed while its holder lives, and comes with a fencing token.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as SharedFibers from "../internal/effect/SharedFibers.js"
import * as MonotonicClock from "../internal/MonotonicClock.js"
import * as ArgumentCheck from "../redis/ArgumentCheck.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import { isOutcomeUnknown, type RedisError } from "../redis/RedisError.js"
import * as RedisExecutor from "../redis/RedisExecutor.js"
import type * as RedisKey from "../redis/RedisKey.js"
import * as Acquisition from "./lock/Acquisition.js"
import * as Lease from "./lock/Lease.js"
import type { HeldLease } from "./lock/LeaseRenewal.js"
import type { LockLost, LockNotAcquired } from "./lock/LockError.js"
import * as LockScripts from "./lock/LockScripts.js"
import * as ReleaseNotice from "./lock/ReleaseNotice.js"
import type { FencingToken, LockToken } from "./lock/Token.js"
import * as Token from "./lock/Token.js"
import type * as Waiting from "./lock/Waiting.js"

export type {
  Body,
  /**
   * A lock or permit that is held for now.
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
 * Locks in Redis. `docs/locks.md` says what they promise, and what only a fencing token prevents.
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
export interface HeldLock extends Lease.Lease {
  /** proves to Redis that the caller owns the lock */
  readonly token: LockToken
  /** proves to other stores that its holder is the latest one */
  readonly fencingToken: FencingToken
}

/**
 * @since 0.1.0
 */
export declare namespace DistributedLock {
  /**
   * How a lock is acquired and held.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Options {
    /**
     * How long the lock outlives a holder that died, from 1 ms up to the longest time of a server. Seconds suit most programs: a
     * busy machine misses shorter renewals.
     *
     * The lock is renewed every third of this time while the body runs. It is lost when Redis has confirmed nothing for nine tenths.
     * An outage of half this time is survived when it is at least ten times the client's `commandTimeout`.
     */
    readonly timeToLive: Duration.DurationInput
    /** how long to wait while another caller holds the lock; zero tries once, infinity waits for ever */
    readonly maxWait: Duration.DurationInput
  }

  /**
   * The operations of locks. A key stands in Redis as `lock:<key>`.
   *
   * All fail with `InvalidKey` when the key is empty, longer than 512 bytes, or holds a control character or a lone surrogate.
   * They fail with `InvalidArgument` when `timeToLive` is not positive or longer than a server keeps a key. So they do when
   * `maxWait` is negative or NaN.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Runs a body while holding the lock, and releases the lock when the body ends, fails or is interrupted. The body is an effect,
     * or a function of the held lock and its fencing token. Fibers that the body forks end with it.
     *
     * In one process waiting callers are admitted in order of arrival; between processes in no particular order. The lock is not
     * re-entrant: a body that acquires its own lock again waits for itself.
     *
     * - `LockNotAcquired`: another caller held the lock for longer than `maxWait`
     * - `LockLost`: the lock was lost, or is no longer certain. The body was interrupted before the time to live ended, unless it is
     *   uninterruptible or its process was suspended. Part of its work may be done
     * - `RedisError`: Redis is unavailable, and the body did not run. A waiting caller fails at once too. After a lost reply the
     *   caller may own the lock, and retries with the same token until `maxWait` has passed
     *
     * An outage that is shorter than the time to live does not disturb a running body. The body's own failures pass unchanged.
     *
     * May be repeated if the body may.
     */
    readonly withLock: (
      key: string,
      options: Options
    ) => <A, E, R>(
      body: Lease.Body<HeldLock, A, E, R>
    ) => Effect.Effect<A, E | LockNotAcquired | LockLost | RedisError | RedisKey.InvalidKey, R>
    /**
     * Runs a body like `withLock` while holding several locks. `maxWait` is for all of them together.
     *
     * They are acquired one after the other, in the order of their keys' UTF-16 units, so two callers cannot wait for each other. A
     * key that is named twice is acquired once. It is not one step, since keys may live on different servers of a cluster: each lock
     * is held while the next one is awaited.
     */
    readonly withLocks: <const Keys extends ReadonlyArray<string>>(
      keys: Keys,
      options: Options
    ) => <A, E, R>(
      body: Lease.Body<{ readonly [Index in keyof Keys]: HeldLock }, A, E, R>
    ) => Effect.Effect<A, E | LockNotAcquired | LockLost | RedisError | RedisKey.InvalidKey, R>
    /**
     * Acquires the lock if it is free, and holds it until the scope ends. Tries once, and once more with the same token after a lost
     * reply. A loss interrupts nothing: see `Lease.whileHeld` and `Lease.lost`.
     */
    readonly tryAcquire: (
      key: string,
      options: Pick<Options, "timeToLive">
    ) => Effect.Effect<Option.Option<HeldLock>, RedisError | RedisKey.InvalidKey, Scope.Scope>
    /**
     * Acquires the lock if it is free, and returns the token that releases it. Nothing renews the lock: a holder that outlives the
     * time to live runs beside the next one.
     *
     * A lost reply is retried once with the same token. When that fails too, or on interruption, the lock is released as far as
     * Redis is reachable, and expires after `timeToLive` otherwise.
     */
    readonly acquireLock: (
      key: string,
      timeToLive: Duration.DurationInput
    ) => Effect.Effect<Option.Option<LockToken>, RedisError | RedisKey.InvalidKey>
    /**
     * Releases the lock if the token owns it, and returns whether it did. May be repeated: a second call returns false and leaves the
     * next holder alone.
     */
    readonly releaseLock: (key: string, token: LockToken) => Effect.Effect<boolean, RedisError | RedisKey.InvalidKey>
  }
}

/** The commands on locks. The caller's FiberRefs and retry policy apply to them. */
interface Commands {
  readonly acquire: (lock: Lock) => Effect.Effect<Waiting.Answer, RedisError>
  readonly acquireOrAnnounce: (lock: Lock) => Effect.Effect<Waiting.Answer, RedisError>
  readonly extend: (lock: Lock) => Effect.Effect<-1 | 0 | 1, RedisError>
  readonly release: (lock: { readonly key: string; readonly token: LockToken }) => Effect.Effect<0 | 1, RedisError>
  /** the channel of a key as a subscriber knows it */
  readonly channelOf: (key: string) => string
}

class Lock implements Acquisition.Acquisition {
  readonly kind = "lock"
  readonly token = Token.random()

  constructor(
    private readonly commands: Commands,
    readonly name: string,
    readonly key: string,
    readonly timeToLiveMillis: number,
    readonly maxWaitMillis: number
  ) {}

  get channel() {
    return this.commands.channelOf(this.key)
  }

  get tryOnce() {
    return this.commands.acquire(this)
  }

  get tryAsWaiting() {
    return this.commands.acquireOrAnnounce(this)
  }

  extend() {
    return Effect.map(this.commands.extend(this), (held) => (held === 1 ? "Held" : held === 0 ? "Gone" : "TakenOver"))
  }

  release() {
    return this.commands.release(this)
  }

  held(lease: HeldLease, fence: number): HeldLock {
    return { ...Lease.of(lease), token: this.token, fencingToken: Token.fencingToken(fence) }
  }
}

/**
 * Makes locks on the client in the context.
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
 *   yield* settle(Effect.log("no other caller settles user-1 now"))
 *   yield* settle(({ fencingToken }) => Effect.log(`writes with ${fencingToken}`))
 * })
 */
export const make: Effect.Effect<DistributedLock.Service, never, RedisClient> = Effect.zipWith(
  RedisClient,
  SharedFibers.fork,
  (client, fork) => {
    const executor = RedisExecutor.of(client)
    const runRelease = client.run(LockScripts.release)
    const commands: Commands = {
      acquire: client.run(LockScripts.acquire),
      acquireOrAnnounce: client.run(LockScripts.acquireOrAnnounce),
      extend: client.run(LockScripts.extend),
      release: ({ key, token }) => runRelease({ key, token, channel: ReleaseNotice.channel(executor, key).published }),
      channelOf: (key) => ReleaseNotice.channel(executor, key).name
    }
    const acquisitions = Acquisition.make(client, fork)

    const call = LockScripts.acquire.name

    const lockOf = (
      name: string,
      { maxWait, timeToLive }: DistributedLock.Options
    ): Exit.Exit<Lock, RedisError | RedisKey.InvalidKey> => {
      const key = KeyOwner.under("lock", name)
      if (Either.isLeft(key)) return Exit.fail(key.left)
      const lifeMillis = ArgumentCheck.timeToLiveMillis(call, "timeToLive", timeToLive)
      if (Exit.isFailure(lifeMillis)) return Exit.failCause(lifeMillis.cause)
      const waitMillis = ArgumentCheck.waitMillis(call, "maxWait", maxWait)
      if (Exit.isFailure(waitMillis)) return Exit.failCause(waitMillis.cause)
      return Exit.succeed(new Lock(commands, name, key.right, lifeMillis.value, waitMillis.value))
    }

    const withLock: DistributedLock.Service["withLock"] = (name, options) => (body) =>
      acquisitions.holding(
        () => lockOf(name, options),
        (lock, lease, fence) => (Effect.isEffect(body) ? body : body(lock.held(lease, fence)))
      )

    return DistributedLock.of({
      withLock,
      withLocks:
        <const Keys extends ReadonlyArray<string>>(keys: Keys, { maxWait, timeToLive }: DistributedLock.Options) =>
        <A, E, R>(body: Lease.Body<{ readonly [Index in keyof Keys]: HeldLock }, A, E, R>) =>
          Effect.gen(function* () {
            const deadline =
              (yield* ArgumentCheck.waitMillis(call, "maxWait", maxWait)) + (yield* MonotonicClock.millis)
            const held = new Map<string, HeldLock>()
            const given = () => keys.map((key) => held.get(key)) as { readonly [Index in keyof Keys]: HeldLock }
            // each lock is the body of the one before it
            const hold = ([name, ...others]: ReadonlyArray<string>): Effect.Effect<
              A,
              E | LockNotAcquired | LockLost | RedisError | RedisKey.InvalidKey,
              R
            > => {
              if (name === undefined) return Effect.isEffect(body) ? body : body(given())
              return Effect.flatMap(MonotonicClock.millis, (now) =>
                withLock(name, { timeToLive, maxWait: Math.max(0, deadline - now) })((lock) => {
                  held.set(name, lock)
                  return hold(others)
                })
              )
            }
            return yield* hold(Array.from(new Set(keys)).sort())
          }),
      tryAcquire: (name, { timeToLive }) =>
        acquisitions
          .hold(
            () => lockOf(name, { timeToLive, maxWait: 0 }),
            (lock, lease, fence) => lock.held(lease, fence)
          )
          .pipe(
            Effect.asSome,
            Effect.catchTag("LockNotAcquired", () => Effect.succeedNone)
          ),
      acquireLock: Effect.fn("DistributedLock.acquireLock")(function* (name, timeToLive) {
        const lock = yield* lockOf(name, { timeToLive, maxWait: 0 })
        const [granted] = yield* lock.tryOnce.pipe(
          Effect.retry({ times: 1, while: isOutcomeUnknown }),
          Effect.onError(() => Effect.ignoreLogged(lock.release()))
        )
        return granted === 1 ? Option.some(lock.token) : Option.none()
      }),
      releaseLock: Effect.fn("DistributedLock.releaseLock")(function* (name, token) {
        const key = yield* KeyOwner.under("lock", name)
        return (yield* commands.release({ key, token })) === 1
      })
    })
  }
)

/**
 * Provides locks on the client in the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<DistributedLock, never, RedisClient> = Layer.effect(DistributedLock, make)
