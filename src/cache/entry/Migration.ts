/**
 * Decodes values that older versions of a program stored.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as Eager from "../../internal/effect/Eager.js"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import * as CacheCodec from "./CacheCodec.js"

/**
 * Decodes a value of an earlier version to one of today.
 *
 * @since 0.1.0
 * @category models
 */
export interface Migration<out A> {
  readonly decode: CacheCodec.CacheCodec<A>["decode"]
}

/**
 * Makes a migration of an earlier version's schema and a function to today's values. A stored value that does not decode,
 * or on which `migrate` throws, is a miss. The result of `migrate` is checked against today's schema.
 *
 * Throws a `TypeError` for a schema whose encoded form is no JSON: its values cannot have been stored.
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
      Eager.flatMap(codec.decode(text), (old) => CacheCodec.attempt("Decode", () => Exit.succeed(migrate(old))))
  }
}

/**
 * The version of the values that a program stores, and the migrations from earlier versions.
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
 * Checks the version and the migrations of a cache's options. Dies with an `InvalidOption` for a version that is no
 * positive whole number, and for a migration whose version is not an earlier one. A migrated value that does not
 * satisfy the schema of the values is a miss.
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
}): Effect.Effect<Versions<A>> =>
  Effect.sync(() => {
    const check = OptionCheck.make(`TypedCache "${name}"`)
    check.wholeNumber("schema.version", version, { most: maxVersion })
    for (const from of Object.keys(migrations)) {
      if (/^[1-9]\d*$/.test(from) && Number(from) < version) continue
      check.reject("schema.migrations", `from version ${from}`, `from versions before ${version}`)
    }
    const validate = Schema.validate(value)
    const checked = (migration: Migration<A>): Migration<A> => ({
      decode: (text) =>
        Eager.flatMap(migration.decode(text), (migrated) => CacheCodec.attempt("Decode", () => validate(migrated)))
    })
    return { version, migrations: Record.map(migrations, checked) }
  })
