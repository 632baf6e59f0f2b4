/**
 * Loading one value: under a lease where Redis allows, waiting for who holds it, and without Redis where it must
 * (rules 2 to 5 and 13 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as CacheEntry from "./CacheEntry.js"
import type { CacheObserver } from "./CacheObserver.js"
import type { EntryCodec } from "./EntryCodec.js"
import { type Invalidation, type Unread, unreadBecause } from "./Invalidation.js"
import type { LeaseKeeper } from "./LeaseKeeper.js"
import type { Lookup, LookupOverloaded, Lookups, LookupTimeout } from "./Lookups.js"
import type { Written } from "./Origin.js"
import type { RedisTier } from "./RedisTier.js"
import type { Flight, Landed } from "./SingleFlight.js"
import * as LeaseScripts from "./scripts/LeaseScripts.js"
import type { Target } from "./scripts/shared.js"
import * as WriteScripts from "./scripts/WriteScripts.js"

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
 * What a load can fail with: with a `RedisError` only where `onUnavailable` is `fail`.
 *
 * @since 0.1.0
 * @category errors
 */
export type LoadError<E> = E | LookupOverloaded | LookupTimeout | RedisError

/**
 * @since 0.1.0
 * @category models
 */
export interface LoaderOptions<A> {
  readonly redis: RedisClient.Service
  readonly tier: RedisTier<A>
  readonly invalidation: Invalidation
  readonly codec: EntryCodec<A>
  readonly lookups: Lookups
  readonly observer: CacheObserver
  readonly target: (key: string) => Target
  /** for how long a value is kept beyond its time to live, in milliseconds */
  readonly staleMillis: (value: A) => number
  readonly keeper: LeaseKeeper
  readonly leaseMillis: number
  /** a caller that waited longer for another's lease looks up by itself, in milliseconds */
  readonly waitMillis: number
  readonly pollMillis: number
  readonly onUnavailable: "lookup" | "fail"
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
  /** The value and what is stored beside it. `previous` is what the cache holds, where that may still be served. */
  readonly lookup: (
    previous: CacheEntry.CacheEntry<A> | undefined,
    lookup: Lookup
  ) => Effect.Effect<Written<A>, E | LookupTimeout>
}

/**
 * What a load knows beforehand.
 *
 * @since 0.1.0
 * @category models
 */
