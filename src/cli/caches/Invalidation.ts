/**
 * Invalidates as an application does: through a cache of the same name. Its scripts move markers, delete entries, and publish to
 * the processes that hold copies.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TypedCache from "../../cache/TypedCache.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import { type CommandFailed, failed, usage } from "../frame/CommandFailed.js"
import type { WrittenKey } from "./CacheArguments.js"

/** A cache of the name that looks nothing up and stores nothing. */
const cacheOf = <Key>(name: string, key: Schema.Schema<Key>) =>
  TypedCache.make({
    name,
    key,
    value: Schema.Unknown,
    timeToLive: 0,
    // so that tags of entries count
    tags: () => [],
    lookup: () => Effect.never
  })

/** The process ends after this command, and its outbox with it. */
const acknowledged = <E>(
  invalidation: Effect.Effect<boolean, E>,
  ofError: (error: E) => CommandFailed
): Effect.Effect<void, CommandFailed> =>
  Effect.flatMap(Effect.mapError(invalidation, ofError), (isAcknowledged) =>
    isAcknowledged
      ? Effect.void
      : Effect.fail(failed("Redis did not acknowledge the invalidation: run `effect-cache doctor`, then repeat it"))
  )

const invalid = (error: { readonly message: string }) => usage(error.message)

export const keys = (
  name: string,
  written: ReadonlyArray<WrittenKey>
): Effect.Effect<void, CommandFailed, RedisClient | Scope.Scope> =>
  Effect.gen(function* () {
    const texts = written.flatMap((key) => (key._tag === "Text" ? [key.text] : []))
    const documents = written.flatMap((key) => (key._tag === "Json" ? [key.json] : []))
    if (texts.length > 0) {
      const cache = yield* cacheOf(name, Schema.String)
      yield* Effect.forEach(texts, (key) => acknowledged(cache.invalidate(key), invalid), { discard: true })
    }
    if (documents.length > 0) {
      const cache = yield* cacheOf<unknown>(name, Schema.Unknown)
      yield* Effect.forEach(documents, (key) => acknowledged(cache.invalidate(key), invalid), { discard: true })
    }
  })

export const tags = (
  name: string,
  tags: ReadonlyArray<string>
): Effect.Effect<void, CommandFailed, RedisClient | Scope.Scope> =>
  Effect.flatMap(cacheOf(name, Schema.String), (cache) =>
    Effect.forEach(tags, (tag) => acknowledged(cache.invalidateTag(tag), invalid), { discard: true })
  )

export const clear = (name: string): Effect.Effect<void, CommandFailed, RedisClient | Scope.Scope> =>
  Effect.flatMap(cacheOf(name, Schema.String), (cache) => acknowledged(cache.clear, (error) => error))
