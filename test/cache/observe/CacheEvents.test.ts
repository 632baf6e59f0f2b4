/** The stream of a cache's events. */
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { onMemory } from "../../support/server/clientLayers.js"
import { settle } from "../../support/until.js"

const test = <E>(name: string, body: () => Effect.Effect<void, E, RedisClient | Scope.Scope>) =>
  it.scoped(name, () => Effect.provide(body(), onMemory))

/** A cache whose subscription is active, and whose first values are newer than its marker. */
const opened = (world: CacheWorld.CacheWorld, settings: CacheWorld.Settings = {}) =>
  world.cache(settings).pipe(Effect.zipLeft(settle), Effect.zipLeft(TestClock.adjust("1 second")))

describe("the events of a cache", () => {
  test("tell of hits, misses, stale values, lookups, invalidations, degradation and recovery", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { staleFor: "1 hour", tags: () => ["t"] })
      const [own, other] = [yield* opened(world), yield* opened(world)]
      const key = world.key("a")
      const seen = yield* Effect.fork(
        Stream.runCollect(
          Stream.takeUntil(own.events, (event) => event._tag === "Invalidation" && event.by === "Other")
        )
      )
      yield* settle
      yield* own.get("a")
      yield* own.get("a")
      yield* TestClock.adjust("1 minute")
      yield* own.getOption("a")
      yield* own.invalidate("a")
      yield* own.invalidateTag("t")
      yield* own.clear
      yield* other.invalidate("a")
      const { CacheEvent } = TypedCache
      expect(Chunk.toReadonlyArray(yield* Fiber.join(seen))).toMatchObject([
        CacheEvent.Miss({ key }),
        { _tag: "Lookup", key, isSuccess: true },
        CacheEvent.Hit({ key, tier: "Redis" }),
        CacheEvent.Stale({ key }),
        CacheEvent.Invalidation({ of: "Key", name: key, by: "Self" }),
        CacheEvent.Invalidation({ of: "Tag", name: "t", by: "Self" }),
        CacheEvent.Invalidation({ of: "All", name: "", by: "Self" }),
        CacheEvent.Invalidation({ of: "Key", name: key, by: "Other" })
      ])
    }))
})
