/**
 * Stores responses in a `TypedCache`: with its tiers, leases, tags and outages. A stored response is fresh for the cache as long
 * as it is fresh for HTTP, and stale after that.
 *
 * @since 0.2.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TypedCache from "../../../cache/TypedCache.js"
import type { RedisClient } from "../../../redis/RedisClient.js"
import { Stored } from "./StoredResponse.js"

/**
 * Reports that a load has nothing to store: it has failed, or its response may not be stored.
 *
 * @since 0.2.0
 * @category errors
 */
export class NotStored extends Data.TaggedError("NotStored") {}

/**
 * The key of a stored response, with the load that one of its readers runs. Two keys of one id are the same key.
 *
 * @since 0.2.0
 * @category models
 */
export class StoreKey {
  constructor(
    readonly id: string,
    readonly load: Effect.Effect<Stored, NotStored> = notStored
  ) {}
}

const notStored: Effect.Effect<never, NotStored> = Effect.suspend(() => Effect.fail(new NotStored()))

const Key = Schema.transformOrFail(Schema.String, Schema.instanceOf(StoreKey), {
  strict: true,
  encode: ({ id }) => ParseResult.succeed(id),
  decode: (id) => ParseResult.succeed(new StoreKey(id))
})

/**
 * @since 0.2.0
 * @category models
 */
export interface StoreOptions {
  readonly name: string
  /** how long a response is kept past its freshness */
  readonly keepStale: Duration.DurationInput
  /** the most loads while Redis is away */
  readonly maxLoads: number
  readonly local: TypedCache.LocalOptions | undefined
  readonly lease: TypedCache.LeaseOptions | undefined
  readonly compression: TypedCache.Compression | undefined
  readonly encryption: TypedCache.CacheSettings<StoreKey, Stored>["encryption"]
}

/**
 * What a load can fail with, besides `NotStored`.
 *
 * @since 0.2.0
 * @category errors
 */
export type StoreError = NotStored | TypedCache.EngineError

/**
 * @since 0.2.0
 * @category models
 */
export type ResponseStore = TypedCache.TypedCache<StoreKey, Stored, StoreError>

/** the shortest time to live: a response of this is stale at once, and still stored */
const shortest = Duration.millis(1)

const freshFor = (stored: Stored): Duration.Duration => {
  if (stored._tag === "VaryIndex") return Duration.seconds(stored.lifetime)
  const { initialAge, lifetime, noCache } = stored.freshness
  return noCache ? shortest : Duration.max(shortest, Duration.seconds(Math.max(0, lifetime - initialAge)))
}

/**
 * Builds the store for the life of the scope.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: StoreOptions): Effect.Effect<ResponseStore, never, RedisClient | Scope.Scope> =>
  TypedCache.make({
    name: options.name,
    key: Key,
    value: Stored,
    timeToLive: freshFor,
    // the freshness of a response is what its header says
    jitter: 0,
    staleFor: options.keepStale,
    tags: ({ tags }) => tags,
    // a reader of a stale response waits for its revalidation, unless it serves the stale one itself
    refresh: { softTimeout: Duration.infinity },
    outage: { maxLookups: options.maxLoads },
    local: options.local,
    lease: options.lease,
    compression: options.compression,
    encryption: options.encryption,
    lookup: (key) => key.load
  })
