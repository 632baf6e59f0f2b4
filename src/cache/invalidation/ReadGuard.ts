/**
 * Decides what this process may read from Redis, and which entries it may serve (rules 9, 10 and 12 of docs/protocol.md).
 *
 * @since 0.1.0
 */

import type { MarkerValues } from "./Markers.js"
import type { NodeOutages } from "./NodeOutages.js"
import type { Distrust } from "./outage/Distrust.js"
import type { OutageState } from "./outage/OutageWatch.js"
import type { Outbox } from "./outage/Outbox.js"
import { invalidationPending, type ReadFailure, switchedOff } from "./outage/ReadFailure.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface ReadGuard {
  /** Whether the key may be read from Redis. */
  readonly mayRead: (key: string) => boolean
  /** The reason why a key may not be read. */
  readonly failureOf: (key: string) => ReadFailure
  /** Whether a reply of this generation to a command for the key may be used. */
  readonly isUsable: (generation: number, key: string) => boolean
  /** Whether markers of this generation may be used. */
  readonly areMarkersUsable: (generation: number) => boolean
  /** A number that changes when Redis acknowledges the invalidation of a tag, or a clear. */
  readonly tagsAcknowledged: () => number
  /**
   * Whether an entry may be served. `tagsAcknowledged` is the number from before the entry was asked for: an invalidation
   * that was acknowledged since may be missing from these markers.
   */
  readonly isTrusted: (
    created: number,
    tags: ReadonlyArray<string>,
    markers: MarkerValues,
    tagsAcknowledged: number,
    key: string
  ) => boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LoadGuard extends ReadGuard {
  /** The time of the last outage's end that concerns the key: entries created then or before are distrusted. */
  readonly distrustedUpTo: (key: string) => number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Guard extends LoadGuard {
  /** Whether reads go to Redis at all: not during an outage of the markers, nor before its end has been handled. */
  readonly isOpen: () => boolean
}

/** The outbox, as far as it decides about reads. */
type ReadOutbox = Pick<Outbox, "has" | "hasTag" | "tagsAcknowledged">

/** Whether a setting has switched the cache off. */
interface Switch {
  readonly isOff: boolean
}

const areTagsTrusted = (
  outbox: ReadOutbox,
  created: number,
  tags: ReadonlyArray<string>,
  markers: MarkerValues,
  tagsAcknowledged: number
): boolean =>
  markers.tags.every((marker) => marker !== undefined && created > marker) &&
  outbox.tagsAcknowledged() === tagsAcknowledged &&
  !outbox.hasTag(tags)

/**
 * The guard of a cache on one server.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly state: OutageState
  readonly outbox: ReadOutbox
  readonly distrust: Pick<Distrust, "isDistrusted" | "upTo">
  readonly overrides: Switch
}): Guard => {
  const { distrust, outbox, overrides, state } = options
  const isCurrent = (generation: number) => generation === state.openGeneration

  return {
    isOpen: () => state.openGeneration !== undefined && !overrides.isOff,
    mayRead: (key) => state.openGeneration !== undefined && !overrides.isOff && !outbox.has(key),
    failureOf: (key) => {
      if (overrides.isOff) return switchedOff
      return state.openGeneration !== undefined && outbox.has(key) ? invalidationPending : state.failure
    },
    isUsable: isCurrent,
    areMarkersUsable: isCurrent,
    tagsAcknowledged: outbox.tagsAcknowledged,
    isTrusted: (created, tags, markers, tagsAcknowledged) => {
      if (distrust.isDistrusted(created, markers.clear ?? 0)) return false
      if (markers.clear === undefined || created <= markers.clear) return false
      return tags.length === 0 || areTagsTrusted(outbox, created, tags, markers, tagsAcknowledged)
    },
    distrustedUpTo: () => distrust.upTo()
  }
}

/**
 * The guard of a cache whose entries and markers lie on several servers.
 *
 * @since 0.2.0
 * @category constructors
 */
export const ofNodes = (options: {
  readonly outages: NodeOutages
  readonly outbox: ReadOutbox
  readonly distrust: Pick<Distrust, "isDistrusted" | "upTo">
  readonly overrides: Switch
}): Guard => {
  const { distrust, outages, outbox, overrides } = options
  return {
    isOpen: () => outages.areMarkersOpen() && !overrides.isOff,
    mayRead: (key) => outages.isOpen(key) && !overrides.isOff && !outbox.has(key),
    failureOf: (key) => {
      if (overrides.isOff) return switchedOff
      return outbox.has(key) && outages.isOpen(key) ? invalidationPending : outages.failureOf(key)
    },
    isUsable: outages.isUsable,
    areMarkersUsable: outages.areMarkersUsable,
    tagsAcknowledged: outbox.tagsAcknowledged,
    isTrusted: (created, tags, markers, tagsAcknowledged, key) => {
      if (distrust.isDistrusted(created, markers.clear ?? 0, outages.placesOf(key))) return false
      if (markers.clear === undefined || created <= markers.clear) return false
      return tags.length === 0 || areTagsTrusted(outbox, created, tags, markers, tagsAcknowledged)
    },
    distrustedUpTo: (key) => distrust.upTo(outages.placesOf(key))
  }
}
