/**
 * Modules of an application that export caches, as `TypedCache.make` returns them.
 *
 * The modules that import this one are no part of the command's bundle. They run on the Effect and on the library that the
 * application has installed: an Effect of another version would not find its services.
 *
 * @internal
 */
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { RedisClient } from "../../redis/RedisClient.js"
import { type CommandFailed, failed, usage } from "./CommandFailed.js"

export const wordsOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const isTypeScript = (path: string): boolean => /\.[cm]?tsx?$/.test(path)

/** The exports of a module, which is named by an absolute path. */
export const load = (path: string): Effect.Effect<object, CommandFailed> =>
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

const isCacheEffect = (exported: unknown): exported is Effect.Effect<unknown, unknown, RedisClient | Scope.Scope> =>
  Effect.isEffect(exported)

/** Builds what an export is an Effect of. */
export const build = (
  exported: object,
  path: string,
  exportName: string
): Effect.Effect<unknown, CommandFailed, RedisClient | Scope.Scope> =>
  Effect.gen(function* () {
    const found = Predicate.hasProperty(exported, exportName) ? exported[exportName] : undefined
    if (!isCacheEffect(found)) {
      return yield* usage(
        `the export ${exportName} of ${path} is no Effect of a cache: export what TypedCache.make returns, and name it by --export`
      )
    }
    return yield* Effect.mapError(found, (error) => failed(`the cache of ${path} was not made: ${wordsOf(error)}`))
  })
