import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as CacheService from "../../src/game/CacheService.js"
import { Database } from "../../src/game/Database.js"
import * as MemoryDatabase from "../../src/game/database/MemoryDatabase.js"
import * as PlayerService from "../../src/game/PlayerService.js"
import { driverUnderTest } from "../support/server/drivers.js"
import * as RedisServer from "../support/server/RedisServer.js"
import * as TestServer from "./support/TestServer.js"

const over = (port: number) => {
  const services = PlayerService.layer.pipe(
    Layer.provideMerge(CacheService.layer),
    Layer.provideMerge(driverUnderTest.layer({ port }, { reconnect: Schedule.spaced("50 millis") })),
    Layer.provideMerge(MemoryDatabase.layer)
  )
  return Layer.merge(TestServer.layer(services), services)
}

describe.skipIf(RedisServer.skipReason !== undefined)("reads while Redis is killed and started again", () => {
  it.scopedLive("are all answered, with the right profile, and hit the cache again without a restart", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      yield* Effect.gen(function* () {
        const database = yield* Database
        const profiles = yield* Effect.forEach(
          Array.from({ length: 1000 }, (_, index) => `player-${index}`),
          (name) => database.createUser({ username: name, displayName: name, email: `${name}@example.com` })
        )
        const answered = yield* Ref.make(0)
        const hits = yield* Ref.make(0)
        const reading = yield* Stream.fromIterable(profiles).pipe(
          Stream.forever,
          Stream.mapEffect(
            (profile) =>
              Effect.gen(function* () {
                const { headers, json, status } = yield* TestServer.get(`/api/users/${profile.id}/profile`)
                expect([status, json]).toMatchObject([200, { id: profile.id, username: profile.username }])
                yield* Ref.update(answered, (n) => n + 1)
                if (/ hit;/.test(headers.get("cache-status") ?? "")) yield* Ref.update(hits, (n) => n + 1)
              }),
            { concurrency: 50, unordered: true }
          ),
          Stream.runDrain,
          Effect.fork
        )
        const growBy = (counter: Ref.Ref<number>, more: number) =>
          Effect.flatMap(Ref.get(counter), (from) =>
            Ref.get(counter).pipe(
              Effect.repeat({ until: (now) => now >= from + more, schedule: Schedule.spaced("2 millis") }),
              // a wrong answer ends the reader: say what it was instead of waiting
              Effect.raceFirst(Effect.zipRight(Fiber.join(reading), Effect.never))
            )
          )
        for (const _outage of [1, 2]) {
          yield* growBy(hits, 100)
          yield* server.kill
          yield* growBy(answered, 500)
          yield* server.start()
        }
        yield* growBy(hits, 100)
        yield* Fiber.interrupt(reading)
      }).pipe(Effect.provide(over(server.port)))
    })
  )
})
