/**
 * Schemas as a cache takes them: of any encoded form.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import type * as Types from "effect/Types"

/**
 * A `Schema` without a context. The encoded form is left out, so that the types of a cache do not repeat it.
 *
 * @since 0.2.0
 * @category models
 */
export interface CacheSchema<in out A> {
  readonly [Schema.TypeId]: { readonly _A: Types.Invariant<A>; readonly _R: Types.Covariant<never> }
  readonly ast: AST.AST
}

/**
 * Gives a schema its encoded form back, as `unknown`.
 *
 * @since 0.2.0
 * @category conversions
 */
export const toSchema = <A>(schema: CacheSchema<A>): Schema.Schema<A, unknown> => Schema.make<A, unknown>(schema.ast)
