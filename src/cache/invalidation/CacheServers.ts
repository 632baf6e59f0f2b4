/**
 * Where the entries and the markers of one cache lie. On one server they lie together. In a cluster the markers share a slot,
 * and each entry shares one with its lease: two servers, two connections and two clocks.
 *
 * @since 0.2.0
 */
import type * as Clock from "effect/Clock"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface CacheServers {
  /** Whether entries and markers may lie on different servers. False: there is one server, with one clock. */
  readonly isSplit: boolean
  readonly nodes: RedisExecutor.RedisNodes
  /** the key of the clear marker, and so of the server of all markers */
  readonly markerKey: string
  /** The number of the server that holds the entry under a key. */
  readonly numberOf: (key: string) => number
  /** The estimated time of the markers' server, in milliseconds: entries are created and age by it. Sends nothing. */
  readonly time: () => number
  /** By how many milliseconds the clock of an entry's server is ahead of the monotonic clock here. */
  readonly clockOffsetOf: (key: string) => number
}

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = (executor: RedisExecutor.RedisExecutor, markerKey: string, clock: Clock.Clock): CacheServers => {
  const nodes = RedisExecutor.nodesOf(executor)
  const isSplit = executor.nodes !== undefined
  const markerOffset = isSplit ? () => nodes.of(markerKey).clockOffsetMillis() : executor.clockOffsetMillis
  return {
    isSplit,
    nodes,
    markerKey,
    numberOf: isSplit ? (key) => nodes.of(key).id : () => 0,
    time: () => MonotonicClock.unsafeMillis(clock) + markerOffset(),
    clockOffsetOf: isSplit ? (key) => nodes.of(key).clockOffsetMillis() : executor.clockOffsetMillis
  }
}
