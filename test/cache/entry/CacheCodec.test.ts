import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as CacheCodec from "../../../src/cache/entry/CacheCodec.js"
import { Balance, GameState, UserProfile, UserStats } from "../../../src/game/Player.js"

const roundTrip = <A, I>(schema: Schema.Schema<A, I>, value: A) => {
  const codec = CacheCodec.make(schema)
  return Effect.flatMap(codec.encode(value), codec.decode)
}

describe("a cache codec", () => {
  it.effect.prop("decodes the profile that it encoded", [UserProfile], ([value]) =>
    Effect.map(roundTrip(UserProfile, value), (back) => {
      expect(back).toEqual(value)
    })
  )
  it.effect.prop("decodes the statistics that it encoded", [UserStats], ([value]) =>
    Effect.map(roundTrip(UserStats, value), (back) => {
      expect(back).toEqual(value)
    })
  )
  it.effect.prop("decodes the game state that it encoded", [GameState], ([value]) =>
    Effect.map(roundTrip(GameState, value), (back) => {
      expect(back).toEqual(value)
    })
  )
  it.effect.prop("decodes the balance that it encoded", [Balance], ([value]) =>
    Effect.map(roundTrip(Balance, value), (back) => {
      expect(back).toBe(value)
    })
  )

  it.effect("encodes readable JSON", () =>
    Effect.gen(function* () {
      const codec = CacheCodec.make(Schema.Struct({ name: Schema.String, at: Schema.DateTimeUtc }))
      const value = yield* Schema.decode(Schema.Struct({ name: Schema.String, at: Schema.DateTimeUtc }))({
        name: "Ada",
        at: "2025-01-02T03:04:05.678Z"
      })
      expect(yield* codec.encode(value)).toBe('{"name":"Ada","at":"2025-01-02T03:04:05.678Z"}')
    })
  )

  it.effect("rejects a text that is no JSON or has another shape", () =>
    Effect.gen(function* () {
      const codec = CacheCodec.make(UserStats)
      for (const text of ["", "not json", "null", "[]", '{"gamesPlayed":1}', '"{}"']) {
        const decoded = yield* Effect.either(codec.decode(text))
        expect(Either.isLeft(decoded), text).toBe(true)
      }
    })
  )

  it.effect("rejects a text that is nested deeper than the stack", () =>
    Effect.gen(function* () {
      const deep = "[".repeat(200_000) + "]".repeat(200_000)
      for (const codec of [CacheCodec.make(Schema.Number), CacheCodec.make(UserStats)]) {
        expect(yield* Effect.flip(codec.decode(deep) as Effect.Effect<unknown, unknown>)).toMatchObject({
          _tag: "CacheCodecError"
        })
      }
    })
  )

  it.effect("rejects a value that does not satisfy the schema, or that JSON cannot hold", () =>
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

  it.effect("names the field that does not fit, and not its value", () =>
    Effect.gen(function* () {
      const codec = CacheCodec.make(Schema.Struct({ user: Schema.Struct({ email: Schema.String }) }))
      const error = yield* Effect.flip(codec.decode('{"user":{"email":4711}}'))
      expect(error.path).toBe("user.email")
      expect(error.message).not.toContain("4711")
    })
  )

  it.effect("fails for a value or a text on which the schema throws: in a transformation, a filter or an effect", () =>
    Effect.gen(function* () {
      const unlucky = (n: number) => {
        if (n === 13) throw new Error("unlucky")
        return n
      }
      const inEffect = (n: number) => Effect.as(Effect.yieldNow(), n).pipe(Effect.map(unlucky))
      for (const schema of [
        Schema.transform(Schema.Number, Schema.Number, { strict: true, decode: unlucky, encode: unlucky }),
        Schema.transformOrFail(Schema.Number, Schema.Number, { strict: true, decode: inEffect, encode: inEffect }),
        Schema.Number.pipe(Schema.filter((n) => unlucky(n) === n))
      ]) {
        const codec = CacheCodec.make(schema)
        expect(yield* codec.decode(yield* codec.encode(12))).toBe(12)
        for (const [operation, call] of [
          ["Encode", codec.encode(13)],
          ["Decode", codec.decode("13")]
        ] as const) {
          const error = yield* Effect.flip(Effect.asVoid<unknown, CacheCodec.CacheCodecError, never>(call))
          expect(error).toMatchObject({ operation, path: "", cause: { message: "unlucky" } })
        }
      }
    })
  )

  it("answers an Exit, except where the schema waits for something", () => {
    const later = (n: number) => Effect.promise(() => Promise.resolve(n))
    const waiting = Schema.transformOrFail(Schema.Number, Schema.Number, { strict: true, decode: later, encode: later })
    const areExits = <I>(schema: Schema.Schema<number, I>) => {
      const codec = CacheCodec.make(schema)
      return [codec.encode(13), codec.decode("13"), codec.decode('"13"'), codec.decode("{")].map(Exit.isExit)
    }
    expect(areExits(Schema.Number)).toEqual([true, true, true, true])
    expect(areExits(Schema.NumberFromString)).toEqual([true, true, true, true])
    expect(areExits(Schema.Negative)).toEqual([true, true, true, true])
    expect(areExits(waiting)).toEqual([false, false, true, true])
  })

  it.effect("is interrupted where its schema is", () =>
    Effect.gen(function* () {
      const never = Schema.transformOrFail(Schema.Number, Schema.Number, {
        strict: true,
        decode: () => Effect.never,
        encode: () => Effect.never
      })
      const fiber = yield* Effect.fork(CacheCodec.make(never).decode("1"))
      yield* Effect.yieldNow()
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
    })
  )

  it.effect("rejects a value that JSON would change, and names its path", () =>
    Effect.gen(function* () {
      const Row = Schema.Struct({ ratio: Schema.Array(Schema.Number), more: Schema.Unknown })
      // three schemas: without a transformation, with one, and one that is not compiled
      for (const schema of [
        Row,
        Schema.Struct({ ...Row.fields, at: Schema.Date }),
        Schema.Union(Row, Schema.Struct({ more: Schema.Unknown, other: Schema.Int }))
      ]) {
        const codec = CacheCodec.make<{ ratio?: ReadonlyArray<number>; more?: unknown; at?: Date }, unknown>(
          Schema.make(schema.ast)
        )
        const row = { ratio: [1, 2], more: { a: [1] }, at: new Date(0) }
        expect(JSON.parse(yield* codec.encode(row))).toMatchObject({ ratio: [1, 2], more: { a: [1] } })
        for (const [path, odd] of [
          ["more.ratio.1", { ...row, more: { ratio: [1, Number.NaN] } }],
          ["more", { ...row, more: new Map() }],
          ["more.a.1", { ...row, more: { a: [1, undefined] } }],
          ["more.b", { ...row, more: { b: new Date(0) } }]
        ] as const) {
          expect(yield* Effect.flip(codec.encode(odd))).toMatchObject({ operation: "Encode", path })
        }
      }
      expect(() => CacheCodec.make(Schema.Struct({ n: Schema.SymbolFromSelf }))).toThrow(
        "JSON cannot hold symbol (at n): use Schema.Symbol in place of Schema.SymbolFromSelf"
      )
    })
  )

  it.effect("encodes a Date as its text at any place of the schema, and decodes it", () =>
    Effect.gen(function* () {
      interface Visit {
        readonly at: Date
        readonly next: Visit | null
      }
      const Visit: Schema.Schema<Visit> = Schema.Struct({
        at: Schema.ValidDateFromSelf,
        next: Schema.NullOr(Schema.suspend(() => Visit))
      })
      const Row = Schema.Struct({
        at: Schema.DateFromSelf,
        pair: Schema.Tuple(Schema.Int, Schema.optionalElement(Schema.DateFromSelf)),
        days: Schema.Record({ key: Schema.String, value: Schema.Array(Schema.NullOr(Schema.DateFromSelf)) }),
        note: Schema.Union(Schema.String, Schema.Struct({ until: Schema.DateFromSelf })),
        since: Schema.optionalWith(Schema.DateFromSelf, { as: "Option" }),
        visit: Visit
      })
      const day = new Date(86_400_000)
      const row = {
        at: new Date(Number.NaN),
        pair: [1, day],
        days: { ada: [null, day] },
        note: { until: day },
        since: Option.some(day),
        visit: { at: day, next: { at: new Date(0), next: null } }
      } as const
      const text = yield* CacheCodec.make(Row).encode(row)
      expect(JSON.parse(text)).toMatchObject({ at: "Invalid Date", note: { until: "1970-01-02T00:00:00.000Z" } })
      expect(yield* CacheCodec.make(Row).decode(text)).toEqual(row)
      const misfit = yield* Effect.flip(CacheCodec.make(Visit).decode('{"at":"Invalid Date","next":null}'))
      expect(misfit).toMatchObject({ operation: "Decode", path: "at" })
      expect(() => CacheCodec.make(Schema.Union(Schema.String, Schema.DateFromSelf))).toThrow("cannot hold Date")
    })
  )

  it.effect("decodes no Date from a text that it did not encode", () =>
    Effect.gen(function* () {
      const codec = CacheCodec.make(Schema.Struct({ at: Schema.DateFromSelf }))
      for (const text of ["tomorrow", "1", "2025"]) {
        const stored = JSON.stringify({ at: text })
        expect(yield* Effect.flip(codec.decode(stored))).toMatchObject({ operation: "Decode", path: "at" })
      }
    })
  )

  const [at, text] = [Schema.Struct({ at: Schema.DateFromSelf }), Schema.Struct({ at: Schema.String })]
  interface Nested {
    readonly at: string | ReadonlyArray<Nested>
  }
  const Nested: Schema.Schema<Nested> = Schema.Struct({
    at: Schema.Union(Schema.String, Schema.Array(Schema.suspend(() => Nested)))
  })
  for (const { ast } of [
    Schema.Union(at, text),
    Schema.Union(text, at),
    Schema.Union(at, Nested),
    Schema.Union(at, Schema.Unknown),
    Schema.Union(at, Schema.Struct({ at: Schema.String, note: Schema.optional(Schema.String) })),
    Schema.Union(Schema.Array(Schema.DateFromSelf), Schema.Array(Schema.String)),
    Schema.Union(Schema.Tuple(Schema.DateFromSelf), Schema.Array(Schema.String)),
    Schema.Union(
      Schema.Record({ key: Schema.String, value: Schema.DateFromSelf }),
      Schema.Record({ key: Schema.String, value: Schema.String })
    ),
    Schema.Union(
      Schema.suspend(() => Schema.DateFromSelf),
      Schema.String
    ),
    Schema.Union(Schema.DateFromSelf, Schema.NumberFromString)
  ]) {
    it(`rejects ${ast}: the text of a date could be the other member`, () => {
      expect(() => CacheCodec.make(Schema.make<unknown>(ast))).toThrow("cannot hold Date")
    })
  }

  const day = new Date(86_400_000)
  it.effect("keeps members of a union with dates apart", () =>
    Effect.gen(function* () {
      const Event = Schema.Union(
        Schema.TaggedStruct("Planned", { at: Schema.DateFromSelf }),
        Schema.TaggedStruct("Vague", { at: Schema.String }),
        Schema.Struct({ since: Schema.DateFromSelf, note: Schema.optional(Schema.String) }),
        Schema.Struct({ at: Schema.DateFromSelf, size: Schema.Number, weight: Schema.Number }),
        Schema.Struct({ at: Schema.String, size: Schema.String, weight: Schema.String }),
        Schema.Array(Schema.DateFromSelf),
        Schema.DateFromSelf,
        Schema.Number
      )
      const codec = CacheCodec.make(Event)
      for (const event of [
        { _tag: "Planned", at: day },
        { _tag: "Vague", at: day.toISOString() },
        { since: day },
        { at: day, size: 1, weight: 2 },
        { at: day.toISOString(), size: "1", weight: "2" },
        [day],
        day,
        7
      ] as const) {
        expect(yield* codec.decode(yield* codec.encode(event))).toEqual(event)
      }
    })
  )
})
