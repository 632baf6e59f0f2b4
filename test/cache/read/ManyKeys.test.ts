/** More keys at once than fit into a client's queue, its deadlines or the queue of lookups. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { layerOff, RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { scale } from "../../support/effort.js"
import { onEveryLayer } from "../../support/server/clientLayers.js"
import { settle } from "../../support/until.js"

const count = scale(10_000, 3_000)
const ids = Array.from({ length: count }, (_, i) => i)

const numbers = (name: string) =>
  TypedCache.make({
    name,
    key: Schema.Int,
    value: Schema.Int,
    timeToLive: "10 minutes",
    lookup: (id) => Effect.succeed(id),
    lookupMany: (ids) => Effect.succeed(ids.map((id) => Either.right(id)))
  })

onEveryLayer((it) => {
  it.scoped(`a cold getMany of ${count} keys looks up and stores each, and the client stays available`, () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const cache = yield* numbers(`many:${process.pid}`)
      // every third id is given twice, far apart
      const asked = [...ids, ...ids.filter((id) => id % 3 === 0)]
      expect(yield* cache.getMany(asked)).toEqual(asked)
      expect(yield* cache.stats).toMatchObject({ lookups: count, degraded: 0 })
      expect(yield* redis.getStatus).toMatchObject({ circuit: "Closed" })
      expect(yield* cache.getMany(asked, { mode: "either" })).toEqual(asked.map((id) => Either.right(id)))
      expect(yield* cache.stats).toMatchObject({ lookups: count, hitsRedis: count })
    })
  )

  it.scoped("a cold getMany looks up a thousand keys at a time, and none after its interruption", () =>
    Effect.gen(function* () {
      const names = Array.from({ length: 3_000 }, (_, i) => `id${i}`)
      const { cache, database } = CacheWorld.make(Object.fromEntries(names.map((name, i) => [name, i])))
      const one = yield* cache()
      database.hold()
      const reading = yield* Effect.fork(one.getMany(names))
      yield* database.begun(1_000)
      yield* settle
      expect(database.lookups()).toBe(1_000)
      yield* Fiber.interrupt(reading)
      database.release()
      yield* settle
      expect(database.lookups()).toBe(1_000)
    })
  )
})

describe("an outage of Redis", () => {
  it.scoped(`makes getMany of ${count} keys look up each of them`, () =>
    Effect.gen(function* () {
      const cache = yield* numbers("many")
      expect(yield* cache.getMany(ids)).toEqual(ids)
      expect(yield* cache.stats).toMatchObject({ lookups: count })
    }).pipe(Effect.provide(layerOff))
  )
})
