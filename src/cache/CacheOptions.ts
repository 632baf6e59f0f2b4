/**
 * The options of a cache, with their units and defaults. `CacheOptionCheck` says which values are accepted.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type { CacheSchema } from "./entry/CacheSchema.js"
import type { Compression } from "./entry/Compression.js"
import type { Encryption } from "./entry/Encryption.js"
import type { Migration } from "./entry/Migration.js"
import type { LookupOptions } from "./lookup/LookupOptions.js"
import type { FailureLog } from "./observe/FailureLog.js"
import type { RefreshAhead } from "./read/RefreshAhead.js"
import type { LocalTierOptions } from "./tiers/LocalTier.js"

export type {
  /**
   * @since 0.2.0
   * @category models
   */
  Answer
} from "./lookup/ConditionalLookup.js"
export type {
  /**
   * @since 0.1.0
   * @category models
   */
  LookupOptions
} from "./lookup/LookupOptions.js"

/**
 * The options that decide how a read can fail, besides the lookup itself: in one type parameter instead of three.
 *
 * @since 0.2.0
 * @category models
 */
export interface Failures<
  out CachedError = unknown,
  out HardTimeout extends Duration.DurationInput | undefined = Duration.DurationInput | undefined,
  out OnUnavailable extends "lookup" | "fail" = "lookup" | "fail"
> {
  /** the errors of `negative.error` */
  readonly cachedError: CachedError
  /** `undefined` without `refresh.hardTimeout` */
  readonly hardTimeout: HardTimeout
  readonly onUnavailable: OnUnavailable
}

/**
 * The `Failures` of a cache that sets none of these options.
 *
 * @since 0.2.0
 * @category models
 */
export type NoFailures = Failures<never, undefined, "lookup">

/**
 * The refresh of values that are still served.
 *
 * @since 0.2.0
 * @category models
 */
export interface RefreshOptions<HardTimeout extends Duration.DurationInput | undefined> {
  /** refreshes a value that is read shortly before it is stale: default never */
  readonly ahead?: RefreshAhead | undefined
  /** how long a caller waits for the refresh of a stale value, which then continues in the background: default zero */
  readonly softTimeout?: Duration.DurationInput | undefined
  /**
   * Interrupts every lookup that takes longer, which then fails with `LookupTimeout`: default never. A lookup that cannot
   * be interrupted counts among `outage.maxLookups` until it ends.
   */
  readonly hardTimeout?: HardTimeout
  /** the time from a failed refresh to the next attempt: default 1 second */
  readonly pause?: Duration.DurationInput | undefined
}

/**
 * The behaviour while Redis is away, and after it.
 *
 * @since 0.2.0
 * @category models
 */
export interface OutageOptions<OnUnavailable extends "lookup" | "fail"> {
  /** `lookup` (default) runs the lookup; `fail` fails with the `RedisError` */
  readonly onUnavailable?: OnUnavailable | undefined
  /** the most concurrent lookups while Redis is away, each for one key or one batch: default 32 */
  readonly maxLookups?: number | undefined
  /** the most keys that wait for one of these lookups; the next one fails with `LookupOverloaded`: default 1024 */
  readonly maxWaiting?: number | undefined
  /**
   * `revalidate` (default) looks up entries from before the outage again, since an invalidation by another process may
   * have been missed; `trust` serves them.
   */
  readonly after?: "revalidate" | "trust" | undefined
  /** the most invalidations kept until Redis takes them; one more clears the whole cache: default 10,000 */
  readonly outboxCapacity?: number | undefined
}

/**
 * Negative caching: errors of the lookup that are stored like values.
 *
 * @since 0.2.0
 * @category models
 */
export interface NegativeOptions<CachedError> {
  /** the errors that are cached; any other error is looked up again */
  readonly error: CacheSchema<CachedError>
  /** how long an error is cached: default 10 seconds */
  readonly timeToLive?: Duration.DurationInput | undefined
}

/**
 * The versions of the stored form.
 *
 * @since 0.2.0
 * @category models
 */
export interface SchemaOptions<Value> {
  /** the version of the encoded form, raised when programs of one version could not read the other: default 1 */
  readonly version?: number | undefined
  /** reads values of earlier versions; a version without a migration, and a later version, is a miss: default none */
  readonly migrations?: Readonly<Record<number, Migration<NoInfer<Value>>>> | undefined
}

/**
 * The lease that lets one process at a time look a key up.
 *
 * @since 0.2.0
 * @category models
 */
export interface LeaseOptions {
  /** how long a lease outlives the process that holds it, which renews it while it needs it: default 5 seconds */
  readonly timeToLive?: Duration.DurationInput | undefined
  /** how long a caller waits for the lookup of another process before it runs its own: default 30 seconds */
  readonly maxWait?: Duration.DurationInput | undefined
}

/**
 * The local tier: decoded values in the memory of the process.
 *
 * @since 0.2.0
 * @category models
 */
export interface LocalOptions extends LocalTierOptions {
  /** how long a value is kept here at most: the longest time in which a missed invalidation has no effect; default 1 minute */
  readonly timeToLive?: Duration.DurationInput | undefined
  /**
   * For how long a value is remembered after that, for an outage of Redis in which its lookup fails too: it is then served as
   * `Stale`. Default zero: such a read fails.
   */
  readonly keepStale?: Duration.DurationInput | undefined
  /**
   * Whether values are dropped when another program changes or removes their keys in Redis, by CLIENT TRACKING. It costs a
   * connection to each primary and a push of every write to every process. Where driver, server or rights do not allow it, a warning
   * is logged, and it is tried again now and then. Default false.
   *
   * @since 0.2.0
   */
  readonly tracking?: boolean | undefined
}

