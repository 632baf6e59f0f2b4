import { describe, expect, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as CacheKey from "../../../src/cache/entry/CacheKey.js"
import * as JsonEncoding from "../../../src/cache/entry/json/JsonEncoding.js"
import * as RedisKey from "../../../src/redis/RedisKey.js"
import { runs } from "../../support/effort.js"

/** The texts of the keys of a schema under a prefix. */
const texts = <A, I>(prefix: string, schema: Schema.Schema<A, I>) => {
  const of = CacheKey.make(prefix, schema)
  return (key: A) => Either.map(of(key), ({ text }) => text)
}
const textOf = <A, I>(schema: Schema.Schema<A, I>, key: A) => Either.merge(texts("p", schema)(key))
const reasonOf = <A, I>(schema: Schema.Schema<A, I>, key: A) => {
  const text = textOf(schema, key)
  return text instanceof RedisKey.InvalidKey ? text.reason : text
}

const UserId = Schema.String.pipe(Schema.brand("UserId"))
const Seat = Schema.Struct({ row: Schema.Int, hall: Schema.String, note: Schema.optional(Schema.String) })
const Place = Schema.Union(
  Schema.TaggedStruct("Hall", { name: Schema.String }),
  Schema.TaggedStruct("Seat", { seat: Seat, since: Schema.DateTimeUtc })
)

describe("the text of a key", () => {
  it("is the id itself where the schema encodes to a text", () => {
    expect(textOf(Schema.String, 'a:b {"c"}')).toBe('p:a%3Ab %7B"c"%7D')
    expect(textOf(UserId, UserId.make("ada"))).toBe("p:ada")
    expect(textOf(Schema.NumberFromString, 12)).toBe("p:12")
    expect(textOf(Schema.Literal("on", "off"), "on")).toBe("p:on")
    expect(textOf(Schema.TemplateLiteral("v", Schema.Number), "v1")).toBe("p:v1")
    expect(textOf(Schema.Union(Schema.Literal("a"), Schema.UUID), "a")).toBe("p:a")
    expect(
      textOf(
        Schema.suspend(() => UserId),
        UserId.make("ada")
      )
    ).toBe("p:ada")
    expect(textOf(Schema.DateTimeUtc, DateTime.unsafeMake("2025-01-02"))).toBe("p:2025-01-02T00%3A00%3A00.000Z")
  })

  it("is canonical JSON otherwise", () => {
    expect(textOf(Schema.Number, 1.5)).toBe("p:1.5")
    expect(textOf(Schema.Boolean, true)).toBe("p:true")
    expect(textOf(Schema.Tuple(UserId, Schema.Int), [UserId.make("a:b"), 7])).toBe('p:["a:b",7]')
    expect(textOf(Seat, { row: 7, hall: "A" })).toBe('p:%7B"hall":"A","row":7%7D')
    expect(textOf(Place, { _tag: "Hall", name: "{%}" })).toBe('p:%7B"_tag":"Hall","name":"%7B%25%7D"%7D')
    expect(textOf(Schema.NullOr(Schema.String), null)).toBe("p:null")
    expect(textOf(Schema.NullOr(Schema.String), "null")).toBe('p:"null"')
    expect(textOf(Schema.Union(Schema.String, Schema.Number), 7)).toBe("p:7")
    expect(textOf(Schema.Union(Schema.String, Schema.Number), "7")).toBe('p:"7"')
  })

  it("does not depend on the order of fields, in the key or in its schema", () => {
    const Turned = Schema.Struct({ note: Schema.optional(Schema.String), hall: Schema.String, row: Schema.Int })
    expect(textOf(Seat, { hall: "A", row: 7, note: "n" })).toBe(textOf(Turned, { row: 7, note: "n", hall: "A" }))
    // by UTF-16 code units, as RFC 8785 says: the surrogate pair comes first
    const fields = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u00f6": 6 }
    const { "\r": _, ...allowed } = fields
    const Counts = Schema.Record({ key: Schema.String, value: Schema.Number })
    expect(textOf(Counts, allowed)).toBe('p:%7B"1":4,"\u00f6":6,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3%7D')
    expect(reasonOf(Counts, fields)).toBe("ControlCharacter")
  })

  it("treats an undefined field like an absent one", () => {
    expect(textOf(Seat, { row: 7, hall: "A", note: undefined })).toBe(textOf(Seat, { row: 7, hall: "A" }))
  })

  it("is made of the fields where the key is a class or a value of Data", () => {
    class Cell extends Schema.Class<Cell>("Cell")({ x: Schema.Int, y: Schema.Int }) {}
    expect(textOf(Cell, new Cell({ y: 2, x: 1 }))).toBe('p:%7B"x":1,"y":2%7D')
    expect(textOf(Schema.Data(Schema.Struct({ x: Schema.Int })), Data.struct({ x: 1 }))).toBe('p:%7B"x":1%7D')
  })

  it("is InvalidKey for a key that is no JSON, does not satisfy its schema, or is rejected as an id", () => {
    for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, undefined, 1n, Symbol.iterator, new Date(0), () => 0]) {
      expect(reasonOf(Schema.Unknown, odd)).toBe("NotEncodable")
      expect(reasonOf(Schema.Unknown, [odd])).toBe("NotEncodable")
    }
    const cycle: { self?: unknown } = {}
    cycle.self = [cycle]
    expect(reasonOf(Schema.Unknown, cycle)).toBe("NotEncodable")
    expect(reasonOf(Schema.Unknown, new Array(2))).toBe("NotEncodable")
    expect(reasonOf(Schema.Int, 1.5)).toBe("NotEncodable")
    expect(reasonOf(Seat, { row: 1, hall: "a\nb" })).toBe("ControlCharacter")
    expect(reasonOf(Seat, { row: 1, hall: "\ud800" })).toBe("LoneSurrogate")
    expect(reasonOf(Seat, { row: 1, hall: "a".repeat(513) })).toBe("TooLong")
    expect(reasonOf(Schema.String, "")).toBe("Empty")
    expect(reasonOf(Schema.String, "a\u0000")).toBe("ControlCharacter")
    expect(reasonOf(Schema.String, "\ud800")).toBe("LoneSurrogate")
  })

  it("has the text of a bigint, a date and other forms of which equal ones have equal texts", () => {
    expect(textOf(JsonEncoding.ofKey(Schema.BigIntFromSelf), 7n)).toBe("p:7")
    expect(textOf(JsonEncoding.ofKey(Schema.DateFromSelf), new Date(0))).toBe("p:1970-01-01T00%3A00%3A00.000Z")
    expect(
      textOf(JsonEncoding.ofKey(Schema.Struct({ of: Schema.OptionFromSelf(Schema.BigIntFromSelf) })), {
        of: Option.some(7n)
      })
    ).toBe('p:%7B"of":%7B"_tag":"Some","value":"7"%7D%7D')
    // by the order of the items, two equal sets would have two keys
    expect(reasonOf(JsonEncoding.ofKey(Schema.SetFromSelf(Schema.Int)), new Set([1]))).toBe("NotEncodable")
    expect(reasonOf(Schema.Number, Number.NaN)).toBe("NotEncodable")
  })

  it("may hold one object twice, but no object that contains itself", () => {
    const cell = { x: 1 }
    expect(textOf(Schema.Unknown, [cell, cell])).toBe('p:[%7B"x":1%7D,%7B"x":1%7D]')
  })

  /** Values that look alike in JSON, in a key of Redis, or in both. */
  const text = fc.oneof(
    fc.constantFrom(
      "",
      "a",
      ":",
      ",",
      '"',
      "\\",
      "{",
      "}",
      "%",
      "%7B",
      "[",
      "]",
      '","',
      "1",
      "null",
      "true",
      "é",
      "😀"
    ),
    fc.string({ maxLength: 4 })
  )
  const json = fc.jsonValue({ maxDepth: 3, stringUnit: "grapheme" })
  const keys = fc.oneof(
    text,
    json,
    fc.array(text, { maxLength: 3 }),
    fc.dictionary(text, fc.oneof(text, fc.integer({ min: -1, max: 1 })), { maxKeys: 3 })
  )
  /** Equality as JSON, where zero has no sign. */
  const normal = (key: unknown) => JSON.parse(JSON.stringify(key))

  it("is the same for two keys only if they are the same", () => {
    const of = texts("p", Schema.Unknown)
    const same = (one: unknown, other: unknown) => {
      try {
        expect(normal(one)).toEqual(normal(other))
        return true
      } catch {
        return false
      }
    }
    fc.assert(
      fc.property(keys, keys, (one, other) => {
        const [left, right] = [of(one), of(other)]
        fc.pre(Either.isRight(left) && Either.isRight(right))
        expect(Either.getOrThrow(left) === Either.getOrThrow(right)).toBe(same(one, other))
      }),
      { numRuns: runs(5_000) }
    )
  })

  it("decodes to the key", () => {
    const of = texts("p", Schema.Unknown)
    fc.assert(
      fc.property(keys, (key) => {
        const made = of(key)
        fc.pre(Either.isRight(made))
        const id = Either.getOrThrow(made)
          .slice("p:".length)
          .replace(/%7B|%7D|%25/g, decodeURIComponent)
        expect(JSON.parse(id)).toEqual(normal(key))
      }),
      { numRuns: runs(2_000) }
    )
  })

  it("does not depend on the order of fields at any depth", () => {
    const of = texts("p", Schema.Unknown)
    const turned = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(turned)
        : typeof value === "object" && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .map(([name, value]) => [name, turned(value)] as const)
                .reverse()
            )
          : value
    fc.assert(
      fc.property(json, (key) => {
        expect(of(turned(key))).toEqual(of(key))
      })
    )
  })
})

