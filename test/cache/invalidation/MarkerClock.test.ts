import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as MarkerClock from "../../../src/cache/invalidation/MarkerClock.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"

describe("the clock of the markers", () => {
  it.effect("keeps the time of the last server while another one answers already, until that is handled", () =>
    Effect.gen(function* () {
      const server = { generation: 1 }
      const executor = RedisExecutor.of(yield* RedisClient)
      const markerClock = MarkerClock.make({
        executor: {
          ...executor,
          unsafeScript: (script, input, onReply) =>
            executor.unsafeScript(script, input, (reply) =>
              onReply(Exit.map(reply, ({ value }) => ({ value, generation: server.generation })))
            )
        },
        clock: yield* Effect.clock,
        clear: "{c}:clear",
        keepMillis: 60_000
      })
      expect(markerClock.lastOf(1)).toBeUndefined()
      const first = yield* markerClock.query
      server.generation = 2
      const second = yield* markerClock.query
      expect([markerClock.lastOf(1), markerClock.lastOf(2)]).toEqual([first, second])
      markerClock.keepOnly(2)
      expect([markerClock.lastOf(1), markerClock.lastOf(2)]).toEqual([undefined, second])
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})
