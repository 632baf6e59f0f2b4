/**
 * Loading one value: under a lease where Redis allows, waiting for who holds it, and without Redis where it must
 * (rules 2 to 5 and 13 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import type { CacheCodec } from "./CacheCodec.js"
import * as CacheEntry from "./CacheEntry.js"
import type { Counters } from "./CacheStats.js"
import type { FailureLog } from "./FailureLog.js"
import { type Invalidation, type Unread, unreadBecause } from "./Invalidation.js"
import { type LatencyHistogram, millisBetween } from "./LatencyHistogram.js"
import type { Found, RedisTier } from "./RedisTier.js"
import type { Flight, Landed } from "./SingleFlight.js"
import * as LeaseScripts from "./scripts/LeaseScripts.js"
import type { Target } from "./scripts/shared.js"

/**
 * Too many lookups were under way because Redis is away, and too many waited.
 *
 * @since 0.1.0
 * @category errors
 */
export class LookupOverloaded extends Schema.TaggedError<LookupOverloaded>()("LookupOverloaded", {
  cache: Schema.String
}) {
  override get message(): string {
    return `the cache "${this.cache}" does without Redis and has too many lookups under way: try again later`
  }
}

/**
 * A value with its birth by the server's clock, and how it was come by.
 *
 * @since 0.1.0
 * @category models
 */
export interface Loaded<out A> {
  readonly entry: CacheEntry.CacheEntry<A>
  readonly source: "Redis" | "Lookup" | "Degraded"
  /** why Redis was not used; present when the source is `Degraded` */
  readonly reason: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LoaderOptions<A> {
  readonly name: string
  readonly redis: RedisClient.Service
  readonly tier: RedisTier<A>
  readonly invalidation: Invalidation
  readonly codec: CacheCodec<A>
  readonly counters: Counters
  readonly lookupLatency: LatencyHistogram
  readonly failureLog: FailureLog
  readonly target: (key: string) => Target
  readonly staleMillis: number
  readonly leaseMillis: number
  /** a caller that waited longer for another's lease looks up by itself, in milliseconds */
  readonly waitMillis: number
  readonly pollMillis: number
  readonly maxLookups: number
  readonly maxWaiting: number
  readonly onUnavailable: "lookup" | "fail"
  readonly markerMillis: number
  /**
   * Keeps a loaded or read value in this process, if nothing happened to its key since `epoch`. `text` is what is stored
   * of it, where that is known.
   */
  readonly keepLocal: (
    key: string,
    entry: CacheEntry.CacheEntry<A>,
    asked: number,
    epoch: number,
    text: string | undefined
  ) => Effect.Effect<void>
}

/**
 * Where a value comes from when no tier has it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Origin<A, E> {
  readonly lookup: Effect.Effect<A, E>
  /** for how long a value is fresh, in milliseconds, jittered; below 1 it is not stored */
  readonly timeToLive: (value: A) => Effect.Effect<number>
}