/**
 * The schema of the keys.
 *
 * @since 0.2.0
 * @category models
 */
export interface KeyOptions<Key> {
  /** the id: its encoded form where that is a string, otherwise the canonical JSON of it */
  readonly key: CacheSchema<Key>
}

/**
 * The schema of the values.
 *
 * @since 0.2.0
 * @category models
 */
export interface ValueOptions<Value> {
  /** the encoded form is stored as JSON */
  readonly value: CacheSchema<Value>
}

/**
 * All options besides the schemas and the lookup.
 *
 * @since 0.2.0
 * @category models
 */
export interface CacheSettings<Key, Value, F extends Failures = NoFailures> {
  /**
   * The prefix of the keys in Redis, as in `user:profile:<id>`; also names the cache's channel. A name is not empty, holds
   * no braces, quotation marks, control characters or lone surrogates, and does not begin with `lock:`, `semaphore:` or
   * `ratelimit:`. Any other name is a defect.
   */
  readonly name: string
  /** how long a value is fresh, shortened to what every server keeps (8.5 years); zero: the value is not stored */
  readonly timeToLive: Duration.DurationInput | ((value: Value, key: Key) => Duration.DurationInput)
  /** shortens each time to live by up to this share, so that entries made together expire apart: default 0.1 */
  readonly jitter?: number | undefined
  /**
   * How long a value is served past its time to live while it is refreshed: default zero. It is shortened to half of what
   * every server keeps, which is 4.2 years.
   */
  readonly staleFor?: Duration.DurationInput | undefined
  /** the tags by which `invalidateTag` invalidates a value: default none */
  readonly tags?: ((value: Value, key: Key) => ReadonlyArray<string>) | undefined
  /** the most keys of one `lookupMany`: default 100 */
  readonly maxBatch?: number | undefined
  /** stores longer values compressed: default never */
  readonly compression?: Compression | undefined
  /** stores values encrypted and treats any other stored value as a miss: default never */
  readonly encryption?: Encryption | undefined
  /** the tier in the memory of the process: default none */
  readonly local?: LocalOptions | undefined
  /** a log that several caches share, so that they report an outage once: default a log of this cache's own */
  readonly failureLog?: FailureLog | undefined
  /** the refresh of values that are still served: default that of each option */
  readonly refresh?: RefreshOptions<F["hardTimeout"]> | undefined
  /** the behaviour while Redis is away, and after it: default that of each option */
  readonly outage?: OutageOptions<F["onUnavailable"]> | undefined
  /** the errors of the lookup that are stored like values: default none */
  readonly negative?: NegativeOptions<F["cachedError"]> | undefined
  /** the versions of the stored form: default that of each option */
  readonly schema?: SchemaOptions<Value> | undefined
  /** the lease that lets one process at a time look a key up: default that of each option */
  readonly lease?: LeaseOptions | undefined
}

/**
 * All options besides the lookup.
 *
 * An intersection, with `key` and `value` on their own. TypeScript infers nothing from an object that lacks one property
 * of an interface and has one too many. It would report a misspelt `timeToLive` at `key` and `value`.
 *
 * @since 0.1.0
 * @category models
 */
export type CacheDefinition<Key, Value, F extends Failures = NoFailures> = KeyOptions<Key> &
  ValueOptions<Value> &
  CacheSettings<Key, Value, F>

/**
 * @since 0.1.0
 * @category models
 */
export type Options<Key, Value, E, R, F extends Failures = NoFailures> = CacheDefinition<Key, Value, F> &
  LookupOptions<Key, Value, E, R>

/**
 * What a layer may set otherwise than the definition of its cache. What decides keys, values and the errors of reads is
 * not among it.
 *
 * @since 0.1.0
 * @category models
 */
export interface LayerOptions<Key, Value>
  extends Partial<Omit<CacheSettings<Key, Value>, "name" | "refresh" | "outage" | "negative">> {
  /** the refresh of values that are still served: default that of the definition */
  readonly refresh?: Omit<RefreshOptions<undefined>, "hardTimeout"> | undefined
  /** the behaviour while Redis is away, and after it: default that of the definition */
  readonly outage?: Omit<OutageOptions<"lookup">, "onUnavailable"> | undefined
  /** how errors of the lookup are stored: default as in the definition */
  readonly negative?: Omit<NegativeOptions<unknown>, "error"> | undefined
}

/**
 * The options of a definition, with those that a layer sets otherwise. Groups are merged by option.
 *
 * @since 0.2.0
 * @category combinators
 */
export const withLayerOptions = <Key, Value, F extends Failures>(
  definition: CacheDefinition<Key, Value, F>,
  { lease, negative, outage, refresh, schema, ...settings }: LayerOptions<Key, Value>
): CacheDefinition<Key, Value, F> => ({
  ...definition,
  ...settings,
  refresh: { ...definition.refresh, ...refresh },
  outage: { ...definition.outage, ...outage },
  negative: definition.negative && { ...definition.negative, ...negative },
  schema: { ...definition.schema, ...schema },
  lease: { ...definition.lease, ...lease }
})