describe("a key", () => {
  it("is one object for as long as it is remembered", () => {
    const same = <A, I>(schema: Schema.Schema<A, I>, one: A, other: A) => {
      const of = CacheKey.make("p", schema)
      const key = Either.getOrThrow(of(one))
      expect(Either.getOrThrow(of(other))).toBe(key)
      return key
    }
    same(Schema.String, "ada", "ada")
    same(Schema.NumberFromString, 12, 12)
    same(Schema.Number, 12, 12)
    const seat = same(Seat, { row: 1, hall: "b" }, { hall: "b", row: 1, note: undefined })
    expect(Either.getOrThrow(CacheKey.make("p", Seat)({ row: 1, hall: "b" }))).not.toBe(seat)
  })
})

describe("the local name of a key", () => {
  /** Ids that stay as they are, ids that are percent-encoded, and ids that look percent-encoded. */
  const id = fc
    .array(
      fc.oneof(
        fc.constantFrom("{", "}", "%", "%7B", "%7D", "%25", "%257B", "7B", "%7b", "%zz", ":", "é", "😀", "a"),
        fc.string({ unit: "binary", maxLength: 3 })
      ),
      { minLength: 1, maxLength: 5 }
    )
    .map((parts) => parts.join(""))
    .filter((id) => Either.isRight(RedisKey.make("p", id)))
  const own: ReadonlyArray<readonly [string, Schema.Schema<string>]> = [
    ["a text", Schema.String],
    ["a text of a brand", Schema.String.pipe(Schema.brand("Id")) as unknown as Schema.Schema<string>],
    ["a text that a filter lets through", Schema.NonEmptyString.pipe(Schema.maxLength(512))],
    ["a union of texts", Schema.Union(Schema.Literal("on", "off"), Schema.String)]
  ]

  for (const [what, schema] of own) {
    it(`is the key itself where that is ${what}`, () => {
      // one prefix looks like an encoded brace
      for (const prefix of ["p", "p:%7B"]) {
        const keyOf = CacheKey.make(prefix, schema)
        const names = CacheKey.names(prefix, schema)
        fc.assert(
          fc.property(id, (key) => {
            const { name, text } = Either.getOrThrow(keyOf(key))
            expect([name, names.ofKey(key)]).toEqual([key, key])
            expect(names.ofText(text)).toBe(key)
            expect(names.textOf(key)).toBe(text)
          }),
          { numRuns: runs(500) }
        )
      }
    })
  }

  it("is never that of another key", () => {
    for (const schema of [Schema.String, Schema.compose(Schema.String, Schema.Trim)]) {
      const textOf = texts("p", schema)
      const names = CacheKey.names("p", schema)
      const nameOf = (key: string) => names.ofText(Either.getOrThrow(textOf(key)))
      fc.assert(
        fc.property(id, id, (one, other) => {
          fc.pre(one.trim() === one && other.trim() === other && one !== other)
          expect(nameOf(one)).not.toBe(nameOf(other))
        }),
        { numRuns: runs(2_000) }
      )
      const alike = ["a{b", "a%7Bb", "a%257Bb", "a%7bb", "%", "%25", "%2525", "50%", "50%25", "{}", "%7B%7D"]
      expect(new Set(alike.map(nameOf)).size).toBe(alike.length)
    }
  })

  it("is the key of Redis where the key is not its own encoded form", () => {
    const lowerCased = Schema.transform(Schema.String, Schema.Lowercased, {
      strict: true,
      decode: (text) => text.toLowerCase(),
      encode: (text) => text
    })
    const written = <A, I>(schema: Schema.Schema<A, I>, key: A) => {
      const names = CacheKey.names("p", schema)
      const { name, text } = Either.getOrThrow(CacheKey.make("p", schema)(key))
      expect(name).toBe(text)
      expect(names.ofKey(key)).toBeUndefined()
      expect(names.ofText(text)).toBe(text)
      expect(names.textOf(text)).toBe(text)
    }
    written(Schema.NumberFromString, 12)
    written(Schema.Number, 12)
    written(Schema.Struct({ id: Schema.String }), { id: "{%7B}" })
    written(lowerCased, "ada{%}")
    written(Schema.Lowercase, "ada")
    written(Schema.Trim, "ada")
    written(Schema.NullOr(Schema.String), "a{b")
    written(Schema.Union(Schema.String, Schema.Number), "7")
    written(Schema.Union(Schema.String, Schema.NumberFromString), "7")
    written(
      Schema.suspend(() => Schema.NumberFromString),
      7
    )
  })

  it("is undefined for a key that is no text, and exists for an invalid key", () => {
    const names = CacheKey.names("p", Schema.NonEmptyString)
    expect(names.ofKey(7 as unknown as string)).toBeUndefined()
    expect(names.ofKey("")).toBe("")
    expect(names.textOf("")).toBe("")
  })
})
