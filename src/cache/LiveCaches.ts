/**
 * The caches of each client in this process, for what shows and operates them: the dashboard.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { RedisClient } from "../redis/RedisClient.js"
import * as RedisExecutor from "../redis/RedisExecutor.js"
import type { CacheOverrides } from "./CacheOverrides.js"
import type { EntryCodec } from "./entry/EntryCodec.js"
import type { LookupRunner } from "./lookup/LookupRunner.js"
import type { CacheEvents } from "./observe/CacheEvents.js"
import type { CacheStats } from "./observe/CacheStats.js"
import type { LocalTier } from "./tiers/LocalTier.js"
import type { Writer } from "./write/Writer.js"

/**
 * A cache without the types of its keys and values.
 *
 * @since 0.2.0
 * @category models
 */
export interface LiveCache {
  readonly name: string
  /** the options as they were given, by name */
  readonly options: ReadonlyArray<readonly [name: string, value: unknown]>
  /** what `CacheAdvice` says of the options */
  readonly advice: ReadonlyArray<string>
  readonly stats: () => CacheStats
  readonly isAvailable: () => boolean
  readonly listen: CacheEvents["listen"]
  /** whether every key is a text, which is then its id; elsewhere an id is JSON */
  readonly isTextKey: boolean
  /** the name in the local tier of a key of Redis */
  readonly localNameOf: (key: string) => string
  readonly local: Pick<LocalTier<unknown>, "get">
  readonly codec: Pick<EntryCodec<unknown>, "decode">
  /** the server's time, in milliseconds */
  readonly serverTime: () => number
  /** what settings at run time change */
  readonly overrides: CacheOverrides
  readonly lookups: Pick<LookupRunner, "raised">
  readonly writer: Pick<Writer<never>, "invalidate" | "invalidateTag" | "clear">
}

const live = new WeakMap<RedisExecutor.RedisExecutor, Set<LiveCache>>()

/**
 * Lists a cache for as long as the scope is open. Copies of a client share its caches.
 *
 * @since 0.2.0
 * @category constructors
 */
export const add = (client: RedisClient.Service, cache: LiveCache): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => {
        const executor = RedisExecutor.of(client)
        const caches = live.get(executor) ?? new Set<LiveCache>()
        live.set(executor, caches.add(cache))
        return caches
      }),
      (caches) => Effect.sync(() => caches.delete(cache))
    )
  )

/**
 * The caches of a client, in the order in which they were built.
 *
 * @since 0.2.0
 * @category getters
 */
export const of = (client: RedisClient.Service): ReadonlyArray<LiveCache> =>
  Array.from(live.get(RedisExecutor.of(client)) ?? [])
