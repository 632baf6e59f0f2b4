/**
 * The names that declared schemas of Effect give the classes of their values. Effect documents the annotation, and not its texts.
 *
 * @internal
 */
import * as Predicate from "effect/Predicate"
import * as AST from "effect/SchemaAST"

/** The names by the schema, which is the one with `FromSelf` where there is one. */
export const names = {
  BigDecimal: "effect/BigDecimal",
  Chunk: "effect/Chunk",
  Date: "Date",
  DateTimeUtc: "effect/DateTime.Utc",
  DateTimeZoned: "effect/DateTime.Zoned",
  Duration: "effect/Duration",
  Either: "effect/Either",
  HashMap: "effect/HashMap",
  HashSet: "effect/HashSet",
  List: "effect/List",
  Map: "ReadonlyMap",
  NonEmptyChunk: "effect/Chunk.NonEmptyChunk",
  Option: "effect/Option",
  Set: "ReadonlySet",
  TimeZoneNamed: "effect/DateTime.TimeZone.Named",
  TimeZoneOffset: "effect/DateTime.TimeZone.Offset",
  Uint8Array: "Uint8Array",
  URL: "URL"
} as const

/** The name of the class of a declared schema's values; undefined where the schema has none. */
export const nameOf = ({ annotations }: AST.Declaration): string | undefined => {
  const constructor = annotations[AST.TypeConstructorAnnotationId]
  return Predicate.hasProperty(constructor, "_tag") && typeof constructor._tag === "string"
    ? constructor._tag
    : undefined
}

/** The module of Effect that a class with this name is the type of, such as `Option`; undefined for other classes. */
export const moduleOf = (name: string): string | undefined => /^effect\/(\w+)$/.exec(name)?.[1]
