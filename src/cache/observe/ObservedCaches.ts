/**
 * The caches of this process, and the listener that times their work. Counts are no business of the listener: a cache
 * counts in plain numbers, which telemetry reads when it exports.
 *
 * @since 0.2.0
 */
import * as Observed from "../../internal/Observed.js"
import type { CacheStats } from "./CacheStats.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface ObservedCache {
  readonly name: string
  readonly stats: () => CacheStats
}

/**
 * @since 0.2.0
 * @category models
 */
export interface CacheListener {
  /** Redis has answered a read of `keys` keys after `millis` milliseconds, or failed it. */
  readonly onRead: (cache: string, millis: number, keys: number) => void
  /** A lookup has ended after `millis` milliseconds. */
  readonly onLookup: (cache: string, millis: number) => void
  /** The cache has ended: its counts are read for the last time. */
  readonly onEnd: (cache: ObservedCache) => void
}

/**
 * @since 0.2.0
 * @category getters
 */
export const observedCaches: Observed.Observed<ObservedCache, CacheListener> = Observed.make("caches")
