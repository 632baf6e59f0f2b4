/**
 * What one process knows against stored values: epochs, the outbox, the outages it lived through, and what the other
 * processes tell it over the cache's channel (rules 1, 6 and 9 to 12 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import { type RedisError, RedisUnavailable } from "../../redis/RedisError.js"
import type { CircuitState, ConnectionState } from "../../redis/RedisStatus.js"
import type { Target } from "../scripts/CacheScript.js"
import * as WriteScripts from "../scripts/WriteScripts.js"
import * as Bus from "./Bus.js"
import * as Distrust from "./Distrust.js"
import * as Epochs from "./Epochs.js"
import * as Markers from "./Markers.js"
import * as Outbox from "./Outbox.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface InvalidationOptions {
  readonly redis: RedisClient.Service
  /** names the cache: its channel and its clear marker */
  readonly name: string
  /** whether its entries have tags */
  readonly isTagged: boolean
  /** what `invalidate` takes for a key */
  readonly target: (key: string) => Target
  /** invalidations kept while Redis does not take them */
  readonly outboxCapacity: number
  /** whether entries from before an outage are looked up again, since others may have invalidated them unheard */
  readonly afterOutage: "revalidate" | "trust"
  /** for how long a marker outlives the entries that depend on it, in milliseconds */
  readonly markerMillis: number
  /** drops a key from the local tier, what has a tag, or all of it */
  readonly dropLocal: (item: Outbox.OutboxItem) => void
  /** another process has invalidated something */
  readonly onOthers: (item: Outbox.OutboxItem) => void
}

/**
 * Why a key was not read from Redis.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReadFailure {
  readonly error: RedisError
  /** one word, for `CacheResult` and `Cache-Status` */
  readonly reason: string
  /** Redis may be there, and the key waits for an invalidation that it has not taken */
  readonly isPending: boolean
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const readFailureOf = (error: RedisError): ReadFailure => ({
  error,
  reason: error._tag === "RedisUnavailable" ? error.reason : error._tag,
  isPending: false
})

/**
 * @since 0.1.0
 * @category models
 */
export interface Invalidation extends Markers.Markers {
  readonly epochs: Epochs.Epochs
  readonly outbox: Outbox.Outbox
  readonly bus: Bus.Bus
  /** Whether Redis may be read: not while it is away, nor before an outage has been taken note of. */
  readonly isOpen: () => boolean
  /** Whether the key may be read from Redis at all. */
  readonly mayRead: (key: string) => boolean
  /** Why not. */
  readonly refusal: (key: string) => ReadFailure
  /** Whether a reply of this generation may be used. */
  readonly isUsable: (generation: number) => boolean
  /**
   * Whether nothing that this process knows speaks against an entry. `tagsTaken` is that of the outbox from before it was
   * asked for: what has left the outbox since may not be in these markers.
   */
  readonly isTrusted: (
    created: number,
    tags: ReadonlyArray<string>,
    markers: Markers.MarkersSeen,
    tagsTaken: number
  ) => boolean
  /** Entries born then or before are distrusted, since an outage came after them. */
  readonly distrustUpTo: () => number
  /** Moves the epochs that the item concerns and drops it from the local tier. */
  readonly move: (item: Outbox.OutboxItem) => void
  /** The end of a write that Redis has not surely taken. */
  readonly remember: (item: Outbox.OutboxItem) => void
}

/** Redis may be there, but it has not taken the key's invalidation yet. */
const pending: ReadFailure = {
  error: new RedisUnavailable({ reason: "Disconnected" }),
  reason: "InvalidationPending",
  isPending: true
}

/** Items of the outbox that are sent together. */
const replayedAtOnce = 64

/** Why nothing is read in a state; between a connection and the end of the note that is taken of it, `Connecting`. */
const reasonOf = (state: ConnectionState, circuit: CircuitState): RedisUnavailable["reason"] => {
  if (state._tag === "Disabled" || state._tag === "Connecting") return state._tag
  if (state._tag !== "Connected") return "Disconnected"
  return circuit === "Closed" ? "Connecting" : "CircuitOpen"
}

