/** Questions for the server's time, and answers that are none. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as ServerTimeQuery from "../../../../src/cache/invalidation/outage/ServerTimeQuery.js"
import type { RedisReply } from "../../../../src/redis/RedisConnection.js"
import { settle } from "../../../support/until.js"

/** A client whose TIME answers what a test sets. */
const world = (reply: RedisReply) => {
  const state = { reply, asked: 0, openGeneration: 1 as number | undefined }
  const redis = {
    send: () =>
      Effect.sync(() => {
        state.asked++
        return state.reply
      }),
    serverTime: Effect.succeed(42)
  }
  return { state, redis }
}

const inBackground = (
  redis: Parameters<typeof ServerTimeQuery.answerOfTime>[0],
  state: { readonly openGeneration: number | undefined },
  onTime: (time: number) => void
) => ServerTimeQuery.inBackground(ServerTimeQuery.answerOfTime(redis), () => state.openGeneration, onTime)

describe("the server's time", () => {
  it.effect("is the answer of TIME in milliseconds, rounded up", () =>
    Effect.gen(function* () {
      expect(yield* ServerTimeQuery.queryServerTime(world(["1700000000", "123001"]).redis)).toBe(1_700_000_000_124)
    })
  )

  it.effect("is the client's estimate where the answer is no time", () =>
    Effect.gen(function* () {
      for (const reply of [null, "OK", [], ["a", "b"], ["1700000000"], ["1700000000", null]]) {
        const time = yield* ServerTimeQuery.queryServerTime(world(reply).redis)
        expect([reply, time]).toEqual([reply, 42])
      }
    })
  )

  it.scoped("is asked for in the background once a second at most", () =>
    Effect.gen(function* () {
      const { redis, state } = world(["2", "0"])
      const times: Array<number> = []
      const ask = yield* inBackground(redis, state, (time) => times.push(time))
      for (let i = 0; i < 3; i++) ask()
      yield* settle
      expect([state.asked, times]).toEqual([1, [2_000]])
      yield* TestClock.adjust("1 second")
      yield* settle
      ask()
      yield* settle
      expect(state.asked).toBe(2)
    })
  )

  it.scoped("is ignored in the background when the answer is no time", () =>
    Effect.gen(function* () {
      const { redis, state } = world(["a", "b"])
      const times: Array<number> = []
      const ask = yield* inBackground(redis, state, (time) => times.push(time))
      ask()
      yield* settle
      expect([state.asked, times]).toEqual([1, []])
    })
  )

  it.scoped("is ignored in the background when another generation has opened since the question", () =>
    Effect.gen(function* () {
      const { redis, state } = world(["2", "0"])
      const times: Array<number> = []
      const reopening = Effect.map(redis.send(), (reply) => {
        state.openGeneration = 2
        return reply
      })
      const ask = yield* inBackground({ ...redis, send: () => reopening }, state, (time) => times.push(time))
      ask()
      yield* settle
      expect([state.asked, times]).toEqual([1, []])
    })
  )
})
