/**
 * The names that declared schemas of Effect give the classes of their values. Effect documents the annotation, and not its texts.
 *
 * @internal
 */
import * as Predicate from "effect/Predicate"
import * as AST from "effect/SchemaAST"

const prefix = "effect/"

/** The name of a class that Effect declares: that of its module, such as `Option`, or of one class in it, such as `DateTime.Utc`. */
export const ofEffect = (name: string): string => prefix + name

/** The name of the class of a declared schema's values; undefined where the schema has none. */
export const nameOf = ({ annotations }: AST.Declaration): string | undefined => {
  const constructor = annotations[AST.TypeConstructorAnnotationId]
  return Predicate.hasProperty(constructor, "_tag") && typeof constructor._tag === "string"
    ? constructor._tag
    : undefined
}

/** The module of Effect that a class with this name is the type of, such as `Option`; undefined for other classes. */
export const moduleOf = (name: string): string | undefined => /^effect\/(\w+)$/.exec(name)?.[1]
