/** Caches of one name in two databases of one server, whose Pub/Sub ignores the database. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { connected } from "../../support/server/clientLayers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { until } from "../../support/until.js"

const reason = RedisServer.skipReason

describe.skipIf(reason !== undefined)(`databases of one server (${reason ?? "on a server"})`, () => {
  it.scopedLive("do not hear each other's invalidations, and a process of the same database does", () =>
    Effect.gen(function* () {
      const { port } = yield* RedisServer.make()
      let lookups = 0
      const cacheOf = (database: number) =>
        Effect.gen(function* () {
          const redis = Context.get(yield* Layer.build(connected({ port, database })), RedisClient)
          return yield* TypedCache.make({
            name: "user",
            key: Schema.String,
            value: Schema.Int,
            timeToLive: "1 minute",
            local: { capacity: 10, timeToLive: "1 minute" },
            lookup: () => Effect.sync(() => ++lookups)
          }).pipe(Effect.provideService(RedisClient, redis))
        })
      const first = yield* cacheOf(0)
      const third = yield* cacheOf(3)
      const neighbour = yield* cacheOf(3)
      expect([yield* first.get("ada"), yield* third.get("ada"), yield* neighbour.get("ada")]).toEqual([1, 2, 2])
      for (const invalidate of [third.invalidate("ada"), third.clear]) {
        const before = lookups
        yield* invalidate
        yield* until("the neighbour has heard it", () => Effect.map(neighbour.get("ada"), (value) => value > before))
        expect(yield* first.getResult("ada")).toMatchObject({ source: "Local" })
      }
      yield* first.clear
      expect(yield* first.get("ada")).toBe(5)
      expect(yield* third.getResult("ada")).not.toMatchObject({ source: "Lookup" })
    })
  )
})
