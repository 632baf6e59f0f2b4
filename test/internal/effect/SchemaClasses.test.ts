import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import * as SchemaClasses from "../../../src/internal/effect/SchemaClasses.js"

const item = Schema.String

/** The schema of the decoded side, by the name of the module. */
const schemas: Readonly<Record<keyof typeof SchemaClasses.names, { readonly ast: AST.AST }>> = {
  BigDecimal: Schema.BigDecimalFromSelf,
  Chunk: Schema.ChunkFromSelf(item),
  Date: Schema.DateFromSelf,
  DateTimeUtc: Schema.DateTimeUtcFromSelf,
  DateTimeZoned: Schema.DateTimeZonedFromSelf,
  Duration: Schema.DurationFromSelf,
  Either: Schema.EitherFromSelf({ left: item, right: item }),
  HashMap: Schema.HashMapFromSelf({ key: item, value: item }),
  HashSet: Schema.HashSetFromSelf(item),
  List: Schema.ListFromSelf(item),
  Map: Schema.MapFromSelf({ key: item, value: item }),
  NonEmptyChunk: Schema.NonEmptyChunkFromSelf(item),
  Option: Schema.OptionFromSelf(item),
  Set: Schema.SetFromSelf(item),
  TimeZoneNamed: Schema.TimeZoneNamedFromSelf,
  TimeZoneOffset: Schema.TimeZoneOffsetFromSelf,
  Uint8Array: Schema.Uint8ArrayFromSelf,
  URL: Schema.URLFromSelf
}

/** A schema such as that of dates that are valid refines the declared one. */
const declared = (ast: AST.AST): AST.Declaration | undefined => {
  if (ast._tag === "Refinement") return declared(ast.from)
  return ast._tag === "Declaration" ? ast : undefined
}

describe("the name of a schema's class", () => {
  for (const [of, schema] of Object.entries(schemas)) {
    it(`is the one that Effect gives it: ${of}`, () => {
      const ast = declared(schema.ast)
      expect(ast && SchemaClasses.nameOf(ast)).toBe(new Map(Object.entries(SchemaClasses.names)).get(of))
    })
  }

  it("is undefined where a schema of the caller's own has none", () => {
    const ast = declared(Schema.declare((value): value is Error => value instanceof Error).ast)
    expect(ast && SchemaClasses.nameOf(ast)).toBe(undefined)
  })

  it("tells the module of Effect, and for other classes none", () => {
    expect(SchemaClasses.moduleOf(SchemaClasses.names.HashMap)).toBe("HashMap")
    expect(SchemaClasses.moduleOf(SchemaClasses.names.Map)).toBe(undefined)
    expect(SchemaClasses.moduleOf(SchemaClasses.names.DateTimeUtc)).toBe(undefined)
  })
})
