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
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as SharedFibers from "../internal/effect/SharedFibers.js"
import * as ArgumentCheck from "../redis/ArgumentCheck.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisExecutor from "../redis/RedisExecutor.js"
import type * as RedisKey from "../redis/RedisKey.js"
import * as Acquisition from "./lock/Acquisition.js"
import * as Lease from "./lock/Lease.js"
import type { LockLost, LockNotAcquired } from "./lock/LockError.js"
import * as ReleaseNotice from "./lock/ReleaseNotice.js"
import * as SemaphoreScripts from "./lock/SemaphoreScripts.js"
import * as Token from "./lock/Token.js"
import type * as Waiting from "./lock/Waiting.js"

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
    /**
     * How many permits the holder takes, an integer from 1 to `permits`; default 1. They are acquired in one step, so callers that
     * want many cannot wait for each other with a part of theirs. They are renewed together, lost together and released together.
     */
    readonly take?: number | undefined
    /** like `DistributedLock.Options.timeToLive`, for each permit */
    readonly timeToLive: Duration.DurationInput
    /** how long to wait while too few permits are free; zero tries once, infinity waits for ever */
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
     * Runs a body while holding one permit, or as many as `take` says. It fails, waits and may be repeated like
     * `DistributedLock.withLock`. Between processes a caller that takes many may wait while others take few, until `maxWait`.
     */
    readonly withPermit: (
      key: string,
      options: Options
    ) => <A, E, R>(
      body: Lease.Body<Lease.Lease, A, E, R>
    ) => Effect.Effect<A, E | LockNotAcquired | LockLost | RedisError | RedisKey.InvalidKey, R>
    /** Acquires a permit, or as many as `take` says, if that many are free, and holds it until the scope ends, like `DistributedLock.tryAcquire`. */
    readonly tryAcquire: (
      key: string,
      options: Omit<Options, "maxWait">
    ) => Effect.Effect<Option.Option<Lease.Lease>, RedisError | RedisKey.InvalidKey, Scope.Scope>
  }
}

/** The commands on permits. The caller's FiberRefs and retry policy apply to them. */
interface Commands {
  readonly acquire: (permit: Permit) => Effect.Effect<Waiting.Answer, RedisError>
  readonly extend: (permit: Permit) => Effect.Effect<0 | 1, RedisError>
  readonly release: (permit: Permit) => Effect.Effect<0 | 1, RedisError>
  /** the channel of a key as a subscriber knows it */
  readonly channelOf: (key: string) => string
}

/** A script writes as many members at each renewal. */
const mostTaken = 1_000

class Permit implements Acquisition.Acquisition {
  readonly kind = "semaphore"
  readonly token = Token.random()

  constructor(
    private readonly commands: Commands,
    readonly name: string,
    readonly key: string,
    readonly permits: number,
    readonly take: number,
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
    return this.tryOnce
  }

  extend() {
    return Effect.map(this.commands.extend(this), (held) => (held === 1 ? "Held" : "Gone"))
  }

  release() {
    return this.commands.release(this)
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
    const runRelease = client.run(SemaphoreScripts.release)
    const commands: Commands = {
      acquire: client.run(SemaphoreScripts.acquire),
      extend: client.run(SemaphoreScripts.extend),
      release: ({ key, take, token }) =>
        runRelease({ key, take, token, channel: ReleaseNotice.channel(executor, key).published }),
      channelOf: (key) => ReleaseNotice.channel(executor, key).name
    }
    const acquisitions = Acquisition.make(client, fork)
    const call = SemaphoreScripts.acquire.name

    const permitOf = (
      name: string,
      { maxWait, permits, take = 1, timeToLive }: DistributedSemaphore.Options
    ): Exit.Exit<Permit, RedisError | RedisKey.InvalidKey> => {
      const key = KeyOwner.under("semaphore", name)
      if (Either.isLeft(key)) return Exit.fail(key.left)
      const lifeMillis = ArgumentCheck.timeToLiveMillis(call, "timeToLive", timeToLive)
      if (Exit.isFailure(lifeMillis)) return Exit.failCause(lifeMillis.cause)
      const waitMillis = ArgumentCheck.waitMillis(call, "maxWait", maxWait)
      if (Exit.isFailure(waitMillis)) return Exit.failCause(waitMillis.cause)
      const all = ArgumentCheck.integerFrom(call, "permits", 1, permits)
      if (Exit.isFailure(all)) return Exit.failCause(all.cause)
      if (!(Number.isInteger(take) && take >= 1 && take <= Math.min(permits, mostTaken))) {
        return ArgumentCheck.reject(call, "take", take, `an integer from 1 to ${Math.min(permits, mostTaken)}`)
      }
      return Exit.succeed(new Permit(commands, name, key.right, permits, take, lifeMillis.value, waitMillis.value))
    }

    return DistributedSemaphore.of({
      withPermit: (name, options) => (body) =>
        acquisitions.holding(
          () => permitOf(name, options),
          (_, lease) => (Effect.isEffect(body) ? body : body(Lease.of(lease)))
        ),
      tryAcquire: (name, options) =>
        acquisitions
          .hold(
            () => permitOf(name, { ...options, maxWait: 0 }),
            (_, lease) => Lease.of(lease)
          )
          .pipe(
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
