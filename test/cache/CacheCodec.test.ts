import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as CacheCodec from "../../src/cache/CacheCodec.js"
import { Balance, GameState, UserProfile, UserStats } from "../../src/game/Player.js"

const roundTrip = <A, I>(schema: Schema.Schema<A, I>, value: A) => {
  const codec = CacheCodec.make(schema)
  return Effect.flatMap(codec.encode(value), codec.decode)
}

describe("a cache codec", () => {
  it.effect.prop("gives back the profile it wrote", [UserProfile], ([value]) =>
    Effect.map(roundTrip(UserProfile, value), (back) => {
      expect(back).toEqual(value)
    })
  )
  it.effect.prop("gives back the statistics it wrote", [UserStats], ([value]) =>
    Effect.map(roundTrip(UserStats, value), (back) => {
      expect(back).toEqual(value)
    })
  )
  it.effect.prop("gives back the game state it wrote", [GameState], ([value]) =>
    Effect.map(roundTrip(GameState, value), (back) => {
      expect(back).toEqual(value)
    })
  )
  it.effect.prop("gives back the balance it wrote", [Balance], ([value]) =>
    Effect.map(roundTrip(Balance, value), (back) => {
      expect(back).toBe(value)
    })
  )

  it.effect("writes JSON that a person can read", () =>
    Effect.gen(function* () {
      const codec = CacheCodec.make(Schema.Struct({ name: Schema.String, at: Schema.DateTimeUtc }))
      const value = yield* Schema.decode(Schema.Struct({ name: Schema.String, at: Schema.DateTimeUtc }))({
        name: "Ada",
        at: "2025-01-02T03:04:05.678Z"
      })
      expect(yield* codec.encode(value)).toBe('{"name":"Ada","at":"2025-01-02T03:04:05.678Z"}')
    })
  )

  it.effect("refuses a text that is no JSON, and one of another shape", () =>
    Effect.gen(function* () {
      const codec = CacheCodec.make(UserStats)
      for (const text of ["", "not json", "null", "[]", '{"gamesPlayed":1}', '"{}"']) {
        const decoded = yield* Effect.either(codec.decode(text))
        expect(Either.isLeft(decoded), text).toBe(true)
      }
    })
  )

  it.effect("refuses a text that is nested deeper than the stack is, as any other", () =>
    Effect.gen(function* () {
      const deep = "[".repeat(200_000) + "]".repeat(200_000)
      for (const codec of [CacheCodec.make(Schema.Number), CacheCodec.make(UserStats)]) {
        expect(yield* Effect.flip(codec.decode(deep) as Effect.Effect<unknown, unknown>)).toMatchObject({
          _tag: "CacheCodecError"
        })
      }
    })
  )

  it.effect("refuses a value that its schema forbids, and one that JSON cannot hold", () =>
    Effect.gen(function* () {
      const cycle: { self?: unknown } = {}
      cycle.self = cycle
      for (const value of [undefined, 1n, cycle, () => 0]) {
        const encoded = yield* Effect.either(CacheCodec.make(Schema.Unknown).encode(value))
        expect(Either.isLeft(encoded)).toBe(true)
      }
      for (const balance of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        const encoded = yield* Effect.either(CacheCodec.make(Balance).encode(balance))
        expect(Either.isLeft(encoded)).toBe(true)
      }
    })
  )

  it.effect("names the field that does not fit and keeps its value to itself", () =>
    Effect.gen(function* () {
      const codec = CacheCodec.make(Schema.Struct({ user: Schema.Struct({ email: Schema.String }) }))
      const error = yield* Effect.flip(codec.decode('{"user":{"email":4711}}'))
      expect(error.path).toBe("user.email")
      expect(error.message).not.toContain("4711")
    })
  )
})
