/** Two caches with a connection each, which are to one another what two processes are. */
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as OutageRedis from "../faults/OutageRedis.js"
import { settle, until } from "../until.js"
import * as CacheWorld from "./CacheWorld.js"

/** Adjusts the test's clock until the condition holds. */
export const inTime = (what: string, condition: () => boolean | Effect.Effect<boolean>) =>
  until(what, () =>
    Effect.zipRight(
      TestClock.adjust("100 millis"),
      Effect.suspend(() => {
        const holds = condition()
        return typeof holds === "boolean" ? Effect.succeed(holds) : holds
      })
    )
  )

/** Two processes with a cache each, on one server, with connections of their own. */
export const processes = (rows: Readonly<Record<string, number>>, settings: CacheWorld.SettingsOf = {}) =>
  Effect.gen(function* () {
    const world = CacheWorld.make(rows, settings)
    const server = yield* OutageRedis.make
    const start = Effect.gen(function* () {
      const connection = yield* server.connect
      const cache = yield* Effect.provideService(world.cache(), RedisClient, connection.redis)
      return { connection, cache }
    })
    const [one, other] = [yield* start, yield* start]
    yield* settle
    yield* TestClock.adjust("1 second")
    return { ...world, server, one, other }
  })

export const read = (cache: CacheWorld.Cache, id = "a") =>
  Effect.map(cache.getResult(id), ({ reason, source, value }) => [source, value, reason] as const)

/** Whether a cache reads from Redis again. */
export const hits = (cache: CacheWorld.Cache, id = "a") =>
  inTime("it reads from Redis again", () =>
    Effect.map(Effect.orDie(cache.getResult(id)), ({ source }) => source === "Redis")
  )
