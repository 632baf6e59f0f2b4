/**
 * Takes the lease of a load, with the time at which its entry is created (rules 3 and 13 of docs/protocol.md). Where the markers
 * lie on another server than the entry, that time comes from theirs.
 *
 * @since 0.2.0
 */
import * as Exit from "effect/Exit"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import type { CreationTime } from "../invalidation/CreationTime.js"
import { createdOf, type MarkerTime } from "../invalidation/MarkerClock.js"
import { bothReplies, type EntryMarkers, type ReplyListener } from "../invalidation/Markers.js"
import type { LoadGuard } from "../invalidation/ReadGuard.js"
import type { Target } from "../scripts/CacheScript.js"
import * as LeaseScripts from "../scripts/LeaseScripts.js"

/**
 * The connections of a lease: the one that granted it, and the one that answered with the markers' time.
 *
 * @since 0.2.0
 * @category models
 */
export interface LeaseConnections {
  readonly generation: number
  readonly markerGeneration: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface AcquireReply {
  readonly acquired: LeaseScripts.Acquired
  readonly lease: LeaseConnections
}

/**
 * @since 0.2.0
 * @category models
 */
export interface AcquireRequest extends Target {
  readonly token: string
  /** A value created then or before is not reported. */
  readonly newerThan: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Acquisition {
  readonly acquire: (request: AcquireRequest, onReply: ReplyListener<AcquireReply>) => void
  /** Whether both connections of a lease are those that the key's reads may use now. */
  readonly isUsable: (lease: LeaseConnections, key: string) => boolean
}

/**
 * @since 0.2.0
 * @category models
 */
export interface AcquisitionOptions {
  readonly executor: RedisExecutor.RedisExecutor
  readonly guard: Pick<LoadGuard, "isUsable" | "areMarkersUsable">
  readonly markers: Pick<EntryMarkers, "floor">
  /** present where the markers lie on another server than the entries */
  readonly creation: Pick<CreationTime, "ask"> | undefined
  readonly leaseMillis: number
}

const ofOneServer = ({ generation, value }: RedisExecutor.WithGeneration<LeaseScripts.Acquired>): AcquireReply => ({
  acquired: value,
  lease: { generation, markerGeneration: generation }
})

/** The server of the entry does not know the time at which it is created. */
const ofTwoServers = ([time, { generation, value }]: readonly [
  MarkerTime,
  RedisExecutor.WithGeneration<LeaseScripts.Acquired>
]): AcquireReply => ({
  acquired: value[0] === "granted" ? ["granted", createdOf(time)] : value,
  lease: { generation, markerGeneration: time.generation }
})

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ creation, executor, guard, leaseMillis, markers }: AcquisitionOptions): Acquisition => {
  const acquireOnOneServer = (
    request: AcquireRequest,
    onReply: ReplyListener<RedisExecutor.WithGeneration<LeaseScripts.Acquired>>
  ) =>
    RedisExecutor.unsafeRun(
      executor,
      LeaseScripts.acquire,
      { ...request, leaseMillis, floor: markers.floor() },
      onReply
    )
  return {
    acquire: (request, onReply) =>
      creation === undefined
        ? acquireOnOneServer(request, (reply) => onReply(Exit.map(reply, ofOneServer)))
        : bothReplies(
            creation.ask,
            (onAcquired: ReplyListener<RedisExecutor.WithGeneration<LeaseScripts.Acquired>>) =>
              acquireOnOneServer(request, onAcquired),
            (replies) => onReply(Exit.map(replies, ofTwoServers))
          ),
    isUsable: ({ generation, markerGeneration }, key) =>
      guard.isUsable(generation, key) && guard.areMarkersUsable(markerGeneration)
  }
}
