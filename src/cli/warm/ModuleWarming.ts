/**
 * Warms a cache that a module of the application exports. This module is no part of the command's bundle: it runs on the Effect and
 * on the library that the application has installed, since an Effect of another version would not find its services.
 *
 * @internal
 */
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { WarmOptions, WarmSummary } from "../../cache/read/Warming.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import { type CommandFailed, failed, usage } from "../frame/CommandFailed.js"
import * as Connection from "../frame/Connection.js"
import * as ErrorLog from "../frame/ErrorLog.js"
import type { WarmProgress } from "./WarmProgress.js"

export interface ModuleWarmingOptions extends Pick<WarmOptions, "concurrency" | "from"> {
  /** an absolute path */
  readonly path: string
  /** the export that is an Effect of a cache, as `TypedCache.make` returns it */
  readonly exportName: string
  readonly keys: AsyncIterable<string>
  /** whether each key is JSON */
  readonly isJson: boolean
}

interface Failure {
  readonly key: unknown
  readonly error: unknown
}

/** What is used of a cache. Its keys and errors are the application's. */
interface WarmableCache {
  readonly warmStream: (
    ids: Stream.Stream<unknown, CommandFailed>,
    options: WarmOptions
  ) => Stream.Stream<WarmSummary & { readonly failures: ReadonlyArray<Failure> }, unknown>
}

const isCacheEffect = (exported: unknown): exported is Effect.Effect<unknown, unknown, RedisClient | Scope.Scope> =>
  Effect.isEffect(exported)

const isCache = (made: unknown): made is WarmableCache =>
  Predicate.hasProperty(made, "warmStream") && typeof made.warmStream === "function"

const wordsOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const isTypeScript = (path: string): boolean => /\.[cm]?tsx?$/.test(path)

const load = (path: string): Effect.Effect<object, CommandFailed> =>
  Effect.tryPromise({
    try: (): Promise<object> => import(pathToFileURL(path).href),
    catch: (cause) =>
      usage(
        `the module ${path} cannot be loaded: ${wordsOf(cause)}` +
          (isTypeScript(path) && !("Bun" in globalThis)
            ? "; this Node may not run TypeScript: run the command by Bun, or name a compiled module"
            : "")
      )
  })

const cacheOf = (exported: object, { exportName, path }: ModuleWarmingOptions) =>
  Effect.gen(function* () {
    const found = Predicate.hasProperty(exported, exportName) ? exported[exportName] : undefined
    if (!isCacheEffect(found)) {
      return yield* usage(
        `the export ${exportName} of ${path} is no Effect of a cache: export what TypedCache.make returns, and name it by --export`
      )
    }
    const made = yield* Effect.mapError(found, (error) =>
      failed(`the cache of ${path} was not made: ${wordsOf(error)}`)
    )
    return isCache(made)
      ? made
      : yield* usage(`the export ${exportName} of ${path} is an Effect of something else than a cache`)
  })

/** Keys as the application's schema has them: texts, JSON, or what its export `toKey` makes of a line. */
const toKeyOf = (exported: object, isJson: boolean): ((line: string) => unknown) => {
  const own = Predicate.hasProperty(exported, "toKey") ? exported.toKey : undefined
  if (typeof own === "function") return (line) => own(line)
  return isJson ? (line) => JSON.parse(line) : (line) => line
}

/** The progress. Its failure is a `CommandFailed`. */
export const warm = (options: ModuleWarmingOptions): AsyncIterable<WarmProgress> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const exported = yield* load(options.path)
      const cache = yield* cacheOf(exported, options)
      const toKey = toKeyOf(exported, options.isJson)
      const keys = Stream.fromAsyncIterable(options.keys, (cause) => failed(wordsOf(cause))).pipe(
        Stream.mapEffect((line) =>
          Effect.try({ try: () => toKey(line), catch: (cause) => failed(`the key ${line} is none: ${wordsOf(cause)}`) })
        )
      )
      const { concurrency, from } = options
      return cache.warmStream(keys, { concurrency, from }).pipe(
        Stream.map(({ failures, ...counts }) => ({
          ...counts,
          failures: failures.map(({ error, key }) => ({
            key: typeof key === "string" ? key : JSON.stringify(key),
            reason: wordsOf(error)
          }))
        })),
        Stream.mapError((error) => failed(wordsOf(error)))
      )
    })
  ).pipe(Stream.provideLayer(Layer.provideMerge(Connection.layer(), ErrorLog.layer)), Stream.toAsyncIterable)