export interface Seen<A> {
  /** an entry of that birth or before will not do */
  readonly newerThan: number
  /** Redis has just failed this caller, and is not asked again, so that it costs one timeout and not several */
  readonly failure?: Unread | undefined
  /** the trusted entry that is to be renewed */
  readonly previous?: CacheEntry.CacheEntry<A> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Loader<A, E> {
  /** A flight's whole way to a value. */
  readonly load: (
    key: string,
    origin: Origin<A, E>,
    seen: Seen<A>
  ) => (flight: Flight) => Effect.Effect<Landed<Loaded<A>>, LoadError<E>>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(options: LoaderOptions<A>): Effect.Effect<Loader<A, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const { invalidation, keeper, lookups, observer, redis, tier } = options

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

    /** Looked up and not kept by anyone. */
    const unkept = (entry: CacheEntry.CacheEntry<A>, entitled: number) => ({
      value: { entry, source: "Lookup", reason: undefined } as const,
      entitled
    })

    const load: Loader<A, E>["load"] = (key, origin, seen) => (flight) => {
      const target = options.target(key)
      const token = crypto.randomUUID()
      const lookUp = (isBounded: boolean) =>
        lookups.run(key, isBounded, (lookup) => origin.lookup(seen.previous, lookup))
      let newerThan = seen.newerThan
      let mayHoldLease = false
      let waitsSince: number | undefined

      // not awaited: the value must not wait for Redis, and the lease ends by itself
      const giveBack = Effect.suspend(() =>
        mayHoldLease
          ? redis
              .run(LeaseScripts.release)({ ...target, token, message: invalidation.bus.readyMessage(key) })
              .pipe(Effect.ignore, Effect.forkIn(scope))
          : Effect.void
      )

      const degraded = (failure: Unread) =>
        Effect.gen(function* () {
          yield* observer.redisFailed(failure)
          if (options.onUnavailable === "fail") return yield* Effect.fail(failure.error)
          const before = flight.joined()
          const started = yield* Clock.currentTimeMillis
          const looked = yield* lookUp(true)
          const entry = { ...looked, created: yield* redis.serverTime }
          return yield* unconfirmed(key, entry, flight, { started, before, reason: failure.reason })
        })

      /** What may not be stored: what it was to replace is not to stay either. */
      const storeNothing = Effect.suspend(() => {
        if (seen.newerThan === 0) return Effect.void
        invalidation.move({ _tag: "Key", key })
        return redis
          .run(WriteScripts.invalidate)({ ...target, message: invalidation.bus.invalidateMessage(key) })
          .pipe(Effect.ignore, Effect.forkIn(scope))
      })

      const underLease = (created: number, generation: number) =>
        Effect.gen(function* () {
          const started = yield* Clock.currentTimeMillis
          const before = flight.joined()
          // after an outage everything is looked up again, which is bounded as the outage itself is
          const isAfterOutage = seen.newerThan > 0 && seen.newerThan <= invalidation.distrustUpTo()
          const looked = yield* keeper.whileHeld(target, token)(lookUp(isAfterOutage))
          flight.close()
          const entry = { ...looked, created }
          if (entry.timeToLive < 1) {
            yield* storeNothing
            return unkept(entry, before)
          }
          const encoded = yield* Effect.either(options.codec.encode(key, entry.value, entry))
          if (Either.isLeft(encoded)) {
            yield* Effect.logWarning(`not cached as ${key}: ${encoded.left.message}`)
            yield* storeNothing
            return unkept(entry, before)
          }
          const { text } = encoded.right
          const keepMillis = Math.ceil(entry.timeToLive + options.staleMillis(entry.value))
          const asked = yield* Clock.currentTimeMillis
          const tagsTaken = invalidation.outbox.tagsTaken()
          // a marker that moves after it was read here speaks against the entry
          const sent = yield* Effect.option(
            invalidation.withMarkers(
              entry.tags,
              keepMillis,
              redis.runStamped(LeaseScripts.fill)({
                ...target,
                token,
                created,
                body: CacheEntry.body(entry, encoded.right),
                keepMillis,
                message: invalidation.bus.readyMessage(key)
              })
            )
          )
          const isAnswered = Option.isSome(sent) && sent.value.written.generation === generation
          if (!isAnswered || !invalidation.isUsable(generation)) {
            return yield* unconfirmed(key, entry, flight, { started, before, text, reason: "FillUnconfirmed" })
          }
          const { markers, written: filled } = sent.value
          mayHoldLease = false
          const isCurrent = filled.value === 1 && invalidation.isTrusted(created, entry.tags, markers, tagsTaken)
          if (isCurrent) yield* options.keepLocal(key, entry, asked, flight.epoch, text)
          else observer.counters.fillsRefused++
          return unkept(entry, isCurrent ? flight.joined() : before)
        })

      const step: Effect.Effect<Landed<Loaded<A>>, LoadError<E>> = Effect.suspend(() => {
        if (!invalidation.mayRead(key)) return degraded(invalidation.refusal(key))
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
              if (Either.isLeft(outcome)) return degraded(unreadBecause(outcome.left))
              const { generation, value: acquired } = outcome.right
              if (!invalidation.isUsable(generation)) return degraded(invalidation.refusal(key))
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
        Effect.flatMap(Effect.either(tier.read(key)), (outcome) => {
          if (Either.isLeft(outcome)) return degraded(outcome.left)
          const { created, entry, serverTime, text, trusted } = outcome.right
          if (entry !== undefined && trusted && CacheEntry.isFresh(entry, serverTime)) {
            return Effect.as(options.keepLocal(key, entry, asked, flight.epoch, text), {
              value: { entry, source: "Redis", reason: undefined } as const,
              entitled
            })
          }
          newerThan = Math.max(newerThan, created)
          return step
        })

      const held = (now: number) =>
        Effect.suspend(() => {
          observer.counters.leaseWaits++
          waitsSince ??= now
          // a clock that was set back makes no waiting longer
          if (now < waitsSince || now - waitsSince >= options.waitMillis) {
            const before = flight.joined()
            return Effect.zipWith(lookUp(false), redis.serverTime, (looked, created) =>
              unkept({ ...looked, created }, before)
            )
          }
          // woken by the bus, and polling besides, since messages get lost
          return Effect.flatMap(Random.nextRange(options.pollMillis / 2, options.pollMillis), (pause) =>
            Effect.zipRight(Effect.race(invalidation.bus.awaitLease(key), Effect.sleep(pause)), step)
          )
        })

      return Effect.ensuring(seen.failure === undefined ? step : degraded(seen.failure), giveBack)
    }

    return { load }
  })
