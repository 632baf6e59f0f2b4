import { expect, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import { TestCache } from "effect-cache-toolkit/testing"

class Titles extends TypedCache.Tag("app/Titles")<Titles>()({
  name: "title",
  key: Schema.Int,
  value: Schema.String,
  timeToLive: "10 minutes"
}) {}

/** The code under test: it knows the cache, and neither Redis nor the database. */
const headline = (id: number) =>
  Effect.flatMap(Titles, (titles) => Effect.map(titles.get(id), (title) => title.toUpperCase()))

it.effect("headlines are those of the database while Redis is away", () =>
  Effect.gen(function* () {
    const { change, lookups, loseRedis, restoreRedis } = yield* TestCache.of(Titles)
    expect(yield* headline(7)).toBe("SNOW")
    expect(yield* lookups(7)).toBe(0) // it was in the cache

    yield* loseRedis
    yield* change(7, "Rain")
    expect(yield* headline(7)).toBe("RAIN")
    yield* restoreRedis
    expect(yield* headline(7)).toBe("RAIN")
  }).pipe(Effect.provide(TestCache.layer(Titles, { seed: [[7, "Snow"]] })))
)
