import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import * as SchemaClasses from "../../../src/internal/effect/SchemaClasses.js"

const item = Schema.String
const { ofEffect } = SchemaClasses

/** The schema of the decoded side, by the name of its class. */
const schemas: Readonly<Record<string, { readonly ast: AST.AST }>> = {
  Date: Schema.DateFromSelf,
  ReadonlyMap: Schema.MapFromSelf({ key: item, value: item }),
  ReadonlySet: Schema.SetFromSelf(item),
  Uint8Array: Schema.Uint8ArrayFromSelf,
  URL: Schema.URLFromSelf,
  [ofEffect("BigDecimal")]: Schema.BigDecimalFromSelf,
  [ofEffect("Chunk")]: Schema.ChunkFromSelf(item),
  [ofEffect("Chunk.NonEmptyChunk")]: Schema.NonEmptyChunkFromSelf(item),
  [ofEffect("DateTime.TimeZone.Named")]: Schema.TimeZoneNamedFromSelf,
  [ofEffect("DateTime.TimeZone.Offset")]: Schema.TimeZoneOffsetFromSelf,
  [ofEffect("DateTime.Utc")]: Schema.DateTimeUtcFromSelf,
  [ofEffect("DateTime.Zoned")]: Schema.DateTimeZonedFromSelf,
  [ofEffect("Duration")]: Schema.DurationFromSelf,
  [ofEffect("Either")]: Schema.EitherFromSelf({ left: item, right: item }),
  [ofEffect("HashMap")]: Schema.HashMapFromSelf({ key: item, value: item }),
  [ofEffect("HashSet")]: Schema.HashSetFromSelf(item),
  [ofEffect("List")]: Schema.ListFromSelf(item),
  [ofEffect("Option")]: Schema.OptionFromSelf(item)
}

/** A schema such as that of dates that are valid refines the declared one. */
const declared = (ast: AST.AST): AST.Declaration | undefined => {
  if (ast._tag === "Refinement") return declared(ast.from)
  return ast._tag === "Declaration" ? ast : undefined
}

describe("the name of a schema's class", () => {
  for (const [name, schema] of Object.entries(schemas)) {
    it(`is the one that Effect gives it: ${name}`, () => {
      const ast = declared(schema.ast)
      expect(ast && SchemaClasses.nameOf(ast)).toBe(name)
    })
  }

  it("is undefined where a schema of the caller's own has none", () => {
    const ast = declared(Schema.declare((value): value is Error => value instanceof Error).ast)
    expect(ast && SchemaClasses.nameOf(ast)).toBe(undefined)
  })

  it("tells the module of Effect, and for other classes none", () => {
    expect(SchemaClasses.moduleOf(ofEffect("HashMap"))).toBe("HashMap")
    expect(SchemaClasses.moduleOf("ReadonlyMap")).toBe(undefined)
    expect(SchemaClasses.moduleOf(ofEffect("DateTime.Utc"))).toBe(undefined)
  })
})
