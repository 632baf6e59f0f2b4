/**
 * Calls the user's lookup functions, for one key or for a batch of keys.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as HashMap from "effect/HashMap"
import type * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import * as Eager from "../../internal/effect/Eager.js"
import type { Answer, Previous } from "./ConditionalLookup.js"
import type { Load } from "./LoadGraph.js"
import * as LookupBatch from "./LookupBatch.js"
import type { LookupOptions } from "./LookupOptions.js"
import type { Lookup, LookupRunner, LookupTimeout } from "./LookupRunner.js"

/**
 * A key to look up, and its cached value.
 *
 * @since 0.1.0
 * @category models
 */
export interface LookupRequest<out Key, out Value> {
  readonly key: Key
  readonly previous: Option.Option<Previous<Value>>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LookupSource<in Key, in out Value, out E> {
  readonly lookUp: (
    request: LookupRequest<Key, Value>,
    lookup: Lookup
  ) => Effect.Effect<Answer<Value>, E | LookupTimeout>
}

/**
 * The most keys of one call.
 *
 * @since 0.1.0
 * @category getters
 */
export const maxBatch = (options: { readonly lookupMany?: unknown; readonly maxBatch?: number | undefined }): number =>
  options.lookupMany === undefined ? 1 : (options.maxBatch ?? 100)

/**
 * Calls `lookup` for each key, or `lookupMany` for the keys of one turn. Lookups that need a permit have batches of their
 * own, since a batch waits for one permit.
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
  /** Calls the function at once: a lookup that answers at once needs no step of the runtime. */
  const one = ({ key, previous }: LookupRequest<Key, Value>): Effect.Effect<Answer<Value>, E> => {
    try {
      const answer = options.lookup(key, previous)
      return Eager.isExit(answer) ? answer : Effect.provide(answer, context)
    } catch (defect) {
      return Exit.die(defect)
    }
  }
  const alone: LookupSource<Key, Value, E>["lookUp"] = (request, { begin, isBounded }) => {
    const begun = () => {
      begin()
      return one(request)
    }
    return lookups.isPlain(isBounded) ? begun() : lookups.call(isBounded, Effect.suspend(begun))
  }
  if (lookupMany === undefined) return Effect.succeed({ lookUp: alone })
  const batch = (isBounded: boolean) =>
    LookupBatch.make<LookupRequest<Key, Value>, Answer<Value>, E>({
      owner,
      lookups,
      isBounded,
      maxSize: maxBatch(options),
      one,
      many: (requests) =>
        Effect.provide(
          lookupMany(
            requests.map(({ key }) => key),
            requests.map(({ previous }) => previous)
          ),
          context
        )
    })
  return Effect.zipWith(batch(true), batch(false), (bounded, unbounded) => ({
    lookUp: (request, lookup) =>
      lookup.isAlone ? alone(request, lookup) : (lookup.isBounded ? bounded : unbounded).lookUp(request, lookup)
  }))
}

/** A form of a key that is equal by `Equal` when the keys have the same content, also in plain objects and arrays. */
const comparable = (key: unknown): unknown =>
  Array.isArray(key)
    ? Data.array(key.map(comparable))
    : Predicate.isRecord(key) && !Equal.isEqual(key) && Object.getPrototypeOf(key) === Object.prototype
      ? Data.struct(Record.map(key, comparable))
      : key

/**
 * Aligns the rows of a query with the keys of a `lookupMany`. The answers are in the order of the keys, and a key without a
 * row has an error. Keys are compared by content.
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
      /** the key of a row */
      readonly key: (found: Value) => NoInfer<Key>
      /** the error of a key without a row */
      readonly missing: (key: NoInfer<Key>) => E
    }
  ) =>
  (found: Iterable<Value>): ReadonlyArray<Either.Either<Value, E>> => {
    const values = HashMap.fromIterable(Array.from(found, (value) => [comparable(options.key(value)), value] as const))
    return keys.map((key) => Either.fromOption(HashMap.get(values, comparable(key)), () => options.missing(key)))
  }
