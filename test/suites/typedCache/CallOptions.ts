/** What one call may demand: a young value, or what Redis holds. */
import type { Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { expect } from "vitest"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"

const local = { capacity: 100, timeToLive: "1 minute" } as const

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.scoped("looks up a value that is too old for one call, and stores it for everybody", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 }, { local })
      const [one, other] = [yield* cache(), yield* cache()]
      yield* CacheWorld.inLocalTier(one, "a")
      const before = database.lookups()
      database.rows.set("a", 2)
      expect(yield* one.get("a", { maxAge: "1 hour" })).toBe(1)
      expect(yield* one.getResult("a", { maxAge: 0 })).toMatchObject({ source: "Lookup", value: 2 })
      expect(yield* one.get("a", { maxAge: "1 hour" })).toBe(2)
      expect(yield* other.get("a")).toBe(2)
      expect(database.lookups()).toBe(before + 1)
    })
  )

  it.scoped("reads what Redis holds for a call that does not want what the process holds", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 }, { local })
      const own = yield* cache()
      yield* CacheWorld.inLocalTier(own, "a")
      const before = database.lookups()
      expect(yield* own.getResult("a", { local: false })).toMatchObject({ source: "Redis", value: 1 })
      expect(yield* own.getResult("a")).toMatchObject({ source: "Local", value: 1 })
      expect(database.lookups()).toBe(before)
    })
  )
}
