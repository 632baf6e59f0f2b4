/**
 * Reading what older programs have stored.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as CacheCodec from "./CacheCodec.js"

/**
 * How a value of an earlier version becomes one of today.
 *
 * @since 0.1.0
 * @category models
 */
export interface Migration<out A> {
  readonly decode: CacheCodec.CacheCodec<A>["decode"]
}

/**
 * From the schema that an earlier version was stored with, and what its values are today. A stored value that this schema
 * refuses, or on which `migrate` throws, is a miss. What `migrate` answers is checked against today's schema.
 *
 * Throws a `TypeError` for a schema whose values were never stored, since its encoded form is no JSON.
 *
 * @since 0.1.0
 * @category migrations
 * @example
 * import { TypedCache } from "effect-cache-toolkit"
 * import * as Schema from "effect/Schema"
 *
 * const fromV1 = TypedCache.migration(Schema.Struct({ name: Schema.String }), ({ name }) => {
 *   const [first = "", ...last] = name.split(" ")
 *   return { first, last: last.join(" ") }
 * })
 */
export const migration = <Old, OldI, A>(schema: Schema.Schema<Old, OldI>, migrate: (old: Old) => A): Migration<A> => {
  const codec = CacheCodec.make(schema)
  return {
    decode: (text) =>
      Effect.flatMap(codec.decode(text), (old) => CacheCodec.attempt("Decode", () => Effect.succeed(migrate(old))))
  }
}

/**
 * The version of the values that a program stores, and how those of earlier versions become one of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Versions<out A> {
  readonly version: number
  readonly migrations: Readonly<Record<number, Migration<A>>>
}

const maxVersion = 999_999_999

/**
 * Checks what the options of a cache say of versions; dies when a version is no positive integer, or a migration is for
 * none that comes before it: mistakes of the program that makes the cache. What a migration answers must satisfy the
 * schema of the values, or else it is a miss.
 *
 * @since 0.1.0
 * @category constructors
 */
export const versions = <A, I>({
  migrations = {},
  name,
  value,
  version = 1
}: {
  readonly name: string
  readonly value: Schema.Schema<A, I>
  readonly version?: number | undefined
  readonly migrations?: Readonly<Record<number, Migration<A>>> | undefined
}): Effect.Effect<Versions<A>> => {
  if (!Number.isInteger(version) || version < 1 || version > maxVersion) {
    return Effect.dieMessage(
      `the version of the cache ${name} is an integer from 1 to ${maxVersion}, and not ${version}`
    )
  }
  const odd = Object.keys(migrations).find((from) => !/^[1-9]\d*$/.test(from) || Number(from) >= version)
  if (odd !== undefined) {
    return Effect.dieMessage(
      `the cache ${name} of version ${version} has a migration from ${odd}, which is no earlier one`
    )
  }
  const validate = Schema.validate(value)
  const checked = (migration: Migration<A>): Migration<A> => ({
    decode: (text) =>
      Effect.flatMap(migration.decode(text), (migrated) => CacheCodec.attempt("Decode", () => validate(migrated)))
  })
  return Effect.succeed({ version, migrations: Record.map(migrations, checked) })
}
