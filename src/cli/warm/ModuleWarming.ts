/**
 * Warms a cache that a module of the application exports.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import type { WarmOptions, WarmSummary } from "../../cache/read/Warming.js"
import * as ApplicationModule from "../frame/ApplicationModule.js"
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

const isCache = (made: unknown): made is WarmableCache =>
  Predicate.hasProperty(made, "warmStream") && typeof made.warmStream === "function"

const cacheOf = (exported: object, { exportName, path }: ModuleWarmingOptions) =>
  Effect.flatMap(ApplicationModule.build(exported, path, exportName), (made) =>
    isCache(made)
      ? Effect.succeed(made)
      : Effect.fail(usage(`the export ${exportName} of ${path} is an Effect of something else than a cache`))
  )

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
      const exported = yield* ApplicationModule.load(options.path)
      const cache = yield* cacheOf(exported, options)
      const toKey = toKeyOf(exported, options.isJson)
      const keys = Stream.fromAsyncIterable(options.keys, (cause) => failed(ApplicationModule.wordsOf(cause))).pipe(
        Stream.mapEffect((line) =>
          Effect.try({
            try: () => toKey(line),
            catch: (cause) => failed(`the key ${line} is none: ${ApplicationModule.wordsOf(cause)}`)
          })
        )
      )
      const { concurrency, from } = options
      return cache.warmStream(keys, { concurrency, from }).pipe(
        Stream.map(({ failures, ...counts }) => ({
          ...counts,
          failures: failures.map(({ error, key }) => ({
            key: typeof key === "string" ? key : JSON.stringify(key),
            reason: ApplicationModule.wordsOf(error)
          }))
        })),
        Stream.mapError((error) => failed(ApplicationModule.wordsOf(error)))
      )
    })
  ).pipe(Stream.provideLayer(Layer.provideMerge(Connection.layer(), ErrorLog.layer)), Stream.toAsyncIterable)
