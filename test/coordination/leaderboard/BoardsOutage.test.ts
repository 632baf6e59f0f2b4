/** Counters, presence and leaderboards fail at once while Redis is away. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Counter from "../../../src/coordination/Counter.js"
import * as Leaderboard from "../../../src/coordination/Leaderboard.js"
import * as Presence from "../../../src/coordination/Presence.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisError } from "../../../src/redis/RedisError.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { until } from "../../support/until.js"

const operations = Effect.gen(function* () {
  const counter = yield* Counter.make({ key: "counter" })
  const online = yield* Presence.make({ key: "presence", timeToLive: "1 minute" })
  const board = yield* Leaderboard.make({ key: "board" })
  const sum = yield* Leaderboard.make({ key: "sum", keeps: "sum" })
  const weekly = yield* Leaderboard.makeWindows({ key: "week", window: "weekly", timeToLive: "1 day" })
  const all: Record<string, Effect.Effect<unknown, RedisError>> = {
    "counter.increment": counter.increment,
    "counter.decrement": counter.decrement,
    "counter.get": counter.get,
    "presence.beat": online.beat("ada"),
    "presence.leave": online.leave("ada"),
    "presence.count": online.count,
    "presence.isOnline": online.isOnline("ada"),
    "presence.list": online.list({ offset: 0, limit: 10 }),
    "leaderboard.submit": board.submit("ada", 1),
    "leaderboard.submit of a sum": sum.submit("ada", 1),
    "leaderboard.submit of this week": weekly.running.submit("ada", 1),
    "leaderboard.top": board.top({ offset: 0, limit: 10 }),
    "leaderboard.around": board.around("ada", { above: 1, below: 1 }),
    "leaderboard.rankOf": board.rankOf("ada"),
    "leaderboard.percentileOf": board.percentileOf("ada"),
    "leaderboard.size": board.size,
    "leaderboard.remove": board.remove("ada"),
    "leaderboard.clear": board.clear
  }
  return { all: Object.entries(all), online }
})

describe("while Redis is away", () => {
  it.scoped("every operation fails with RedisUnavailable, and none waits", () =>
    Effect.gen(function* () {
      const server = yield* OutageRedis.make
      const { cut, redis } = yield* server.connect
      const { all } = yield* Effect.provideService(operations, RedisClient, redis)
      yield* cut
      // the clock stands still: what waited would wait for ever
      for (const [name, operation] of all) {
        expect(yield* Effect.flip(operation), name).toMatchObject({ _tag: "RedisUnavailable", reason: "Disconnected" })
      }
    })
  )

  it.scopedLive.skipIf(RedisServer.skipReason !== undefined)(
    "every operation fails while the server is down, and succeeds after its restart",
    () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        yield* Effect.gen(function* () {
          const redis = yield* RedisClient
          const { all, online } = yield* operations
          yield* until("it is connected", () => redis.isAvailable)
          for (const [name, operation] of all) {
            expect((yield* Effect.either(operation))._tag, name).toBe("Right")
          }

          yield* server.kill
          yield* until("the client knows", () => Effect.map(redis.isAvailable, (available) => !available))
          for (const [name, operation] of all) {
            expect(yield* Effect.flip(operation), name).toMatchObject({ _tag: "RedisUnavailable" })
          }
          expect(yield* Effect.succeed("done").pipe(online.whileOnline("ada"))).toBe("done")

          yield* server.start()
          yield* until("it is connected again", () => redis.isAvailable)
          for (const [name, operation] of all) {
            expect((yield* Effect.either(operation))._tag, name).toBe("Right")
          }
        }).pipe(
          Effect.provide(
            driverUnderTest.layer({ host: "127.0.0.1", port: server.port }, { reconnect: Schedule.spaced("10 millis") })
          )
        )
      })
  )
})
