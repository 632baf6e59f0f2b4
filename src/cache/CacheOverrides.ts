/**
 * What settings at run time change of a cache. The parts of a cache read these fields at each use, and know no more of
 * settings than that.
 *
 * @since 0.2.0
 */
import type { RedisClient } from "../redis/RedisClient.js"
import * as RedisExecutor from "../redis/RedisExecutor.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface CacheOverrides {
  /** reads use neither tier, and nothing is stored */
  isOff: boolean
  /** the time to live of new values, in milliseconds; undefined: as the option says */
  timeToLiveMillis: number | undefined
  /** how long a value is served past its time to live, in milliseconds; undefined: as the option says */
  staleForMillis: number | undefined
  /** undefined: as `outage.maxLookups` says */
  maxLookups: number | undefined
}

/**
 * A cache as its options make it.
 *
 * @since 0.2.0
 * @category constants
 */
export const none: Readonly<CacheOverrides> = {
  isOff: false,
  timeToLiveMillis: undefined,
  staleForMillis: undefined,
  maxLookups: undefined
}

/** The overrides of each name on a client, for caches that are built later. Names without any are not listed. */
const listed = new WeakMap<RedisExecutor.RedisExecutor, ReadonlyMap<string, Readonly<CacheOverrides>>>()

/**
 * Lists what caches that are built from now on begin with.
 *
 * @since 0.2.0
 * @category constructors
 */
export const list = (client: RedisClient.Service, overrides: ReadonlyMap<string, Readonly<CacheOverrides>>): void => {
  listed.set(RedisExecutor.of(client), overrides)
}

/**
 * The overrides that a new cache begins with: an object of its own, which settings change.
 *
 * @since 0.2.0
 * @category constructors
 */
export const initial = (client: RedisClient.Service, name: string): CacheOverrides => ({
  ...none,
  ...listed.get(RedisExecutor.of(client))?.get(name)
})
