/**
 * What one process knows against stored values: epochs, the outbox, the outages it lived through, and what the other
 * processes tell it over the cache's channel (rules 1, 6 and 9 to 12 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RedisClient, SubscriptionEvent } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as Scripts from "./CacheScripts.js"
import * as Epochs from "./Epochs.js"
import * as Outbox from "./Outbox.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface InvalidationOptions {
  readonly redis: RedisClient.Service
  /** names the cache: its channel and its clear marker */
  readonly name: string
  /** what `invalidate` takes for a key */
  readonly target: (key: string) => Scripts.Target
  /** invalidations kept while Redis does not take them */
  readonly outboxCapacity: number
  /** whether entries from before an outage are looked up again, since others may have invalidated them unheard */
  readonly afterOutage: "revalidate" | "trust"
  /** for how long a marker outlives the entries that depend on it, in milliseconds */
  readonly markerMillis: number
  /** drops a key from the local tier, or all of it */
  readonly dropLocal: (key: string | undefined) => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Invalidation {
  readonly epochs: Epochs.Epochs
  readonly outbox: Outbox.Outbox
  readonly channel: string
  readonly clearMarker: string
  /** Whether the key may be read from Redis at all. */
  readonly mayRead: (key: string) => boolean
  /** Whether a reply of this generation may be used. */
  readonly isUsable: (generation: number) => boolean
  /** Whether nothing that this process knows speaks against an entry; `marker` is the clear marker, if there is one. */
  readonly isTrusted: (created: number, marker: number | undefined) => boolean
  /** The clear marker as last seen: an entry made now is born after it. */
  readonly floor: () => number
  /** Entries born then or before are distrusted, since an outage came after them. */
  readonly distrustUpTo: () => number
  /** The clear marker as it was just read or made; undefined when it is missing. */
  readonly noteMarker: (marker: number | undefined) => void
  /** Makes the clear marker unless it is known to be there. */
  readonly ensureMarker: Effect.Effect<void, RedisError>
  /** Moves the key's epoch and drops it from the local tier. */
  readonly move: (key: string) => void
  readonly moveAll: () => void
  /** The end of a write that Redis has not surely taken. */
  readonly remember: (item: Outbox.OutboxItem) => void
  /** Waits until another process says that the key's lease ended, or not at all long. */
  readonly awaitLease: (key: string) => Effect.Effect<void>
  readonly invalidateMessage: (key: string) => string
  readonly clearMessage: string
  readonly readyMessage: (key: string) => string
}

const Message = Schema.parseJson(
  Schema.Struct({
    from: Schema.String,
    kind: Schema.Literal("key", "ready", "clear"),
    key: Schema.optional(Schema.String)
  })
)

/** Items of the outbox that are sent together. */
const replayedAtOnce = 64

const decodeMessage = Schema.decodeUnknownEither(Message)

