/**
 * How a cache behaves: what every constructor of one takes, and what it is when nothing is said.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { Compression } from "./entry/Compression.js"
import type { Encryption } from "./entry/Encryption.js"
import type { Migration } from "./entry/Migration.js"
import type { NotModified, Previous, Versioned } from "./lookup/ConditionalLookup.js"
import type { FailureLog } from "./observe/FailureLog.js"
import type { RefreshAhead } from "./read/RefreshAhead.js"
import type { LocalTierOptions } from "./tiers/LocalTier.js"

/**
 * What a lookup may answer.
 *
 * @since 0.1.0
 * @category models
 */
export type Answer<Value> = Value | Versioned<Value> | NotModified

/**
 * Where a cache's values come from.
 *
 * @since 0.1.0
 * @category models
 */
export interface LookupOptions<Key, Value, E, R> {
  /**
   * The source of truth. It may answer with `versioned(value, tag)`, is told what the cache holds already, and may then
   * answer `notModified`. An invalidated value is not told.
   */
  readonly lookup: (
    key: Key,
    previous: Option.Option<Previous<NoInfer<Value>>>
  ) => Effect.Effect<Answer<NoInfer<Value>>, E, R>
  /**
   * Looks up several keys at once, where several are to be looked up: of a `getMany`, or of concurrent gets. It answers in
   * the order of the keys, for each of them what `lookup` would (see `alignToKeys`); when it fails, each of them fails so.
   * A key that is looked up alone goes to `lookup`.
   */
  readonly lookupMany?:
    | ((
        keys: ReadonlyArray<Key>,
        previous: ReadonlyArray<Option.Option<Previous<NoInfer<Value>>>>
      ) => Effect.Effect<ReadonlyArray<Either.Either<Answer<NoInfer<Value>>, E>>, E, R>)
    | undefined
}

/**
 * All of a cache but where its values come from.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheDefinition<
  Key,
  Value,
  I,
  OnUnavailable extends "lookup" | "fail",
  HardTimeout extends Duration.DurationInput | undefined = undefined,
  Remembered = never,
  RememberedI = never,
  KeyI = string
> {
  /**
   * The prefix of the keys in Redis, as in `user:profile:<id>`; also names the cache's channel. It is not empty, holds no
   * braces, quotation marks, control characters or lone surrogates, and does not begin with `lock:`, `semaphore:` or
   * `ratelimit:`: to make a cache of another name is a defect.
   */
  readonly name: string
  /** the id: its encoded form where that is a text, otherwise the canonical JSON of it */
  readonly key: Schema.Schema<Key, KeyI>
  /** the encoded form is stored as JSON */
  readonly value: Schema.Schema<Value, I>
  /** of the encoded form: raised when programs that read the one could not read the other: default 1 */
  readonly version?: number | undefined
  /** how values of earlier versions are read: those without one here, and those of later versions, are misses */
  readonly migrations?: Readonly<Record<number, Migration<NoInfer<Value>>>> | undefined
  /** stores longer values compressed: default not */
  readonly compression?: Compression | undefined
  /** stores values encrypted, and reads none that are not: default not */
  readonly encryption?: Encryption | undefined
  /** the most keys of one `lookupMany`: default 100 */
  readonly maxBatch?: number | undefined
  /** for how long a value is fresh, shortened to what every server keeps (8.5 years); zero: it is not stored */
  readonly timeToLive: Duration.DurationInput | ((value: Value, key: Key) => Duration.DurationInput)
  /** shortens each time to live by up to this share, so that entries made together do not end together: default 0.1 */
  readonly jitter?: number | undefined
  /** what values may be invalidated by besides their keys, with `invalidateTag`: default nothing */
  readonly tags?: ((value: Value, key: Key) => ReadonlyArray<string>) | undefined
  /** the errors of lookups that are remembered as values are, so that what does not exist is not looked up each time */
  readonly error?: Schema.Schema<Remembered, RememberedI> | undefined
  /** for how long an error is remembered: default 10 seconds */
  readonly negativeTtl?: Duration.DurationInput | undefined

  /**
   * For how long past its time to live a value is served while it is being refreshed, shortened to half of what every
   * server keeps (4.2 years): default zero.
   */
  readonly staleFor?: Duration.DurationInput | undefined
  /** how long a caller waits for the refresh of a stale value, which then goes on without it: default zero */
  readonly softTimeout?: Duration.DurationInput | undefined
  /**
   * A lookup that takes longer is interrupted and fails with `LookupTimeout`: default never. One that cannot be
   * interrupted counts among the `maxLookups` until it has ended.
   */
  readonly hardTimeout?: HardTimeout
  /** refreshes values that are read before they are stale: default not */
  readonly refreshAhead?: RefreshAhead | undefined
  /** the pause after a refresh that failed, before the next: default 1 second */
  readonly refreshPause?: Duration.DurationInput | undefined

  /** the tier in this process: none by default */
  readonly local?:
    | (LocalTierOptions & {
        /** how long at most another process's invalidation may go unheard here */
        readonly timeToLive: Duration.DurationInput
      })
    | undefined

  /** what happens while Redis cannot be used: `lookup` (default), or `fail` with the `RedisError` */
  readonly onUnavailable?: OnUnavailable | undefined
  /** lookups at once without Redis, each for one key or for a batch of them: default 32 */
  readonly maxLookups?: number | undefined
  /** callers that wait for one of those, before `LookupOverloaded`: default 1024 */
  readonly maxWaiting?: number | undefined
  /** for how long a lease outlives the process that holds it; renewed while its lookup or update runs: default 5 seconds */
  readonly leaseTime?: Duration.DurationInput | undefined
  /** how long a caller waits for another process's lookup before it looks up by itself: default 30 seconds */
  readonly waitFor?: Duration.DurationInput | undefined
  /** invalidations kept while Redis does not take them; beyond it the whole cache is cleared: default 10,000 */
  readonly outboxCapacity?: number | undefined
  /**
   * What becomes of entries from before an outage: `revalidate` (default) looks them up again, since another process may
   * have invalidated them unheard; `trust` serves them.
   */
  readonly afterOutage?: "revalidate" | "trust" | undefined
  /** a log that several caches share, so that an outage is told once and not by each: default one of its own */
  readonly failureLog?: FailureLog | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<
  Key,
  Value,
  I,
  E,
  R,
  OnUnavailable extends "lookup" | "fail",
  HardTimeout extends Duration.DurationInput | undefined = undefined,
  Remembered = never,
  RememberedI = never,
  KeyI = string
> extends CacheDefinition<Key, Value, I, OnUnavailable, HardTimeout, Remembered, RememberedI, KeyI>,
    LookupOptions<Key, Value, E, R> {}
