/**
 * Loading one value: under a lease where Redis allows, waiting for who holds it, and without Redis where it must
 * (rules 2 to 5 and 13 of docs/protocol.md).
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient, WithGeneration } from "../../redis/RedisClient.js"
import { type RedisError, RedisProtocolError } from "../../redis/RedisError.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import { CacheKey } from "../entry/CacheKey.js"
import * as EntryCodec from "../entry/EntryCodec.js"
import { type Invalidation, type ReadFailure, readFailureOf } from "../invalidation/Invalidation.js"
import * as LoadGraph from "../lookup/LoadGraph.js"
import type { Lookup, LookupOverloaded, LookupRunner, LookupTimeout } from "../lookup/LookupRunner.js"
import type { Written } from "../lookup/Source.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import type { Target } from "../scripts/CacheScript.js"
import * as LeaseScripts from "../scripts/LeaseScripts.js"
import * as WriteScripts from "../scripts/WriteScripts.js"
import type { RedisTier } from "../tiers/RedisTier.js"
import { freshOf } from "../tiers/TierRead.js"
import * as TransferTime from "../tiers/TransferTime.js"
import type { LeaseRenewal } from "./LeaseRenewal.js"
import type { Completed, Flight } from "./SingleFlight.js"

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
export type LoadError<E> = E | LoadGraph.LookupCycle | LookupOverloaded | LookupTimeout | RedisError

/**
 * @since 0.1.0
 * @category models
 */
export interface LoaderOptions<A> {
  readonly redis: RedisClient.Service
  readonly tier: RedisTier<A>
  readonly invalidation: Invalidation
  readonly codec: EntryCodec.EntryCodec<A>
  readonly lookups: LookupRunner
  readonly observer: CacheObserver
  readonly target: (key: string) => Target
  /** for how long a value is kept beyond its time to live, in milliseconds */
  readonly staleMillis: (value: A) => number
  readonly keeper: LeaseRenewal
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
export interface ValueSource<A, E> {
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
  readonly failure?: ReadFailure | undefined
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
    origin: ValueSource<A, E>,
    seen: Seen<A>
  ) => (flight: Flight) => Effect.Effect<Completed<Loaded<A>>, LoadError<E>>
  /**
   * A lookup in the fiber and the context of one caller, for that caller alone: nothing is stored, and it waits for no
   * other load. Few run at once without Redis too, since few transactions do.
   */
  readonly loadAlone: (key: string, origin: ValueSource<A, E>, seen: Seen<A>) => Effect.Effect<Loaded<A>, LoadError<E>>
}

/** How often Acquire may report a value that the read then misses, and the longest pause after the first time. */
const maxContradictions = 5
const contradictionPauseMillis = 10

