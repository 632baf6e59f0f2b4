/**
 * The options that the caches of servers and of clients share.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as TypedCache from "../../../cache/TypedCache.js"
import * as OptionCheck from "../../../internal/input/OptionCheck.js"
import type { Heuristic } from "../rules/Freshness.js"
import type * as ResponseStore from "./ResponseStore.js"

/**
 * Which responses are stored, and how.
 *
 * @since 0.2.0
 * @category models
 */
export interface StoreGroup {
  /** the longest content that is stored, in bytes: default 1,000,000 */
  readonly maxBodyBytes?: number | undefined
  /** stores responses with `Set-Cookie`, so that each client gets the same cookie: default false; true in the private cache of a client */
  readonly setCookie?: boolean | undefined
  /** how long a response is kept past its freshness, to be revalidated or served stale: default 1 hour */
  readonly keepStale?: Duration.DurationInput | undefined
  /** stores longer responses compressed: default never */
  readonly compression?: TypedCache.Compression | undefined
  /** stores responses encrypted: default never */
  readonly encryption?: TypedCache.CacheSettings<unknown, unknown>["encryption"]
}

/**
 * How long a stale response is served, where it does not say so itself (RFC 5861). Both are bounded by `store.keepStale`.
 *
 * @since 0.2.0
 * @category models
 */
export interface StaleOptions {
  /** while it is revalidated: default zero */
  readonly whileRevalidate?: Duration.DurationInput | undefined
  /** when its origin fails: default zero */
  readonly ifError?: Duration.DurationInput | undefined
}

/**
 * Freshness that is estimated from the time of the last change.
 *
 * @since 0.2.0
 * @category models
 */
export interface HeuristicOptions {
  /** the share of the time since the last change, from 0 to 1: default 0.1 */
  readonly fraction?: number | undefined
  /** the longest estimate: default 1 day */
  readonly longest?: Duration.DurationInput | undefined
}

/**
 * The behaviour while Redis is away.
 *
 * @since 0.2.0
 * @category models
 */
export interface OutageGroup {
  /** the most requests to the origin at once; up to 1024 more wait: default unlimited */
  readonly maxLoads?: number | undefined
}

/**
 * What both caches take.
 *
 * @since 0.2.0
 * @category models
 */
export interface CommonOptions {
  readonly name?: string | undefined
  readonly store?: StoreGroup | undefined
  readonly stale?: StaleOptions | undefined
  readonly heuristic?: HeuristicOptions | undefined
  readonly local?: TypedCache.LocalOptions | undefined
  readonly lease?: TypedCache.LeaseOptions | undefined
  readonly outage?: OutageGroup | undefined
}

/**
 * The options with their defaults. Throws an `InvalidOption` for one that cannot be right.
 *
 * @since 0.2.0
 * @category validation
 */
export const parse = (
  owner: string,
  defaults: { readonly name: string; readonly setCookie: boolean },
  options: CommonOptions
): {
  readonly store: ResponseStore.StoreOptions
  readonly maxBodyBytes: number
  readonly policy: {
    readonly setCookie: boolean
    readonly staleWhileRevalidate: number
    readonly staleIfError: number
    readonly heuristic: Heuristic | undefined
  }
} => {
  const { heuristic, name = defaults.name, outage = {}, stale = {}, store = {} } = options
  const { duration, fraction, wholeNumber } = OptionCheck.make(`${owner} "${name}"`)
  const seconds = (option: string, given: Duration.DurationInput | undefined): number =>
    Duration.toSeconds(duration(option, given) ?? 0)
  return {
    store: {
      name,
      keepStale: duration("store.keepStale", store.keepStale) ?? "1 hour",
      maxLoads: wholeNumber("outage.maxLoads", outage.maxLoads) ?? Number.MAX_SAFE_INTEGER,
      local: options.local,
      lease: options.lease,
      compression: store.compression,
      encryption: store.encryption
    },
    maxBodyBytes: wholeNumber("store.maxBodyBytes", store.maxBodyBytes, { least: 0 }) ?? 1_000_000,
    policy: {
      setCookie: store.setCookie ?? defaults.setCookie,
      staleWhileRevalidate: seconds("stale.whileRevalidate", stale.whileRevalidate),
      staleIfError: seconds("stale.ifError", stale.ifError),
      heuristic: heuristic && {
        fraction: fraction("heuristic.fraction", heuristic.fraction) ?? 0.1,
        longest: Duration.toSeconds(duration("heuristic.longest", heuristic.longest) ?? "1 day")
      }
    }
  }
}
