/**
 * Logs what is still in flight when a signal ends the program.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CacheService } from "../../game/CacheService.js"
import { RedisClient } from "../../redis/RedisClient.js"
import { Drain } from "../router/DrainingServer.js"

const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`

/** Which signal ends the program. The runtime of `main` acts on it; a listener here only remembers its name. */
const signal = Effect.gen(function* () {
  let name = "the program"
  for (const each of ["SIGINT", "SIGTERM"] as const) {
    const remember = () => {
      name = each
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => process.once(each, remember)),
      () => Effect.sync(() => process.off(each, remember))
    )
  }
  return () => name
})

/**
 * Logs one line when the layer ends, so build it after the server: requests, commands of Redis, and invalidations that
 * Redis has not taken.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer: Layer.Layer<never, never, Drain | RedisClient | CacheService> = Layer.scopedDiscard(
  Effect.gen(function* () {
    const cache = yield* CacheService
    const drain = yield* Drain
    const redis = yield* RedisClient
    const nameOf = yield* signal
    const writeLine = Effect.flatMap(drain.inFlight, (requests) =>
      Effect.gen(function* () {
        const { inFlight, waiting } = yield* redis.getStatus
        const { caches } = yield* cache.getStats
        const invalidations = caches.reduce((sum, { outbox }) => sum + outbox, 0)
        yield* Effect.logInfo(
          `${nameOf()} ends the server: in flight are ${counted(requests, "request")}, ` +
            `${counted(inFlight + waiting, "command")} of Redis and ` +
            `${counted(invalidations, "invalidation")} that Redis has not taken`
        )
      })
    )
    // a daemon: the statistics may take a round trip, and until the server begins to end its responses keep connections open
    yield* Effect.addFinalizer(() => Effect.forkDaemon(writeLine))
  })
)