/** Redis is there, and yet cannot be read: its reads do not know what its scripts have written. */
const replicaLag: ReadFailure = {
  error: new RedisProtocolError({
    command: "MGET",
    detail: "it answers less than scripts have written, as a replica does"
  }),
  reason: "ReplicaLag",
  isPending: true
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(options: LoaderOptions<A>): Effect.Effect<Loader<A, E>> =>
  Effect.map(Effect.clock, (clock) => {
    const { codec, invalidation, keeper, lookups, observer, redis, tier } = options
    const line = TransferTime.of(redis)
    const serverTime = () => MonotonicClock.unsafeMillis(clock) + redis.clockOffsetMillis()

    /**
     * A value that Redis has not confirmed: this process promises for it only what it knows itself. Once Redis can be
     * read again that is not enough for callers from after the lookup began.
     */
    const unconfirmed = (
      key: string,
      entry: CacheEntry.CacheEntry<A>,
      flight: Flight,
      lookup: { readonly started: number; readonly before: number; readonly text?: string; readonly reason: string }
    ): Effect.Effect<Completed<Loaded<A>>> =>
      Effect.map(options.keepLocal(key, entry, lookup.started, flight.epoch, lookup.text), () => ({
        value: { entry, source: "Degraded", reason: lookup.reason },
        joinedBefore: invalidation.mayRead(key) ? lookup.before : Number.POSITIVE_INFINITY
      }))

    /** Looked up and not kept by anyone. */
    const unkept = (entry: CacheEntry.CacheEntry<A>, joinedBefore: number): Completed<Loaded<A>> => ({
      value: { entry, source: "Lookup", reason: undefined },
      joinedBefore
    })

    let isLagKnown = false
    /** Reads are sent somewhere that is behind what scripts have written. Says so once: it is a matter of the set-up. */
    const lagging = Effect.suspend(() => {
      if (isLagKnown) return Effect.void
      isLagKnown = true
      return Effect.logWarning(
        "Redis answers reads with less than its scripts have written: are they sent to a replica? Every command of a " +
          "cache must go to the primary; until then values are looked up that Redis holds"
      )
    })

    const load: Loader<A, E>["load"] = (key, origin, seen) => (flight) => {
      const target = options.target(key)
      const token = crypto.randomUUID()
      const lookUp = (isBounded: boolean) =>
        lookups.run(key, isBounded, (lookup) => origin.lookup(seen.previous, lookup))
      let newerThan = seen.newerThan
      let mayHoldLease = false
      let endRenewal = () => {}
      let waitsSince: number | undefined
      let contradictions = 0

      // not awaited: the value must not wait for Redis, and the lease ends by itself
      const giveBack = () => {
        endRenewal()
        if (!mayHoldLease) return
        redis.unsafeRun(LeaseScripts.release)(
          { ...target, token, message: invalidation.bus.readyMessage(key) },
          () => {}
        )
      }

      const degraded = (failure: ReadFailure): Effect.Effect<Completed<Loaded<A>>, LoadError<E>> =>
        Effect.zipRight(
          // who was failed by the same reply joins before the lookup begins, and has not come too late for it
          Effect.zipRight(observer.redisFailed(failure), Effect.yieldNow()),
          Effect.suspend((): Effect.Effect<Completed<Loaded<A>>, LoadError<E>> => {
            if (options.onUnavailable === "fail") return Effect.fail(failure.error)
            const before = flight.joined()
            const started = MonotonicClock.unsafeMillis(clock)
            return Effect.flatMap(lookUp(true), (looked) =>
              unconfirmed(key, { ...looked, created: serverTime() }, flight, {
                started,
                before,
                reason: failure.reason
              })
            )
          })
        )

      /** What may not be stored: what it was to replace is not to stay either. */
      const storeNothing = () => {
        if (seen.newerThan === 0) return
        invalidation.move({ _tag: "Key", key })
        redis.unsafeRun(WriteScripts.invalidate)(
          { ...target, message: invalidation.bus.invalidateMessage(key) },
          () => {}
        )
      }

      const fill = (
        entry: CacheEntry.CacheEntry<A>,
        content: CacheEntry.Content,
        generation: number,
        { before, started }: { readonly before: number; readonly started: number }
      ): Effect.Effect<Completed<Loaded<A>>> => {
        const keepMillis = Math.ceil(entry.timeToLive + options.staleMillis(entry.value))
        const asked = MonotonicClock.unsafeMillis(clock)
        const tagsTaken = invalidation.outbox.tagsTaken()
        const { text } = content
        const doubtful = () => unconfirmed(key, entry, flight, { started, before, text, reason: "FillUnconfirmed" })
        const body = CacheEntry.body(entry, content)
        // a marker that moves after it was read here speaks against the entry
        const sent = invalidation.withMarkers<WithGeneration<number>>(entry.tags, keepMillis, (answered) =>
          redis.unsafeRun(LeaseScripts.fill)(
            {
              ...target,
              token,
              created: entry.created,
              body,
              keepMillis,
              message: invalidation.bus.readyMessage(key)
            },
            line.carrying(body, answered)
          )
        )
        return Effect.matchEffect(keeper.outlasting(target, token, line.millisFor(body), sent), {
          onFailure: doubtful,
          onSuccess: ({ markers, written }) => {
            if (written.generation !== generation || !invalidation.isUsable(generation)) return doubtful()
            mayHoldLease = false
            if (written.value !== 1 || !invalidation.isTrusted(entry.created, entry.tags, markers, tagsTaken)) {
              observer.counters.fillsRefused++
              return Exit.succeed(unkept(entry, before))
            }
            return Effect.map(options.keepLocal(key, entry, asked, flight.epoch, text), () =>
              unkept(entry, flight.joined())
            )
          }
        })
      }

      const underLease = (created: number, generation: number): Effect.Effect<Completed<Loaded<A>>, LoadError<E>> => {
        const started = MonotonicClock.unsafeMillis(clock)
        const before = flight.joined()
        // after an outage everything is looked up again, which is bounded as the outage itself is
        const isAfterOutage = seen.newerThan > 0 && seen.newerThan <= invalidation.distrustUpTo()
        endRenewal = keeper.start(target, token)
        return Effect.flatMap(lookUp(isAfterOutage), (looked) => {
          endRenewal()
          flight.close()
          const entry = { ...looked, created }
          return Effect.flatMap(EntryCodec.storable(codec, observer, key, entry), (content) => {
            if (content !== undefined) return fill(entry, content, generation, { started, before })
            storeNothing()
            return Exit.succeed(unkept(entry, before))
          })
        })
      }

      const acquire = Effect.suspend(() => {
        newerThan = Math.max(newerThan, invalidation.distrustUpTo())
        return redis.runStamped(LeaseScripts.acquire)({
          ...target,
          token,
          leaseMillis: options.leaseMillis,
          newerThan,
          floor: invalidation.floor()
        })
      })

      const step: Effect.Effect<Completed<Loaded<A>>, LoadError<E>> = Effect.suspend(() => {
        if (!invalidation.mayRead(key)) return degraded(invalidation.refusal(key))
        const joinedBefore = flight.joined()
        const asked = MonotonicClock.unsafeMillis(clock)
        mayHoldLease = true
        return Effect.matchEffect(Effect.zipRight(invalidation.ensureMarker, acquire), {
          onFailure: (error) => degraded(readFailureOf(error)),
          onSuccess: ({ generation, value: acquired }) => {
            if (!invalidation.isUsable(generation)) return degraded(invalidation.refusal(key))
            mayHoldLease = acquired[0] === "granted"
            flight.hasLease = mayHoldLease
            if (acquired[0] === "granted") return underLease(acquired[1], generation)
            return acquired[0] === "value" ? newer(asked, joinedBefore, CacheEntry.createdOf(acquired[1])) : held(asked)
          }
        })
      })

      /** Another filled it meanwhile, at `created`: read it with what speaks against it. */
      const newer = (asked: number, joinedBefore: number, created: number) =>
        Effect.matchEffect(tier.read(new CacheKey(key)), {
          onFailure: degraded,
          onSuccess: (found) => {
            const entry = freshOf(found)
            if (entry !== undefined) {
              return Effect.map(options.keepLocal(key, entry, asked, flight.epoch, found.text), () => ({
                value: { entry, source: "Redis", reason: undefined } as const,
                joinedBefore
              }))
            }
            newerThan = Math.max(newerThan, found.created)
            return found.created < created ? contradicted() : step
          }
        })

      /**
       * What Acquire has told of is not there: it was invalidated in between, which the next Acquire knows; or reads lag
       * behind scripts, and will catch up in a moment, or never.
       */
      const contradicted = (): Effect.Effect<Completed<Loaded<A>>, LoadError<E>> => {
        if (++contradictions > maxContradictions) return Effect.zipRight(lagging, degraded(replicaLag))
        const longest = contradictionPauseMillis * 2 ** (contradictions - 1)
        return Effect.flatMap(Random.nextRange(longest / 2, longest), (pause) =>
          Effect.zipRight(Effect.sleep(pause), step)
        )
      }

      const held = (now: number) => {
        observer.counters.leaseWaits++
        waitsSince ??= now
        if (LoadGraph.waitsForOwnLease(flight) || now - waitsSince >= options.waitMillis) {
          const before = flight.joined()
          return Effect.map(lookUp(false), (looked) => unkept({ ...looked, created: serverTime() }, before))
        }
        // woken by the bus, and polling besides, since messages get lost
        return Effect.flatMap(Random.nextRange(options.pollMillis / 2, options.pollMillis), (pause) =>
          Effect.zipRight(Effect.race(invalidation.bus.awaitLease(key), Effect.sleep(pause)), step)
        )
      }

      return Effect.ensuring(seen.failure === undefined ? step : degraded(seen.failure), Effect.sync(giveBack))
    }

    const loadAlone: Loader<A, E>["loadAlone"] = (key, origin, { failure }) => {
      const looked: Effect.Effect<Loaded<A>, LoadError<E>> = Effect.map(
        lookups.run(key, false, (lookup) => origin.lookup(undefined, { ...lookup, isAlone: true })),
        (looked) => ({
          entry: { ...looked, created: serverTime() },
          source: failure === undefined ? "Lookup" : "Degraded",
          reason: failure?.reason
        })
      )
      if (failure === undefined) return looked
      return Effect.zipRight(observer.redisFailed(failure), options.onUnavailable === "fail" ? failure.error : looked)
    }

    return { load, loadAlone }
  })
