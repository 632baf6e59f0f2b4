/** A cache of tagged versions, whose database is one number in Redis. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"

export const databaseKey = "the database's version"

export const entries = Number(process.env.TAG_SCALE_ENTRIES ?? 100_000)
export const tagCount = 1_000

export const tagOf = (id: number) => `tag:${id % tagCount}`
/** The ids with the same tag as this one. */
export const idsWith = (id: number) =>
  Array.from({ length: entries / tagCount }, (_, i) => (id % tagCount) + i * tagCount)

export const make = Effect.gen(function* () {
  const redis = yield* RedisClient
  return yield* TypedCache.make({
    name: "tagged",
    key: Schema.NumberFromString,
    value: Schema.Number,
    timeToLive: "1 hour",
    tags: (_version, id) => [tagOf(id)],
    lookup: () =>
      Effect.map(Effect.orDie(redis.get(databaseKey)), (version) => Number(Option.getOrElse(version, () => "1")))
  })
})
