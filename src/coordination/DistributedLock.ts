/**
 * At most one holder at a time among all processes, for as long as a lock's time to live.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { RedisClient } from "../redis/RedisClient.js"
import { isNotSent, isOutcomeUnknown, type RedisError } from "../redis/RedisError.js"
import * as RedisKey from "../redis/RedisKey.js"
import * as RedisScript from "../redis/RedisScript.js"
import { wholeMillis } from "./arguments.js"

/**
 * A lock guards work that is cheap to repeat or that checks again what it writes. Nothing extends it: a holder that
 * outlives the time to live goes on beside the next one.
 *
 * @since 0.1.0
 * @category services
 */
export class DistributedLock extends Context.Tag("effect-cache-toolkit/DistributedLock")<
  DistributedLock,
  DistributedLock.Service
>() {}

/**
 * What proves that a lock is one's own.
 *
 * @since 0.1.0
 * @category models
 */
export const LockToken = Schema.NonEmptyString.pipe(Schema.brand("LockToken"))

/**
 * @since 0.1.0
 * @category models
 */
export type LockToken = typeof LockToken.Type

/**
 * Another holder kept the lock for as long as the caller was ready to wait.
 *
 * @since 0.1.0
 * @category errors
 */
export class LockNotAcquired extends Schema.TaggedError<LockNotAcquired>()("LockNotAcquired", {
  /** the lock's key as the caller named it */
  key: Schema.String
}) {
  override get message(): string {
    return `the lock "${this.key}" is held by another: try again later, or wait longer for it`
  }
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
    /** how long the lock is held at most: longer than the body ever takes, within what a server can keep */
    readonly ttl: Duration.DurationInput
    /** how long to wait while another holds it; zero asks once */
    readonly waitFor: Duration.DurationInput
  }

  /**
   * All of them fail with `InvalidKey` when the key cannot follow `lock:` (empty, over 512 bytes, control characters),
   * and with `RedisServerError`, code `ERR`, when a time to live is not positive or longer than a server keeps.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Takes the lock if nobody holds it, and answers the token to release it with. A lost reply is asked for once more
     * with the same token; when that fails too, and on interruption, the lock is given back as far as Redis can be
     * reached, and ends by itself after `ttl` otherwise.
     */
    readonly acquireLock: (
      key: string,
      ttl: Duration.DurationInput
    ) => Effect.Effect<Option.Option<LockToken>, RedisError | RedisKey.InvalidKey>
    /**
     * Gives the lock back if the token still owns it, and says whether it did. It may be repeated: a second call answers
     * false and leaves the next holder alone.
     */
    readonly releaseLock: (key: string, token: LockToken) => Effect.Effect<boolean, RedisError | RedisKey.InvalidKey>
    /**
     * Runs an effect while holding the lock, which is given back when the effect ends, fails or is interrupted.
     *
     * Fails with `LockNotAcquired` when another holds it for longer than `waitFor`. With Redis away it fails at once;
     * once a reply was lost, however, the lock may be one's own, and is asked for with the same token until `waitFor` is
     * over. The effect does not run without the lock, and its own failures pass unchanged.
     */
    readonly withLock: (
      key: string,
      options: Options
    ) => <A, E, R>(
      effect: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | LockNotAcquired | RedisError | RedisKey.InvalidKey, R>
  }
}

/**
 * Takes the lock for `token`, also when the token holds it already: a caller whose first reply was lost asks again
 * without standing in its own way. Replies whether the token holds the lock.
 *
 * @since 0.1.0
 * @category scripts
 */
export const acquireScript = RedisScript.make({
  name: "distributedLock.acquire",
  idempotent: true,
  keys: (input: { readonly key: string; readonly token: LockToken; readonly ttlMillis: number }) => [input.key],
  args: (input) => [input.token, input.ttlMillis],
  lua: `
    if redis.call("SET", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then return 1 end
    if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
    redis.call("PEXPIRE", KEYS[1], ARGV[2])
    return 1
  `,
  reply: Schema.Int,
  model: ({ keys: [key = ""], args: [token = "", ttl = ""], call }) => {
    if (call("SET", key, token, "NX", "PX", ttl) !== null) return 1
    if (call("GET", key) !== token) return 0
    call("PEXPIRE", key, ttl)
    return 1
  }
})

