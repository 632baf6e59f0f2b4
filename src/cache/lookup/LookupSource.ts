/**
 * The source of truth behind a cache: a user's lookups, asked for one key or for several at once.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as HashMap from "effect/HashMap"
import type * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import type { Answer, LookupOptions } from "../CacheOptions.js"
import type { Previous } from "./ConditionalLookup.js"
import type { Load } from "./LoadGraph.js"
import * as LookupBatch from "./LookupBatch.js"
import type { Lookup, LookupRunner, LookupTimeout } from "./LookupRunner.js"

/**
 * A key to look up, and what the cache holds of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Question<out Key, out Value> {
  readonly key: Key
  readonly previous: Option.Option<Previous<Value>>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LookupSource<in Key, in out Value, out E> {
  readonly ask: (question: Question<Key, Value>, lookup: Lookup) => Effect.Effect<Answer<Value>, E | LookupTimeout>
}

/**
 * The most keys that are looked up by one call.
 *
 * @since 0.1.0
 * @category getters
 */
export const maxBatch = (options: { readonly lookupMany?: unknown; readonly maxBatch?: number | undefined }): number =>
  options.lookupMany === undefined ? 1 : (options.maxBatch ?? 100)

/**
 * One call for each key, or for those that are looked up in one turn where the source takes several. Lookups that Redis
 * being away has caused are gathered apart from others, since they wait for a permit together.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Key, Value, E, R>(
  options: LookupOptions<Key, Value, E, R> & { readonly maxBatch?: number | undefined },
  context: Context.Context<R>,
  { lookups, owner }: { readonly lookups: LookupRunner; readonly owner: Load["owner"] }
): Effect.Effect<LookupSource<Key, Value, E>, never, Scope.Scope> => {
  const { lookupMany } = options
  const one = ({ key, previous }: Question<Key, Value>) => Effect.provide(options.lookup(key, previous), context)
  const alone: LookupSource<Key, Value, E>["ask"] = (question, { begin, isBounded }) =>
    lookups.call(
      isBounded,
      Effect.suspend(() => {
        begin()
        return one(question)
      })
    )
  if (lookupMany === undefined) return Effect.succeed({ ask: alone })
  const batch = (isBounded: boolean) =>
    LookupBatch.make<Question<Key, Value>, Answer<Value>, E>({
      owner,
      lookups,
      isBounded,
      maxSize: maxBatch(options),
      one,
      many: (questions) =>
        Effect.provide(
          lookupMany(
            questions.map(({ key }) => key),
            questions.map(({ previous }) => previous)
          ),
          context
        )
    })
  return Effect.zipWith(batch(true), batch(false), (bounded, unbounded) => ({
    ask: (question, lookup) =>
      lookup.isAlone ? alone(question, lookup) : (lookup.isBounded ? bounded : unbounded).lookUp(question, lookup)
  }))
}

/** A key that equals another when they hold the same, plain objects and arrays included. */
const comparable = (key: unknown): unknown =>
  Array.isArray(key)
    ? Data.array(key.map(comparable))
    : Predicate.isRecord(key) && !Equal.isEqual(key) && Object.getPrototypeOf(key) === Object.prototype
      ? Data.struct(Record.map(key, comparable))
      : key

/**
 * What a query for several keys has found, as the answer of a `lookupMany`: in the order of the keys, whatever the order
 * of what was found, and with an error for each key that nothing was found for. Keys are the same when they look the same.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { TypedCache } from "effect-cache-toolkit"
 *
 * const rows = [{ id: 2, name: "Grace" }]
 *
 * // [Left("nobody is 1"), Right({ id: 2, name: "Grace" })]
 * const answers = TypedCache.alignToKeys([1, 2], { key: (row: { id: number }) => row.id, missing: (id) => `nobody is ${id}` })(rows)
 */
export const alignToKeys =
  <Key, Value, E>(
    keys: ReadonlyArray<Key>,
    options: {
      /** the key that something was found for */
      readonly key: (found: Value) => NoInfer<Key>
      readonly missing: (key: NoInfer<Key>) => E
    }
  ) =>
  (found: Iterable<Value>): ReadonlyArray<Either.Either<Value, E>> => {
    const values = HashMap.fromIterable(Array.from(found, (value) => [comparable(options.key(value)), value] as const))
    return keys.map((key) => Either.fromOption(HashMap.get(values, comparable(key)), () => options.missing(key)))
  }
