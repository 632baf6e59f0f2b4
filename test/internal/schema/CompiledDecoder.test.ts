import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { GameState, UserProfile, UserStats } from "../../../src/game/Player.js"
import * as CompiledDecoder from "../../../src/internal/schema/CompiledDecoder.js"
import * as Untrusted from "../../../src/internal/schema/Untrusted.js"
import { runs } from "../../support/effort.js"

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}
const Tree: Schema.Schema<Tree> = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend(() => Tree))
})

enum Side {
  Left = "left",
  Right = 2
}

class Point extends Schema.Class<Point>("Point")({ x: Schema.Finite, y: Schema.Finite }) {}

const Circle = Schema.TaggedStruct("Circle", { radius: Schema.Positive })
const Square = Schema.TaggedStruct("Square", { side: Schema.Positive, at: Schema.DateTimeUtc })

/** A schema, its two decoders, and JSON that it decodes (except for numbers that JSON cannot hold). */
const row = <A, I>(name: string, schema: Schema.Schema<A, I>) => {
  const decodeSlowly = Untrusted.decodeEither(schema)
  return {
    name,
    decodeSlowly: (json: unknown): unknown => Either.getOrElse(decodeSlowly(json), () => CompiledDecoder.undecided),
    decodeFast: CompiledDecoder.make(schema) as CompiledDecoder.CompiledDecoder,
    fitting: Arbitrary.make(Schema.typeSchema(schema)).map((value) => asStored(Schema.encodeSync(schema)(value)))
  }
}

const asStored = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? "null")

/** Each kind of schema that is compiled, and some that are not. */
const rows = [
  row("texts", Schema.String),
  row("numbers within bounds", Schema.Int.pipe(Schema.between(-5, 5))),
  row("a literal or nothing", Schema.NullOr(Schema.Literal("a", 1, true))),
  row("an enumeration", Schema.Enums(Side)),
  row("anything", Schema.Unknown),
  row("a struct", Schema.Struct({ a: Schema.String, b: Schema.NonNegativeInt, c: Schema.Boolean })),
  row(
    "optional fields",
    Schema.Struct({ a: Schema.optional(Schema.Number), b: Schema.optionalWith(Schema.String, { exact: true }) })
  ),
  row(
    "fields with defaults",
    Schema.Struct({ a: Schema.optionalWith(Schema.Number, { default: () => 7 }), b: Schema.String })
  ),
  row(
    "fields that are transformed",
    Schema.Struct({ at: Schema.DateTimeUtc, n: Schema.NumberFromString, s: Schema.String })
  ),
  row(
    "nested structs",
    Schema.Struct({ a: Schema.Struct({ b: Schema.Struct({ c: Schema.NumberFromString }) }), d: Schema.String })
  ),
  row(
    "fields that have the names of what every object has",
    Schema.Struct({ constructor: Schema.optional(Schema.String), valueOf: Schema.String })
  ),
  row("lists", Schema.Array(Schema.Struct({ a: Schema.Int }))),
  row("lists of what is transformed", Schema.Array(Schema.NumberFromString)),
  row("lists that are not empty", Schema.NonEmptyArray(Schema.String)),
  row("pairs", Schema.Tuple(Schema.String, Schema.NumberFromString)),
  row("records", Schema.Record({ key: Schema.String, value: Schema.NumberFromString })),
  row("records by a pattern", Schema.Record({ key: Schema.String.pipe(Schema.minLength(2)), value: Schema.Int })),
  row("objects told apart by a tag", Schema.Union(Circle, Square, Schema.Null)),
  row(
    "objects that overlap",
    Schema.Union(Schema.Struct({ a: Schema.String }), Schema.Struct({ a: Schema.String, b: Schema.Int }))
  ),
  row(
    "objects of which only some have a tag",
    Schema.Union(Schema.Struct({ a: Schema.String }), Schema.TaggedStruct("x", { a: Schema.String }))
  ),
  row("everything that is not nothing", Schema.Union(Schema.Struct({}), Schema.Null)),
  row(
    "lists or objects or texts",
    Schema.Union(Schema.Array(Schema.Int), Schema.Struct({ a: Schema.Int }), Schema.String)
  ),
  row(
    "lists told apart by their first element",
    Schema.Union(
      Schema.Tuple(Schema.Literal("value"), Schema.NumberFromString),
      Schema.Tuple(Schema.Literal("held")),
      Schema.Null
    )
  ),
  row(
    "lists that nothing tells apart",
    Schema.Union(
      Schema.Tuple(Schema.Literal("a"), Schema.Int),
      Schema.Tuple(Schema.Literal("a"), Schema.NumberFromString)
    )
  ),
  row("whole numbers as texts", Schema.NumberFromString),
  row("recursive values", Tree),
  row("instances of classes", Schema.Struct({ at: Point, also: Schema.NullOr(Point) })),
  row(
    "excess fields that are kept",
    Schema.Struct({ a: Schema.Int }).annotations({ parseOptions: { onExcessProperty: "preserve" } })
  ),
  row(
    "excess fields that are rejected",
    Schema.Struct({ a: Schema.Int }).annotations({ parseOptions: { onExcessProperty: "error" } })
  ),
  row("fallbacks", Schema.Struct({ a: Schema.Int.annotations({ decodingFallback: () => Either.right(0) }) })),
  row("template literals", Schema.TemplateLiteral("user-", Schema.Number)),
  row("brands", Schema.String.pipe(Schema.nonEmptyString(), Schema.brand("Id"))),
  row("profiles", UserProfile),
  row("statistics", UserStats),
  row("running games", GameState)
]

