/**
 * Finds options of a cache that contradict each other. Each of them is allowed, and together they do not do what they say.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type { CacheSettings, Failures, NegativeOptions } from "./CacheOptions.js"

/**
 * The options that advice is about.
 *
 * @since 0.2.0
 * @category models
 */
export type AdvisedOptions<Key, Value> = Omit<CacheSettings<Key, Value, Failures>, "negative"> & {
  readonly negative?: Omit<NegativeOptions<unknown>, "error"> | undefined
}

/**
 * What stands around the cache, as far as it is known.
 *
 * @since 0.2.0
 * @category models
 */
export interface Surroundings {
  /** how long a command may take, in milliseconds */
  readonly commandTimeoutMillis?: number | undefined
  /** the connections of the SQL client that lookups share */
  readonly poolSize?: number | undefined
}

/** A marker of a tag lives longer than each entry with the tag. */
const longTagMillis = Duration.toMillis("30 days")

/** A context's SQL client has its pool in `config`, as `PgClient` of `@effect/sql-pg` does. */
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/**
 * The connections of a SQL client of `@effect/sql`; undefined where it does not tell.
 *
 * @since 0.2.0
 * @category getters
 */
export const poolSizeOf = (sqlClient: unknown): number | undefined => {
  const config = isRecord(sqlClient) ? sqlClient.config : undefined
  const size = isRecord(config) ? config.maxConnections : undefined
  return typeof size === "number" ? size : undefined
}

/**
 * Lists the contradictions, each as a sentence that names the options and says what happens. Empty where there is none.
 *
 * @since 0.2.0
 * @category getters
 */
export const of = <Key, Value>(
  options: AdvisedOptions<Key, Value>,
  { commandTimeoutMillis, poolSize }: Surroundings = {}
): ReadonlyArray<string> => {
  const { lease = {}, local, negative, outage = {}, refresh = {}, staleFor = 0 } = options
  const timeToLive = typeof options.timeToLive === "function" ? undefined : options.timeToLive
  const { hardTimeout, softTimeout } = refresh
  const leaseFor = lease.timeToLive ?? "5 seconds"
  const maxWait = lease.maxWait ?? "30 seconds"
  const maxLookups = outage.maxLookups ?? 32
  const text = (duration: Duration.DurationInput) => Duration.format(duration)
  const advice: Array<string> = []

  if (local?.keepStale !== undefined && outage.onUnavailable === "fail") {
    advice.push(
      'local.keepStale has no effect with outage.onUnavailable "fail": memory answers for a lookup that failed, and none runs'
    )
  }
  if (timeToLive !== undefined && local?.timeToLive && Duration.greaterThan(local.timeToLive, timeToLive)) {
    advice.push(
      `local.timeToLive (${text(local.timeToLive)}) is longer than timeToLive (${text(timeToLive)}): ` +
        "a value leaves the local tier when its own time to live ends"
    )
  }
  if (timeToLive !== undefined && negative?.timeToLive && Duration.greaterThan(negative.timeToLive, timeToLive)) {
    advice.push(
      `negative.timeToLive (${text(negative.timeToLive)}) is longer than timeToLive (${text(timeToLive)}): ` +
        "an error is cached for longer than a value"
    )
  }
  if (hardTimeout !== undefined && softTimeout !== undefined && Duration.lessThanOrEqualTo(hardTimeout, softTimeout)) {
    advice.push(
      `refresh.hardTimeout (${text(hardTimeout)}) is not longer than refresh.softTimeout (${text(softTimeout)}): ` +
        "a slow refresh is interrupted before its caller gets the stale value"
    )
  }
  if (softTimeout !== undefined && Duration.toMillis(softTimeout) > 0 && Duration.toMillis(staleFor) === 0) {
    advice.push("refresh.softTimeout has no effect without staleFor: no stale value is there to be served")
  }
  if (commandTimeoutMillis !== undefined && Duration.toMillis(leaseFor) < commandTimeoutMillis) {
    advice.push(
      `lease.timeToLive (${text(leaseFor)}) is shorter than the time-out of a command (${commandTimeoutMillis} ms): ` +
        "a lease may expire while it is renewed, and two processes then look up the same key"
    )
  }
  if (hardTimeout !== undefined && Duration.greaterThan(hardTimeout, maxWait)) {
    advice.push(
      `lease.maxWait (${text(maxWait)}) is shorter than refresh.hardTimeout (${text(hardTimeout)}): ` +
        "other processes run their own lookup while a slow one is still allowed to run"
    )
  }
  if (poolSize !== undefined && maxLookups > poolSize) {
    advice.push(
      `outage.maxLookups (${maxLookups}) is above the pool of the SQL client (${poolSize}): ` +
        "while Redis is away, lookups wait for connections instead of being rejected"
    )
  }
  if (outage.onUnavailable === "fail" && outage.maxLookups !== undefined) {
    advice.push('outage.maxLookups has no effect with outage.onUnavailable "fail": no lookup runs without Redis')
  }
  if (options.tags !== undefined && timeToLive !== undefined) {
    const kept = Duration.sum(timeToLive, staleFor)
    if (Duration.toMillis(kept) > longTagMillis) {
      advice.push(
        `tags with a timeToLive of ${text(timeToLive)} have no bound: Redis keeps a marker for each invalidated tag ` +
          "for as long as a value may live"
      )
    }
  }
  return advice
}