/**
 * Listens and replays as long as the scope is open.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: InvalidationOptions): Effect.Effect<Invalidation, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { redis } = options
    const epochs = Epochs.make()
    const outbox = Outbox.make(options.outboxCapacity)

    const initial = yield* redis.getStatus
    /** the generation whose replies are used; none while an outage has not been taken note of */
    let openGeneration: number | undefined = initial.connected ? initial.generation : undefined
    /** the generation that has ended the last outage which was taken note of */
    let notedGeneration = openGeneration
    let refusal = readFailureOf(new RedisUnavailable({ reason: reasonOf(initial.state, initial.circuit) }))
    let wakeReplay: (() => void) | undefined

    const move = (item: Outbox.OutboxItem) => {
      if (item._tag === "Key") epochs.move(item.key)
      // which keys have a tag is not known of those that are being loaded
      else epochs.moveAll()
      options.dropLocal(item)
    }

    const bus = yield* Bus.make({
      redis,
      name: options.name,
      onInvalidation: (item) => {
        move(item)
        options.onOthers(item)
      }
    })

    const marking = yield* Markers.make({ ...options, bus })

    const send = (item: Outbox.OutboxItem): Effect.Effect<unknown, RedisError> =>
      item._tag === "Key"
        ? redis.run(WriteScripts.invalidate)({ ...options.target(item.key), message: bus.invalidateMessage(item.key) })
        : marking.moveMarker(item)

    const round = redis.isAvailable.pipe(
      Effect.filterOrFail((isAvailable) => isAvailable),
      Effect.zipRight(
        Effect.suspend(() =>
          Effect.validateAll(
            outbox.items(),
            ([item, addition]) => Effect.map(send(item), () => outbox.acknowledge(item, addition)),
            { concurrency: replayedAtOnce, discard: true }
          )
        )
      )
    )

    /** Sends what waits, in rounds, until nothing does; what fails stays for the next, after a pause. */
    const replay = round.pipe(
      Effect.retry(
        Schedule.exponential("50 millis").pipe(Schedule.union(Schedule.spaced("1 second")), Schedule.jittered)
      ),
      Effect.repeat({ until: () => outbox.size() === 0 })
    )

    const nonEmpty = Effect.async<void>((resume) => {
      if (outbox.size() > 0) return resume(Effect.void)
      wakeReplay = () => {
        wakeReplay = undefined
        resume(Effect.void)
      }
    })
    yield* Effect.forkScoped(Effect.interruptible(Effect.forever(Effect.zipRight(nonEmpty, Effect.orDie(replay)))))

    /** What the server says that its time is, rounded up; undefined when it says something else. */
    const time = Effect.map(redis.send("TIME"), (reply) =>
      Array.isArray(reply) ? Math.ceil(Number(reply[0]) * 1000 + Number(reply[1]) / 1000) : undefined
    )

    /** The server's time on a generation, asked of it. */
    const timeOf = (generation: number) =>
      time.pipe(
        Effect.flatMap((time) => (time === undefined ? redis.serverTime : Effect.succeed(time))),
        Effect.retry({ schedule: Schedule.spaced("100 millis"), while: (error) => error._tag !== "RedisAuthError" }),
        // nobody grants a right within a moment, and reads say what they wait for
        Effect.tapError((error) =>
          Effect.sync(() => {
            refusal = readFailureOf(error)
          })
        ),
        Effect.retry(Schedule.union(Schedule.exponential("1 second"), Schedule.spaced("30 seconds"))),
        Effect.raceFirst(
          // a later generation makes this one's question moot
          redis.statusChanges.pipe(
            Stream.filter((state) => state._tag === "Connected" && state.generation !== generation),
            Stream.runHead,
            Effect.as(undefined)
          )
        )
      )

    let isAskingTime = false
    const timeAgain = Effect.suspend(() => {
      const generation = openGeneration
      return Effect.map(time, (now) => {
        if (now !== undefined && generation === openGeneration) distrust.told(now)
      })
    }).pipe(
      Effect.ignore,
      // where it is the estimate that is wrong, each read would ask anew
      Effect.zipRight(Effect.sleep("1 second")),
      Effect.ensuring(
        Effect.sync(() => {
          isAskingTime = false
        })
      )
    )
    const clock = yield* Effect.clock
    const fork = yield* FiberSet.makeRuntime<never>()
    const distrust = Distrust.make({
      serverTime: () => MonotonicClock.unsafeMillis(clock) + redis.clockOffsetMillis(),
      askTime: () => {
        if (isAskingTime) return
        isAskingTime = true
        fork(timeAgain)
      }
    })

    /** Takes note of the outage that this generation has ended, sends what waits, and lets its replies be used. */
    const open = (generation: number) =>
      Effect.gen(function* () {
        const now = yield* timeOf(generation)
        if (now === undefined) return
        marking.forgetKept()
        if (options.afterOutage === "revalidate") distrust.outageEnded(now)
        // once: what is refused again and again must not keep everything else from being read
        yield* Effect.ignore(round)
        move({ _tag: "Clear" })
        openGeneration = generation
        notedGeneration = generation
      })

    /**
     * Closes at once what an outage closes, and answers the generation to open, if there is one. An open circuit closes it
     * too, since nothing is sent then; but its generation stands, and nothing was missed on it that would have to be
     * distrusted.
     */
    const note = ([state, circuit]: readonly [ConnectionState, CircuitState]): number | undefined => {
      const generation = state._tag === "Connected" && circuit === "Closed" ? state.generation : undefined
      if (generation !== undefined && generation === openGeneration) return undefined
      refusal = readFailureOf(new RedisUnavailable({ reason: reasonOf(state, circuit) }))
      openGeneration = undefined
      if (generation === undefined || generation !== notedGeneration) return generation
      openGeneration = generation
      // others serve what waits here until it is sent
      if (outbox.size() > 0) fork(Effect.ignore(round))
      return undefined
    }

    yield* redis.statusChanges.pipe(
      Stream.zipLatest(redis.circuitChanges),
      // on its own, so that no change goes unnoted, however soon the next one follows
      Stream.mapEffect((change) => Effect.sync(() => note(change))),
      Stream.flatMap((generation) => (generation === undefined ? Stream.empty : Stream.fromEffect(open(generation))), {
        switch: true
      }),
      Stream.runDrain,
      Effect.interruptible,
      Effect.forkScoped
    )

    const areTagsTrusted: Invalidation["isTrusted"] = (created, tags, seen, tagsTaken) =>
      seen.tags.every((marker) => marker !== undefined && created > marker) &&
      outbox.tagsTaken() === tagsTaken &&
      !outbox.hasTag(tags)

    return {
      ...marking,
      distrustUpTo: distrust.upTo,
      epochs,
      outbox,
      bus,
      refusal: (key) => (openGeneration !== undefined && outbox.has(key) ? pending : refusal),
      isOpen: () => openGeneration !== undefined,
      mayRead: (key) => openGeneration !== undefined && !outbox.has(key),
      isUsable: (generation) => generation === openGeneration,
      isTrusted: (created, tags, seen, tagsTaken) => {
        if (distrust.speaksAgainst(created, seen.clear ?? 0)) return false
        if (seen.clear === undefined || created <= seen.clear) return false
        return tags.length === 0 || areTagsTrusted(created, tags, seen, tagsTaken)
      },
      move,
      remember: (item) => {
        // switched off or closed: nothing is sent or read any more
        if (refusal.reason === "Disabled") return
        outbox.add(item)
        wakeReplay?.()
      }
    }
  })