/**
 * Deletes the lock if `token` owns it. Replies how many locks were deleted.
 *
 * @since 0.1.0
 * @category scripts
 */
export const releaseScript = RedisScript.make({
  name: "distributedLock.release",
  idempotent: true,
  keys: (input: { readonly key: string; readonly token: LockToken }) => [input.key],
  args: (input) => [input.token],
  lua: `
    if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
    return redis.call("DEL", KEYS[1])
  `,
  reply: Schema.Int,
  model: ({ keys: [key = ""], args: [token = ""], call }) => (call("GET", key) === token ? call("DEL", key) : 0)
})

const randomToken: Effect.Effect<LockToken> = Effect.sync(() => LockToken.make(crypto.randomUUID()))

/** The pauses between attempts: short at first, 200 ms in the long run, the last one ending when `waitFor` does. */
const pauses = (waitFor: Duration.Duration) =>
  Schedule.exponential("10 millis").pipe(
    Schedule.union(Schedule.spaced("200 millis")),
    Schedule.jitteredWith({ min: 0.5, max: 1 }),
    Schedule.intersect(Schedule.elapsed),
    Schedule.whileOutput(([, elapsed]) => Duration.lessThan(elapsed, waitFor)),
    Schedule.modifyDelay(([, elapsed], pause) => {
      const millis = Math.min(Duration.toMillis(pause), Duration.toMillis(waitFor) - Duration.toMillis(elapsed))
      // fractions of a millisecond that a timer drops would wake the last attempt just short of the end
      return Duration.millis(Math.ceil(millis))
    })
  )

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
 *   yield* Effect.log("nobody else settles user-1 now").pipe(
 *     lock.withLock("settle:user-1", { ttl: "10 seconds", waitFor: "2 seconds" })
 *   )
 * })
 */
export const make: Effect.Effect<DistributedLock.Service, never, RedisClient> = Effect.map(RedisClient, (client) => {
  const runAcquire = client.run(acquireScript)
  const runRelease = client.run(releaseScript)

  // released by compare, so that it may be tried also where it is unknown whether the lock was ever taken
  const abandon = (key: string, token: LockToken) =>
    Effect.catchAll(runRelease({ key, token }), (error) =>
      Effect.logDebug(`${key} could not be released and ends by its time to live: ${error.message}`)
    )

  const prepare = (name: string, ttl: Duration.DurationInput) =>
    Effect.all({
      key: RedisKey.make("lock", name),
      ttlMillis: wholeMillis(acquireScript.name, "the time to live", ttl),
      token: randomToken
    })

  const awaitLock = (
    name: string,
    lock: { readonly key: string; readonly token: LockToken; readonly ttlMillis: number },
    waitFor: Duration.DurationInput
  ) =>
    Effect.suspend(() => {
      let replyLost = false
      return Effect.filterOrFail(
        runAcquire(lock),
        (acquired) => acquired === 1,
        () => new LockNotAcquired({ key: name })
      ).pipe(
        Effect.retry({
          schedule: pauses(Duration.decode(waitFor)),
          while: (error) => {
            if (error._tag === "LockNotAcquired") return true
            replyLost ||= isOutcomeUnknown(error)
            return isOutcomeUnknown(error) || (replyLost && isNotSent(error))
          }
        }),
        Effect.withSpan("DistributedLock.awaitLock", { attributes: { key: name } })
      )
    })

  return DistributedLock.of({
    acquireLock: Effect.fn("DistributedLock.acquireLock")(function* (name, ttl) {
      const lock = yield* prepare(name, ttl)
      const acquired = yield* runAcquire(lock).pipe(
        Effect.retry({ times: 1, while: isOutcomeUnknown }),
        Effect.onError(() => abandon(lock.key, lock.token))
      )
      return acquired === 1 ? Option.some(lock.token) : Option.none()
    }),
    releaseLock: Effect.fn("DistributedLock.releaseLock")(function* (name, token) {
      const key = yield* RedisKey.make("lock", name)
      return (yield* runRelease({ key, token })) === 1
    }),
    withLock:
      (name, { ttl, waitFor }) =>
      (effect) =>
        Effect.flatMap(prepare(name, ttl), (lock) =>
          awaitLock(name, lock, waitFor).pipe(Effect.zipRight(effect), Effect.ensuring(abandon(lock.key, lock.token)))
        )
  })
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<DistributedLock, never, RedisClient> = Layer.effect(DistributedLock, make)
