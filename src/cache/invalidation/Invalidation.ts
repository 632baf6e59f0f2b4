/**
 * Assembles what one process knows of invalidations: local epochs, the outbox, outages, markers and messages (rules 1, 6 and
 * 9 to 12 of docs/protocol.md). Each part of the cache takes only the view that it needs.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import * as CacheScript from "../scripts/CacheScript.js"
import * as WriteScripts from "../scripts/WriteScripts.js"
import * as Bus from "./Bus.js"
import type { CacheServers } from "./CacheServers.js"
import * as CreationTime from "./CreationTime.js"
import * as LocalInvalidation from "./LocalInvalidation.js"
import * as MarkerClock from "./MarkerClock.js"
import * as Markers from "./Markers.js"
import * as NodeOutages from "./NodeOutages.js"
import * as Distrust from "./outage/Distrust.js"
import * as OutageWatch from "./outage/OutageWatch.js"
import * as Outbox from "./outage/Outbox.js"
import * as OutboxReplay from "./outage/OutboxReplay.js"
import * as ServerTimeQuery from "./outage/ServerTimeQuery.js"
import * as ReadGuard from "./ReadGuard.js"
import * as ReplacedServer from "./ReplacedServer.js"
import * as Tracking from "./Tracking.js"
import * as WriteRecord from "./WriteRecord.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface InvalidationOptions {
  readonly redis: RedisClient.Service
  readonly servers: CacheServers
  /** The name of the cache, and so of its channel and its markers. */
  readonly name: string
  /** whether its entries have tags */
  readonly isTagged: boolean
  /** whether changes of keys by other programs drop local entries */
  readonly isTracked: boolean
  /** unacknowledged invalidations that the outbox holds */
  readonly outboxCapacity: number
  /** `revalidate` looks entries from before an outage up again, since other processes may have invalidated them unheard */
  readonly afterOutage: "revalidate" | "trust"
  /** for how long a marker outlives the entries that depend on it, in milliseconds */
  readonly markerMillis: number
  /** reads use no tier while it is off */
  readonly overrides: { readonly isOff: boolean }
  /** Drops a key, a tag's entries, or everything from the local tier. */
  readonly dropLocal: (item: Outbox.OutboxItem) => void
  /** Another process has invalidated something. */
  readonly onOthers: (item: Outbox.OutboxItem) => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Invalidation {
  /** for reads and loads */
  readonly guard: ReadGuard.Guard
  /** for what keeps values in this process */
  readonly local: LocalInvalidation.LocalInvalidation
  /** for what stores and reads entries */
  readonly markers: Markers.Markers
  /** creation times, where the markers lie on another server; undefined where the scripts of entries know them */
  readonly creation: CreationTime.CreationTime | undefined
  /** for what waits for leases, and for what sends scripts */
  readonly bus: Bus.Bus
  /** for writes */
  readonly writes: WriteRecord.WriteRecord
  /** the number of unacknowledged invalidations */
  readonly outboxSize: () => number
  /** whether changes of keys by other programs are heard at this moment */
  readonly tracking: Tracking.Tracking
}

/**
 * Listens and replays as long as the scope is open.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: InvalidationOptions): Effect.Effect<Invalidation, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { name, overrides, redis, servers } = options
    const clock = yield* Effect.clock
    const state = yield* OutageWatch.initialState(redis)
    const outbox = Outbox.make(options.outboxCapacity)
    const local = LocalInvalidation.make(options.dropLocal)

    const bus = yield* Bus.make({
      redis,
      name,
      onInvalidation: (item) => {
        local.invalidateLocally(item)
        options.onOthers(item)
      }
    })
    const tracking = options.isTracked ? yield* Tracking.make(RedisExecutor.of(redis), name, local) : Tracking.off
    const markers = yield* Markers.make({ ...options, bus })

    const send = (item: Outbox.OutboxItem): Effect.Effect<unknown, RedisError> =>
      item._tag === "Key"
        ? redis.run(WriteScripts.invalidate)({
            ...CacheScript.target(bus.channel, item.key),
            message: bus.invalidateMessage(item.key)
          })
        : markers.move(item)
    const replay = yield* OutboxReplay.make({ outbox, isAvailable: redis.isAvailable, send })

    const onOutageEnded = Effect.suspend(() => {
      markers.forgetLifetime()
      // once: an invalidation that is rejected again and again must not keep reads closed
      return replay.sendOnce
    })
    const onOpen = () => local.invalidateLocally({ _tag: "Clear" })
    const isRevalidated = options.afterOutage === "revalidate"

    const onOneServer = Effect.gen(function* () {
      const distrust = Distrust.make({
        serverTime: servers.time,
        askTime: yield* ServerTimeQuery.inBackground(
          ServerTimeQuery.answerOfTime(redis),
          () => state.openGeneration,
          (time) => distrust.noteTime(time)
        )
      })
      const replaced = ReplacedServer.make({ redis, state, markers, markerMillis: options.markerMillis })
      yield* OutageWatch.make({
        redis,
        state,
        onChange: replaced.noteClock,
        onOutageEnded: (time) =>
          Effect.suspend(() => {
            if (isRevalidated) distrust.outageEnded(time.serverTime)
            return Effect.zipRight(replaced.raiseBehind(time), onOutageEnded)
          }),
        onOpen,
        // other processes serve the old values until the outbox is sent
        onCircuitClosed: replay.sendNow
      })
      return { guard: ReadGuard.make({ state, outbox, distrust, overrides }), creation: undefined }
    })

    const onSeveralServers = Effect.gen(function* () {
      const markerClock = MarkerClock.make({
        executor: RedisExecutor.of(redis),
        clock,
        clear: servers.markerKey,
        keepMillis: 2 * options.markerMillis
      })
      const distrust = Distrust.make({
        serverTime: servers.time,
        askTime: yield* ServerTimeQuery.inBackground(
          Effect.map(markerClock.query, ({ now }) => Math.ceil(now)),
          () => outages.markerGeneration(),
          (time) => distrust.noteTime(time)
        )
      })
      const outages: NodeOutages.NodeOutages = yield* NodeOutages.make({
        servers,
        markerClock,
        distrust: isRevalidated ? distrust : { outageEnded: () => {} },
        clearMarker: markers.floor,
        replaceClear: markers.replaceClear,
        onOutageEnded,
        onOpen,
        onChange: replay.sendNow
      })
      const creation = CreationTime.make({ markerClock, outages, floor: markers.floor, clock })
      return { guard: ReadGuard.ofNodes({ outages, outbox, distrust, overrides }), creation }
    })

    const { creation, guard } = yield* servers.isSplit ? onSeveralServers : onOneServer

    return {
      guard,
      local,
      markers,
      creation,
      bus,
      writes: WriteRecord.make({ local, outbox, replay, state }),
      outboxSize: outbox.size,
      tracking
    }
  })
