/** A stall of the process is no outage of the cache. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { available, connect, test, title } from "../../support/faults/FaultSuite.js"
import { during } from "../../support/faults/stall.js"
import { onMemory } from "../../support/server/clientLayers.js"
import * as RedisServer from "../../support/server/RedisServer.js"

const ids = Array.from({ length: 100 }, (_, i) => `id${i}`)
const rows = Object.fromEntries(ids.map((id, i) => [id, i]))
const readAll = (cache: CacheWorld.Cache) =>
  Effect.forEach(ids, (id) => Effect.map(cache.getResult(id), ({ source }) => source), { concurrency: "unbounded" })

/** A source whose reply arrives while the process computes. */
const arrived = <A>(answer: A) =>
  Effect.async<A>((resume) => {
    setImmediate(() => setImmediate(() => resume(Effect.succeed(answer))))
  })

describe("a stall of the process", () => {
  test(title("costs a cache no lookup: what is cached is read, what is not is looked up once"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* connect({ port: server.port })
      yield* available(redis)
      const world = CacheWorld.make(rows)
      const own = yield* Effect.provideService(world.cache(), RedisClient, redis)
      expect(new Set(yield* during(1_200, readAll(own)))).toEqual(new Set(["Lookup"]))
      expect(new Set(yield* during(1_200, readAll(own)))).toEqual(new Set(["Redis"]))
      expect(new Set(yield* readAll(own))).toEqual(new Set(["Redis"]))
      expect(world.database.lookups()).toBe(ids.length)
      expect(yield* own.stats).toMatchObject({ redisFailures: 0 })
    })
  )

  it.scopedLive("causes no LookupTimeout for a lookup that was answered", () =>
    Effect.gen(function* () {
      const cache = yield* TypedCache.make({
        name: `stall:${process.pid}`,
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 minute",
        refresh: { hardTimeout: "20 millis" },
        lookup: (id: string) => (id === "never" ? Effect.never : arrived(7))
      })
      expect(yield* during(60, cache.get("a"))).toBe(7)
      expect(yield* Effect.flip(cache.get("never"))).toMatchObject({ _tag: "LookupTimeout" })
    }).pipe(Effect.provide(onMemory))
  )

  it.scopedLive("causes no stale answer where the refresh was answered within the soft timeout", () =>
    Effect.gen(function* () {
      let value = 1
      const world = CacheWorld.make(
        {},
        { timeToLive: "1 millis", staleFor: "1 hour", refresh: { softTimeout: "20 millis" } }
      )
      const own = yield* world.cache({ lookup: () => Effect.suspend(() => arrived(value)) })
      yield* own.get("a")
      yield* Effect.sleep("5 millis")
      value = 2
      expect(yield* during(60, own.get("a"))).toBe(2)
    }).pipe(Effect.provide(onMemory))
  )
})
