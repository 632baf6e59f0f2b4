/**
 * Checks the numbers and durations of a cache's options, before the cache is built with them.
 *
 * @since 0.2.0
 */
import * as OptionCheck from "../internal/input/OptionCheck.js"
import type { CacheSettings, Failures, NegativeOptions } from "./CacheOptions.js"

const endless = { infinite: true } as const

/**
 * Throws an `InvalidOption` that names the cache and the first option that cannot be right. A time to live that is a
 * function is checked when it has answered.
 *
 * @since 0.2.0
 * @category validation
 */
export const check = <Key, Value>(
  options: Omit<CacheSettings<Key, Value, Failures>, "negative"> & {
    readonly negative?: Omit<NegativeOptions<unknown>, "error"> | undefined
  },
  kind: "TypedCache" | "LocalCache" = "TypedCache"
): void => {
  const { compression, lease = {}, local, negative, outage = {}, refresh = {} } = options
  const { duration, fraction, positiveDuration, reject, wholeNumber } = OptionCheck.make(`${kind} "${options.name}"`)

  if (typeof options.timeToLive !== "function") duration("timeToLive", options.timeToLive, endless)
  fraction("jitter", options.jitter)
  duration("staleFor", options.staleFor, endless)
  wholeNumber("maxBatch", options.maxBatch)
  wholeNumber("compression.above", compression?.above, { least: 0 })

  wholeNumber("local.capacity", local?.capacity)
  wholeNumber("local.maxBytes", local?.maxBytes)
  duration("local.timeToLive", local?.timeToLive, endless)
  duration("local.keepStale", local?.keepStale, endless)

  const { ahead } = refresh
  if (ahead !== undefined && "after" in ahead) fraction("refresh.ahead.after", ahead.after)
  if (ahead !== undefined && "beta" in ahead && !(ahead.beta > 0 && ahead.beta < Infinity)) {
    reject("refresh.ahead.beta", ahead.beta, "a number of more than 0, and finite")
  }
  duration("refresh.softTimeout", refresh.softTimeout, endless)
  positiveDuration("refresh.hardTimeout", refresh.hardTimeout, endless)
  duration("refresh.pause", refresh.pause, endless)

  wholeNumber("outage.maxLookups", outage.maxLookups)
  wholeNumber("outage.maxWaiting", outage.maxWaiting, { least: 0 })
  wholeNumber("outage.outboxCapacity", outage.outboxCapacity)

  duration("negative.timeToLive", negative?.timeToLive, endless)
  positiveDuration("lease.timeToLive", lease.timeToLive)
  duration("lease.maxWait", lease.maxWait, endless)
}
