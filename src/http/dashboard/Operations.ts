/**
 * Inspects and invalidates by the name of a cache and the text of a key.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as EntryInspection from "../../cache/EntryInspection.js"
import * as LiveCaches from "../../cache/LiveCaches.js"
import * as Source from "../../cache/lookup/Source.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import * as RedisKey from "../../redis/RedisKey.js"

/**
 * What the page asks for. `subject` is the key, the tag, or the name of the cache to clear. The page asks its user again,
 * and `confirm` repeats the subject.
 *
 * @since 0.2.0
 * @category models
 */
export const Operation = Schema.Struct({
  cache: Schema.String,
  action: Schema.Literal("invalidate", "invalidateTag", "clear"),
  subject: Schema.String,
  confirm: Schema.String
})

/**
 * An operation that was not done, and why.
 *
 * @since 0.2.0
 * @category errors
 */
export class Rejected extends Schema.TaggedError<Rejected>()("Rejected", {
  status: Schema.Literal(400, 404, 503),
  problem: Schema.String
}) {}

const reject = (problem: string) => new Rejected({ status: 400, problem })
const invalidKey = ({ message }: RedisKey.InvalidKey) => reject(message)

/**
 * The cache of a name in this process.
 *
 * @since 0.2.0
 * @category getters
 */
export const cacheOf = (redis: RedisClient.Service, name: string) =>
  Effect.suspend(() => {
    const cache = LiveCaches.of(redis).find((cache) => cache.name === name)
    return cache === undefined
      ? Effect.fail(new Rejected({ status: 404, problem: `this process has no cache ${JSON.stringify(name)}` }))
      : Effect.succeed(cache)
  })

/**
 * Shows what both tiers hold under a key.
 *
 * @since 0.2.0
 * @category execution
 */
export const inspect = (redis: RedisClient.Service, name: string, key: string) =>
  Effect.flatMap(cacheOf(redis, name), (cache) =>
    Effect.mapError(EntryInspection.inspect(redis, cache, key), invalidKey)
  )

/**
 * Invalidates. `acknowledged` is false while Redis has not taken the invalidation, which is then sent again until it has.
 *
 * @since 0.2.0
 * @category execution
 */
export const run = (redis: RedisClient.Service, operation: typeof Operation.Type) =>
  Effect.gen(function* () {
    const { action, confirm, subject } = operation
    const cache = yield* cacheOf(redis, operation.cache)
    if (confirm !== subject) return yield* reject("`confirm` does not repeat `subject`: nothing was done")
    if (action === "clear" && subject !== cache.name) return yield* reject("`subject` is not the name of the cache")
    yield* Effect.logInfo(`dashboard: ${action} in the cache ${cache.name}`)
    yield* Effect.logDebug(`dashboard: ${action} of ${subject}`)
    switch (action) {
      case "clear":
        return { acknowledged: yield* cache.writer.clear }
      case "invalidate": {
        const key = EntryInspection.keyOf(cache, subject)
        if (Either.isLeft(key)) return yield* invalidKey(key.left)
        return { acknowledged: yield* cache.writer.invalidate(key.right) }
      }
      case "invalidateTag": {
        const tag = RedisKey.make(Source.tagPrefix(cache.name), subject)
        if (Either.isLeft(tag)) return yield* invalidKey(tag.left)
        return { acknowledged: yield* cache.writer.invalidateTag(subject) }
      }
    }
  })