/**
 * What Redis holds under a key, and whether this process knows nothing that speaks against it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Readable<A> extends Found<A> {
  readonly trusted: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Loader<A, E> {
  /**
   * A flight's whole way to a value. `newerThan`: an entry of that birth or before will not do. `failure`: Redis has just
   * failed this caller, and is not asked again, so that it costs one timeout and not several.
   */
  readonly load: (
    key: string,
    origin: Origin<A, E>,
    seen: { readonly newerThan: number; readonly failure?: Unread | undefined }
  ) => (flight: Flight) => Effect.Effect<Landed<Loaded<A>>, E | LookupOverloaded | RedisError>
  /** What Redis holds that may be served now, if this process may read it. */
  readonly read: (key: string) => Effect.Effect<Readable<A>, Unread>
  /** Counts and logs that a key was not read. */
  readonly noteFailure: (failure: Unread) => Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(options: LoaderOptions<A>): Effect.Effect<Loader<A, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const clock = yield* Effect.clock
    const { counters, invalidation, redis, tier } = options
    const permits = yield* Effect.makeSemaphore(options.maxLookups)
    let queued = 0

    const read: Loader<A, E>["read"] = (key) =>
      Effect.suspend(() => {
        if (!invalidation.mayRead(key)) return Effect.fail(invalidation.refusal(key))
        return Effect.flatMap(Effect.mapError(tier.read(key), unreadBecause), (found) => {
          invalidation.noteMarker(found.marker)
          return invalidation.isUsable(found.generation)
            ? Effect.succeed({
                ...found,
                trusted: found.entry !== undefined && invalidation.isTrusted(found.entry.created, found.marker)
              })
            : Effect.fail(invalidation.refusal(key))
        })
      })

    const noteFailure: Loader<A, E>["noteFailure"] = (failure) =>
      Effect.suspend(() => {
        counters.redisFailures++
        return failure.isPending ? Effect.void : options.failureLog.failed(failure.error)
      })

    /** Counted, timed, and with its own error. */
    const lookUp = (lookup: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        const started = clock.unsafeCurrentTimeNanos()
        counters.lookups++
        return Effect.onExit(lookup, (exit) =>
          Effect.sync(() => {
            options.lookupLatency.note(millisBetween(started, clock.unsafeCurrentTimeNanos()))
            if (Exit.isFailure(exit)) counters.lookupFailures++
          })
        )
      })

    const entryOf = (origin: Origin<A, E>, value: A, created: number): Effect.Effect<CacheEntry.CacheEntry<A>> =>
      Effect.map(origin.timeToLive(value), (timeToLive) => ({ value, created, timeToLive }))

    /** A lookup that Redis being away has caused: few at once, few waiting, and the rest refused at once. */
    const boundedLookUp = (lookup: Effect.Effect<A, E>): Effect.Effect<A, E | LookupOverloaded> =>
      Effect.suspend((): Effect.Effect<A, E | LookupOverloaded> => {
        if (queued >= options.maxLookups + options.maxWaiting) {
          counters.lookupsRefused++
          return Effect.fail(new LookupOverloaded({ cache: options.name }))
        }
        return Effect.acquireUseRelease(
          Effect.sync(() => {
            queued++
          }),
          () => permits.withPermits(1)(lookUp(lookup)),
          () =>
            Effect.sync(() => {
              queued--
            })
        )
      })

    /**
     * A value that Redis has not confirmed: this process promises for it only what it knows itself. Once Redis can be
     * read again that is not enough for callers from after the lookup began.
     */
    const unconfirmed = (
      key: string,
      entry: CacheEntry.CacheEntry<A>,
      flight: Flight,
      lookup: { readonly started: number; readonly before: number; readonly text?: string; readonly reason: string }
    ) =>
      Effect.map(options.keepLocal(key, entry, lookup.started, flight.epoch, lookup.text), () => ({
        value: { entry, source: "Degraded", reason: lookup.reason } as const,
        entitled: invalidation.mayRead(key) ? lookup.before : Number.POSITIVE_INFINITY
      }))

    const degraded = (key: string, origin: Origin<A, E>, flight: Flight, failure: Unread) =>
      Effect.gen(function* () {
        yield* noteFailure(failure)
        if (options.onUnavailable === "fail") return yield* Effect.fail(failure.error)
        const before = flight.joined()
        const started = yield* Clock.currentTimeMillis
        const value = yield* boundedLookUp(origin.lookup)
        const entry = yield* entryOf(origin, value, yield* redis.serverTime)
        return yield* unconfirmed(key, entry, flight, { started, before, reason: failure.reason })
      })

    const load: Loader<A, E>["load"] = (key, origin, seen) => (flight) => {
      const target = options.target(key)
      const token = crypto.randomUUID()
      let newerThan = seen.newerThan
      let mayHoldLease = false
      let waitedUntil: number | undefined

      // not awaited: the value must not wait for Redis, and the lease ends by itself
      const giveBack = Effect.suspend(() =>
        mayHoldLease
          ? redis
              .run(LeaseScripts.release)({ ...target, token, message: invalidation.bus.readyMessage(key) })
              .pipe(Effect.ignore, Effect.forkIn(scope))
          : Effect.void
      )

      const holdLease = redis
        .run(LeaseScripts.renew)({ ...target, token, leaseMillis: options.leaseMillis })
        .pipe(Effect.delay(options.leaseMillis / 3), Effect.ignore, Effect.forever)

      const underLease = (created: number, generation: number) =>
        Effect.gen(function* () {
          const started = yield* Clock.currentTimeMillis
          const before = flight.joined()
          // after an outage everything is looked up again, which is bounded as the outage itself is
          const isAfterOutage = seen.newerThan > 0 && seen.newerThan <= invalidation.distrustUpTo()
          const lookup = isAfterOutage ? boundedLookUp(origin.lookup) : lookUp(origin.lookup)
          const value = yield* Effect.raceFirst(lookup, holdLease)
          flight.close()
          const entry = yield* entryOf(origin, value, created)
          const text = yield* Effect.either(options.codec.encode(value))
          if (Either.isLeft(text)) {
            yield* Effect.logWarning(`not cached as ${key}: ${text.left.message}`)
            return { value: { entry, source: "Lookup", reason: undefined } as const, entitled: before }
          }
          const keepMillis = Math.ceil(entry.timeToLive + options.staleMillis)
          if (entry.timeToLive < 1) {
            return { value: { entry, source: "Lookup", reason: undefined } as const, entitled: before }
          }
          const asked = yield* Clock.currentTimeMillis
          const body = CacheEntry.body(Math.ceil(entry.timeToLive), text.right)
          // a marker that moves after it was read here speaks against the entry
          const sent = yield* Effect.option(
            invalidation.withMarker(
              keepMillis,
              redis.runStamped(LeaseScripts.fill)({
                ...target,
                token,
                created,
                body,
                keepMillis,
                message: invalidation.bus.readyMessage(key)
              })
            )
          )
          const isAnswered = Option.isSome(sent) && sent.value.written.generation === generation
          if (!isAnswered || !invalidation.isUsable(generation)) {
            return yield* unconfirmed(key, entry, flight, {
              started,
              before,
              text: text.right,
              reason: "FillUnconfirmed"
            })
          }
          const { marker, written: filled } = sent.value
          mayHoldLease = false
          const isCurrent = filled.value === 1 && invalidation.isTrusted(created, marker)
          if (isCurrent) yield* options.keepLocal(key, entry, asked, flight.epoch, text.right)
          else counters.fillsRefused++
          return {
            value: { entry, source: "Lookup", reason: undefined } as const,
            entitled: isCurrent ? flight.joined() : before
          }
        })

      const step: Effect.Effect<Landed<Loaded<A>>, E | LookupOverloaded | RedisError> = Effect.suspend(() => {
        if (!invalidation.mayRead(key)) return degraded(key, origin, flight, invalidation.refusal(key))
        const entitled = flight.joined()
        mayHoldLease = true
        return Effect.flatMap(Clock.currentTimeMillis, (asked) =>
          invalidation.ensureMarker.pipe(
            Effect.zipRight(
              Effect.suspend(() => {
                newerThan = Math.max(newerThan, invalidation.distrustUpTo())
                return redis.runStamped(LeaseScripts.acquire)({
                  ...target,
                  token,
                  leaseMillis: options.leaseMillis,
                  newerThan,
                  floor: invalidation.floor()
                })
              })
            ),
            Effect.either,
            Effect.flatMap((outcome) => {
              if (Either.isLeft(outcome)) return degraded(key, origin, flight, unreadBecause(outcome.left))
              const { generation, value: acquired } = outcome.right
              if (!invalidation.isUsable(generation)) {
                return degraded(key, origin, flight, invalidation.refusal(key))
              }
              mayHoldLease = acquired[0] === "granted"
              if (acquired[0] === "granted") return underLease(acquired[1], generation)
              if (acquired[0] === "value") return newer(asked, entitled)
              return held(asked)
            })
          )
        )
      })

      /** Another filled it meanwhile: read it with what speaks against it. */
      const newer = (asked: number, entitled: number) =>
        Effect.flatMap(Effect.either(read(key)), (outcome) => {
          if (Either.isLeft(outcome)) return degraded(key, origin, flight, outcome.left)
          const { created, entry, text, trusted } = outcome.right
          return Effect.flatMap(redis.serverTime, (now) => {
            if (entry !== undefined && trusted && CacheEntry.isFresh(entry, now)) {
              return Effect.as(options.keepLocal(key, entry, asked, flight.epoch, text), {
                value: { entry, source: "Redis", reason: undefined } as const,
                entitled
              })
            }
            newerThan = Math.max(newerThan, created)
            return step
          })
        })

      const held = (now: number) =>
        Effect.suspend(() => {
          counters.leaseWaits++
          waitedUntil ??= now + options.waitMillis
          if (now >= waitedUntil) {
            const before = flight.joined()
            return Effect.flatMap(lookUp(origin.lookup), (value) =>
              Effect.flatMap(redis.serverTime, (created) =>
                Effect.map(entryOf(origin, value, created), (entry) => ({
                  value: { entry, source: "Lookup", reason: undefined } as const,
                  entitled: before
                }))
              )
            )
          }
          // woken by the bus, and polling besides, since messages get lost
          return Effect.flatMap(Random.nextRange(options.pollMillis / 2, options.pollMillis), (pause) =>
            Effect.zipRight(Effect.race(invalidation.bus.awaitLease(key), Effect.sleep(pause)), step)
          )
        })

      const first = seen.failure === undefined ? step : degraded(key, origin, flight, seen.failure)
      return Effect.ensuring(first, giveBack)
    }

    return { load, noteFailure, read }
  })
