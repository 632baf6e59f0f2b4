/**
 * What the options of an application's caches contradict, without a server: the caches are built on a client that is switched off.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as LiveCaches from "../../cache/LiveCaches.js"
import { layerOff, RedisClient } from "../../redis/RedisClient.js"
import * as ApplicationModule from "../frame/ApplicationModule.js"
import type { CommandFailed } from "../frame/CommandFailed.js"
import * as ErrorLog from "../frame/ErrorLog.js"

export interface CacheAdvice {
  readonly cache: string
  readonly advice: ReadonlyArray<string>
  /** whether it asks for changes by other programs */
  readonly isTracked: boolean
}

/** The advice on each cache of the exports, or why there is none. */
export const of = (
  path: string,
  exportNames: ReadonlyArray<string>
): Promise<Either.Either<ReadonlyArray<CacheAdvice>, Pick<CommandFailed, "exitCode" | "message">>> =>
  Effect.gen(function* () {
    const exported = yield* ApplicationModule.load(path)
    yield* Effect.forEach(exportNames, (name) => ApplicationModule.build(exported, path, name), { discard: true })
    return LiveCaches.of(yield* RedisClient).map(({ advice, name, stats }) => ({
      cache: name,
      advice,
      isTracked: stats().tracking !== "Off"
    }))
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.merge(layerOff, ErrorLog.layer)),
    Effect.either,
    // the program's own runtime, which another Effect runs beside it
    Effect.runPromise
  )