/**
 * Listens and replays as long as the scope is open.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: InvalidationOptions): Effect.Effect<Invalidation, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { redis } = options
    const self = crypto.randomUUID()
    const channel = `effect-cache-toolkit:${options.name}`
    const clearMarker = `{${options.name}}:clear`
    const epochs = Epochs.make()
    const outbox = Outbox.make(options.outboxCapacity)
    const sleepers = new Map<string, Set<() => void>>()

    const initial = yield* redis.getStatus
    /** the generation whose replies are used; none while an outage has not been taken note of */
    let openGeneration: number | undefined = initial.connected ? initial.generation : undefined
    let distrustUpTo = 0
    let wakeReplay: (() => void) | undefined
    const onDrained = new Set<() => void>()

    const message = (kind: "key" | "ready" | "clear", key?: string) => JSON.stringify({ from: self, kind, key })
    const clearMessage = message("clear")

    const move = (key: string) => {
      epochs.move(key)
      options.dropLocal(key)
    }
    const moveAll = () => {
      epochs.moveAll()
      options.dropLocal(undefined)
    }
    const wake = (key: string) => {
      for (const resume of sleepers.get(key) ?? []) resume()
    }
    const wakeAll = () => {
      for (const resumes of sleepers.values()) for (const resume of resumes) resume()
    }

    const hear = (event: SubscriptionEvent) => {
      if (event._tag === "Gap") {
        moveAll()
        return wakeAll()
      }
      const decoded = decodeMessage(event.message)
      // whoever sent this speaks another version: take it for the worst that it may mean
      if (Either.isLeft(decoded)) return moveAll()
      const { from, kind, key } = decoded.right
      if (kind === "ready") {
        if (key !== undefined) wake(key)
      } else if (from !== self) {
        if (kind === "key" && key !== undefined) {
          move(key)
          wake(key)
        } else {
          moveAll()
        }
      }
    }

    const send = (item: Outbox.OutboxItem): Effect.Effect<unknown, RedisError> =>
      item._tag === "Clear"
        ? redis.run(Scripts.moveMarker)({
            marker: clearMarker,
            keepMillis: options.markerMillis,
            channel,
            message: clearMessage
          })
        : redis.run(Scripts.invalidate)({ ...options.target(item.key), message: message("key", item.key) })

    /** Sends what waits, in rounds, until nothing does; what fails stays for the next round, after a pause. */
    const replay = redis.isAvailable.pipe(
      Effect.filterOrFail((isAvailable) => isAvailable),
      Effect.zipRight(
        Effect.suspend(() =>
          Effect.validateAll(
            outbox.items(),
            ([item, addition]) => Effect.map(send(item), () => outbox.acknowledge(item, addition)),
            { concurrency: replayedAtOnce, discard: true }
          )
        )
      ),
      Effect.retry(
        Schedule.exponential("50 millis").pipe(Schedule.union(Schedule.spaced("1 second")), Schedule.jittered)
      ),
      Effect.repeat({ until: () => outbox.size() === 0 }),
      Effect.tap(() =>
        Effect.sync(() => {
          for (const resume of onDrained) resume()
          onDrained.clear()
        })
      )
    )

    const drained = Effect.async<void>((resume) => {
      if (outbox.size() === 0) return resume(Effect.void)
      onDrained.add(() => resume(Effect.void))
    })

    const nonEmpty = Effect.async<void>((resume) => {
      if (outbox.size() > 0) return resume(Effect.void)
      wakeReplay = () => {
        wakeReplay = undefined
        resume(Effect.void)
      }
    })
    yield* Effect.forkScoped(Effect.interruptible(Effect.forever(Effect.zipRight(nonEmpty, Effect.orDie(replay)))))

    /** The server's time on a generation, asked of it. */
    const timeOf = (generation: number) =>
      redis.send("TIME").pipe(
        Effect.map((reply) =>
          Array.isArray(reply) ? Math.ceil(Number(reply[0]) * 1000 + Number(reply[1]) / 1000) : undefined
        ),
        Effect.flatMap((time) => (time === undefined ? redis.serverTime : Effect.succeed(time))),
        Effect.retry(Schedule.spaced("100 millis")),
        Effect.raceFirst(
          // a later generation makes this one's question moot
          redis.statusChanges.pipe(
            Stream.filter((state) => state._tag === "Connected" && state.generation !== generation),
            Stream.runHead,
            Effect.as(undefined)
          )
        )
      )

    /** Takes note of the outage that this generation has ended, and only then lets its replies be used. */
    const open = (generation: number) =>
      Effect.gen(function* () {
        const now = yield* timeOf(generation)
        if (now === undefined) return
        if (options.afterOutage === "revalidate") distrustUpTo = Math.max(distrustUpTo, now)
        yield* drained
        moveAll()
        openGeneration = generation
      })

    yield* redis.statusChanges.pipe(
      Stream.changes,
      Stream.flatMap(
        (state) =>
          state._tag === "Connected" && state.generation !== openGeneration
            ? Stream.fromEffect(
                Effect.suspend(() => {
                  openGeneration = undefined
                  return open(state.generation)
                })
              )
            : Stream.empty,
        { switch: true }
      ),
      Stream.runDrain,
      Effect.interruptible,
      Effect.forkScoped
    )

    yield* redis.subscribe(channel).pipe(
      Stream.runForEach((event) => Effect.sync(() => hear(event))),
      // a user without the right to the channel is bounded by the local time to live alone; closed is closed
      Effect.catchAll((error) => Effect.logWarning(`cache ${options.name} hears no other process: ${error.message}`)),
      Effect.interruptible,
      Effect.forkScoped
    )

    let marker: number | undefined
    const noteMarker = (seen: number | undefined) => {
      marker = seen === undefined ? undefined : Math.max(marker ?? 0, seen)
    }
    const ensureMarker = Effect.suspend(() =>
      marker === undefined
        ? redis
            .run(Scripts.ensureMarker)({ marker: clearMarker, keepMillis: options.markerMillis })
            .pipe(Effect.map(noteMarker))
        : Effect.void
    )
    yield* Effect.ignore(ensureMarker)

    return {
      floor: () => marker ?? 0,
      distrustUpTo: () => distrustUpTo,
      noteMarker,
      ensureMarker,
      epochs,
      outbox,
      channel,
      clearMarker,
      clearMessage,
      invalidateMessage: (key) => message("key", key),
      readyMessage: (key) => message("ready", key),
      mayRead: (key) => openGeneration !== undefined && !outbox.has(key),
      isUsable: (generation) => generation === openGeneration,
      isTrusted: (created, marker) => created > distrustUpTo && marker !== undefined && created > marker,
      move,
      moveAll,
      remember: (item) => {
        outbox.add(item)
        wakeReplay?.()
      },
      awaitLease: (key) =>
        Effect.suspend(() => {
          let wakened = () => {}
          const woken = Effect.async<void>((resume) => {
            wakened = () => resume(Effect.void)
            const present = sleepers.get(key)
            if (present === undefined) sleepers.set(key, new Set([wakened]))
            else present.add(wakened)
          })
          return Effect.ensuring(
            woken,
            Effect.sync(() => {
              const others = sleepers.get(key)
              others?.delete(wakened)
              if (others?.size === 0) sleepers.delete(key)
            })
          )
        })
    }
  })
