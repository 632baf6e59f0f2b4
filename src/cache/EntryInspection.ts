/**
 * Shows what both tiers hold under a key. It counts nothing and changes nothing.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as KeyOwner from "../redis/KeyOwner.js"
import type { RedisClient } from "../redis/RedisClient.js"
import * as RedisExecutor from "../redis/RedisExecutor.js"
import * as RedisKey from "../redis/RedisKey.js"
import * as CacheEntry from "./entry/CacheEntry.js"
import { CachedError } from "./entry/EntryCodec.js"
import type { LiveCache } from "./LiveCaches.js"

/**
 * An entry as the local tier holds it.
 *
 * @since 0.2.0
 * @category models
 */
export interface InspectedEntry {
  /** a value, or an error of negative caching */
  readonly kind: "value" | "error"
  /** JSON; undefined where the value does not decode or is no JSON */
  readonly value: string | undefined
  readonly ageMillis: number
  /** how long it is fresh from now on: below 0 for a stale entry */
  readonly freshForMillis: number
  readonly tags: ReadonlyArray<string>
}

/**
 * An entry as Redis holds it.
 *
 * @since 0.2.0
 * @category models
 */
export interface InspectedText extends InspectedEntry {
  /** of the stored text, in UTF-8 */
  readonly bytes: number
  /** how long Redis keeps it; undefined without an expiry */
  readonly expiresInMillis: number | undefined
  /** as in `json`, or `gzip, encrypted with key k1` */
  readonly encoding: string
  readonly version: number
}

/**
 * What the tiers hold. `redis` is `"foreign"` where another program stored a text that is no entry.
 *
 * @since 0.2.0
 * @category models
 */
export interface InspectedKey {
  readonly key: string
  readonly local: InspectedEntry | undefined
  readonly redis: InspectedText | "foreign" | undefined
  /** why Redis was not read */
  readonly failure?: string | undefined
}

const jsonOf = (value: unknown): string | undefined => {
  try {
    return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}n` : inner))
  } catch {
    return undefined
  }
}

/**
 * The key in Redis of an id, or of the whole key.
 *
 * @since 0.2.0
 * @category constructors
 */
export const keyOf = (
  { isTextKey, name }: Pick<LiveCache, "isTextKey" | "name">,
  id: string
): Either.Either<string, RedisKey.InvalidKey> => {
  const own = id.startsWith(`${name}:`) ? RedisKey.idOf(name, id) : id
  return isTextKey ? RedisKey.make(name, own) : KeyOwner.under(name, own)
}

const entryOf = (
  { serverTime }: LiveCache,
  entry: Pick<CacheEntry.StoredEntry, "createdAt" | "timeToLive" | "tags">,
  value: unknown
): InspectedEntry => {
  const ageMillis = CacheEntry.ageAt(entry, serverTime())
  const isError = value instanceof CachedError
  return {
    kind: isError ? "error" : "value",
    value: jsonOf(isError ? value.error : value),
    ageMillis,
    freshForMillis: entry.timeToLive - ageMillis,
    tags: entry.tags
  }
}

const encodingOf = (encoding: CacheEntry.Encoding | undefined): string =>
  [encoding?.compression, encoding?.keyId === undefined ? undefined : `encrypted with key ${encoding.keyId}`]
    .filter((part) => part !== undefined)
    .join(", ") || "json"

/** The stored text of a key, with the time after which Redis drops it. */
const readStored = (redis: RedisClient.Service, key: string) =>
  Effect.gen(function* () {
    const text = yield* redis.get(key)
    if (Option.isNone(text)) return undefined
    const { value } = yield* RedisExecutor.of(redis).command("PTTL", [key], { idempotent: true })
    const millis = Number(value)
    return { text: text.value, expiresInMillis: millis >= 0 ? millis : undefined }
  })

/**
 * Reads a key of a cache. May be repeated. Fails with `InvalidKey` for an id that no key can have. Where
 * Redis does not answer, `failure` says why.
 *
 * @since 0.2.0
 * @category execution
 */
export const inspect = (
  redis: RedisClient.Service,
  cache: LiveCache,
  id: string
): Effect.Effect<InspectedKey, RedisKey.InvalidKey> =>
  Effect.gen(function* () {
    const key = yield* keyOf(cache, id)
    const kept = cache.local.get(cache.localNameOf(key))
    const local = kept === undefined ? undefined : entryOf(cache, kept, kept.value)
    const read = yield* Effect.either(readStored(redis, key))
    if (Either.isLeft(read)) return { key, local, redis: undefined, failure: read.left.message }
    const stored = read.right
    if (stored === undefined) return { key, local, redis: undefined }
    const entry = CacheEntry.parse(stored.text)
    if (entry === undefined) return { key, local, redis: "foreign" }
    const decoded = yield* Effect.option(cache.codec.decode(key, entry))
    const inspected = entryOf(cache, entry, Option.getOrUndefined(decoded))
    return {
      key,
      local,
      redis: {
        ...inspected,
        kind: entry.content.kind,
        bytes: Buffer.byteLength(stored.text),
        expiresInMillis: stored.expiresInMillis,
        encoding: encodingOf(entry.content.encoding),
        version: entry.content.version
      }
    }
  })
