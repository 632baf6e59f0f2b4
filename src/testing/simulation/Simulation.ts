/**
 * What a simulation is given, and what it answers.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import type { CacheSettings } from "../../cache/CacheOptions.js"

/**
 * What the application does. Reads and writes come at random, as those of many independent users do.
 *
 * @since 0.2.0
 * @category models
 */
export interface Traffic {
  /** the number of different keys */
  readonly keys: number
  /** the reads of all processes together */
  readonly readsPerSecond: number
  /** the writes of all processes together: default none */
  readonly writesPerSecond?: number | undefined
  /** what follows a write of the source: default `invalidate` */
  readonly onWrite?: "invalidate" | "set" | "nothing" | undefined
  /** the exponent of Zipf's law, by which keys are drawn; zero draws all alike: default 0.99 */
  readonly skew?: number | undefined
  /** the number of processes, each with a local tier: default 2 */
  readonly processes?: number | undefined
}

/**
 * A time in which Redis, the source or both are away.
 *
 * @since 0.2.0
 * @category models
 */
export interface SimulatedOutage {
  readonly of: "redis" | "source" | "both"
  /** since the beginning of the simulation */
  readonly start: Duration.DurationInput
  readonly duration: Duration.DurationInput
}

/**
 * The options that are compared: those of a cache that do not depend on its values.
 *
 * @since 0.2.0
 * @category models
 */
export interface SimulatedOptions
  extends Pick<CacheSettings<number, number>, "jitter" | "staleFor" | "local" | "refresh" | "outage" | "lease"> {
  /** how long a value is fresh */
  readonly timeToLive: Duration.DurationInput
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Simulation<Name extends string> {
  /** what the application does */
  readonly traffic: Traffic
  /** how long the traffic lasts, in simulated time */
  readonly duration: Duration.DurationInput
  /** how long a lookup takes: default 20 ms */
  readonly lookupTime?: Duration.DurationInput | undefined
  /** how long a command to Redis takes: default 1 ms */
  readonly roundTrip?: Duration.DurationInput | undefined
  /** the times in which Redis, the source or both are away: default none */
  readonly outages?: ReadonlyArray<SimulatedOutage> | undefined
  /** The same number plays the same traffic: default 1 */
  readonly seed?: number | undefined
  /** the sets of options that are compared, by their names */
  readonly options: Readonly<Record<Name, SimulatedOptions>>
}

/**
 * What one set of options did. Shares are of all reads, from 0 to 1.
 *
 * @since 0.2.0
 * @category models
 */
export interface Outcome {
  readonly name: string
  readonly reads: number
  /** answered by the memory of the process */
  readonly hitsLocal: number
  readonly hitsRedis: number
  /** answered with a stale value */
  readonly stale: number
  /** looked up since Redis was away */
  readonly degraded: number
  readonly failed: number
  readonly lookups: number
  /** the most lookups that began in one second */
  readonly peakLookupsPerSecond: number
  /** sent to Redis; commands that travel together count as one */
  readonly commands: number
  readonly meanLatency: Duration.Duration
  readonly p99Latency: Duration.Duration
  /** answered with a value that the source had replaced before the read began */
  readonly outdated: number
  /** for how long such a value had been replaced at most */
  readonly longestOutdated: Duration.Duration
}