/** JSON that almost decodes: with fields removed, added or replaced. */
const damaged = (json: unknown): fc.Arbitrary<unknown> => {
  const other = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom<unknown>(null, "", "1", 0, -1, 1.5, true, [], {})
  )
  if (Array.isArray(json)) {
    return fc.oneof(
      other,
      fc.constant([...json, null]),
      fc.constant(json.slice(1)),
      fc.tuple(...json.map(damaged)).map((items): unknown => items)
    )
  }
  if (typeof json !== "object" || json === null) return fc.oneof(fc.constant(json), other)
  const names = Object.keys(json)
  return fc.oneof(
    other,
    fc.constantFrom(...names, "none").map((name): unknown => {
      const { [name]: _, ...rest } = json as Record<string, unknown>
      return rest
    }),
    fc
      .tuple(fc.constantFrom(...names, "more", "a", "b", "_tag"), other)
      .map(([name, value]): unknown => ({ ...json, [name]: value })),
    fc
      .tuple(...Object.values(json).map(damaged))
      .map((values): unknown => Object.fromEntries(values.map((value, i) => [names[i] ?? "", value] as const)))
  )
}

describe("a compiled decoder", () => {
  it("leaves a tag that has no text to the schema, which throws on it", () => {
    const json = JSON.parse(`{"_tag":{"toString":""},"radius":1}`)
    const shapes = Schema.Union(Circle, Square)
    expect(() => Schema.decodeUnknownEither(shapes)(json)).toThrow(TypeError)
    expect(CompiledDecoder.make(shapes)(json)).toBe(CompiledDecoder.undecided)
    expect(Either.isLeft(Untrusted.decodeEither(shapes)(json))).toBe(true)
  })

  for (const { decodeFast, decodeSlowly, fitting, name } of rows) {
    it(`decodes ${name} as the schema does`, () => {
      fc.assert(
        fc.property(fitting, (json) => {
          const expected = decodeSlowly(structuredClone(json))
          expect(decodeFast(json)).toEqual(expected)
        }),
        { numRuns: runs(200) }
      )
    })

    it(`accepts for ${name} only values that the schema accepts`, () => {
      const jsons = fc.oneof(fitting.chain(damaged), fitting.chain(damaged).chain(damaged), fc.jsonValue())
      fc.assert(
        fc.property(jsons, (value) => {
          const json = asStored(value)
          const expected = decodeSlowly(structuredClone(json))
          const decoded = decodeFast(json)
          if (decoded !== CompiledDecoder.undecided) expect(decoded).toEqual(expected)
        }),
        { numRuns: runs(500) }
      )
    })
  }

  it("answers the same value, without a copy, where nothing changes", () => {
    const decode = CompiledDecoder.make(Schema.Struct({ id: Schema.String, tags: Schema.Array(Schema.NonEmptyString) }))
    const json = { id: "1", tags: ["a"] }
    expect(decode(json)).toBe(json)
  })

  it("drops excess fields, also one named like the prototype", () => {
    const decode = CompiledDecoder.make(Schema.Struct({ id: Schema.String }))
    expect(decode(JSON.parse(`{"id":"1","__proto__":{"admin":true},"more":1}`))).toEqual({ id: "1" })
  })

  it("leaves objects with inherited fields to the schema", () => {
    const decode = CompiledDecoder.make(Schema.Struct({ id: Schema.String }))
    expect(decode(Object.create({ id: "1" }))).toBe(CompiledDecoder.undecided)
  })

  it("transforms one field of a struct, and keeps the others", () => {
    const decode = CompiledDecoder.make(Schema.Struct({ id: Schema.String, at: Schema.DateTimeUtc }))
    expect(decode({ id: "1", at: "2025-01-01T00:00:00.000Z" })).toEqual({
      id: "1",
      at: DateTime.unsafeMake("2025-01-01T00:00:00.000Z")
    })
    expect(decode({ id: "1", at: "yesterday" })).toBe(CompiledDecoder.undecided)
  })
})
