/**
 * Decides what this process may read from Redis, and which entries it may serve (rules 9, 10 and 12 of docs/protocol.md).
 *
 * @since 0.1.0
 */

import type { MarkerValues } from "./Markers.js"
import type { Distrust } from "./outage/Distrust.js"
import type { OutageState } from "./outage/OutageWatch.js"
import type { Outbox } from "./outage/Outbox.js"
import { invalidationPending, type ReadFailure } from "./outage/ReadFailure.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface ReadGuard {
  /** Whether the key may be read from Redis. */
  readonly mayRead: (key: string) => boolean
  /** The reason why a key may not be read. */
  readonly failureOf: (key: string) => ReadFailure
  /** Whether a reply of this generation may be used. */
  readonly isUsable: (generation: number) => boolean
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
    tagsAcknowledged: number
  ) => boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LoadGuard extends ReadGuard {
  /** The time of the last outage's end: entries created then or before are distrusted. */
  readonly distrustedUpTo: () => number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Guard extends LoadGuard {
  /** Whether reads go to Redis at all: not during an outage, nor before its end has been handled. */
  readonly isOpen: () => boolean
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly state: OutageState
  readonly outbox: Pick<Outbox, "has" | "hasTag" | "tagsAcknowledged">
  readonly distrust: Pick<Distrust, "isDistrusted" | "upTo">
}): Guard => {
  const { distrust, outbox, state } = options

  const areTagsTrusted: ReadGuard["isTrusted"] = (created, tags, markers, tagsAcknowledged) =>
    markers.tags.every((marker) => marker !== undefined && created > marker) &&
    outbox.tagsAcknowledged() === tagsAcknowledged &&
    !outbox.hasTag(tags)

  return {
    isOpen: () => state.openGeneration !== undefined,
    mayRead: (key) => state.openGeneration !== undefined && !outbox.has(key),
    failureOf: (key) => (state.openGeneration !== undefined && outbox.has(key) ? invalidationPending : state.failure),
    isUsable: (generation) => generation === state.openGeneration,
    tagsAcknowledged: outbox.tagsAcknowledged,
    isTrusted: (created, tags, markers, tagsAcknowledged) => {
      if (distrust.isDistrusted(created, markers.clear ?? 0)) return false
      if (markers.clear === undefined || created <= markers.clear) return false
      return tags.length === 0 || areTagsTrusted(created, tags, markers, tagsAcknowledged)
    },
    distrustedUpTo: distrust.upTo
  }
}
