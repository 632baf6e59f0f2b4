/** Typed keys and stored forms of a cache, whatever Redis it stands on: what one cache writes, another one reads. */
import type { Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import * as TypedCache from "../../src/cache/TypedCache.js"
import type { RedisClient } from "../../src/redis/RedisClient.js"
import * as CacheWorld from "../support/CacheWorld.js"

const Place = Schema.Union(
  Schema.TaggedStruct("Hall", { name: Schema.String }),
  Schema.TaggedStruct("Seat", { hall: Schema.String, row: Schema.Int })
)

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.scoped("keeps values under structs and tagged unions, for every process alike, and forgets them by the same", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.make({})
      let lookups = 0
      const make = TypedCache.make({
        name,
        key: Place,
        value: Schema.Int,
        timeToLive: "1 minute",
        lookup: () => Effect.sync(() => ++lookups)
      })
      const [one, other] = [yield* make, yield* make]
      expect(yield* one.get({ _tag: "Seat", hall: "{A}", row: 1 })).toBe(1)
      expect(yield* other.get({ row: 1, hall: "{A}", _tag: "Seat" })).toBe(1)
      expect(yield* other.get({ _tag: "Seat", hall: "{A}", row: 2 })).toBe(2)
      expect(yield* other.get({ _tag: "Hall", name: "{A}" })).toBe(3)
      expect(yield* one.invalidate({ row: 1, _tag: "Seat", hall: "{A}" })).toBe(true)
      expect(yield* other.getOption({ _tag: "Seat", hall: "{A}", row: 1 })).toEqual(Option.none())
      expect(yield* other.get({ _tag: "Seat", hall: "{A}", row: 2 })).toBe(2)
      const error = yield* Effect.flip(one.get({ _tag: "Hall", name: "\u0000" }))
      expect(error).toMatchObject({ _tag: "InvalidKey", reason: "ControlCharacter" })
    })
  )
}
