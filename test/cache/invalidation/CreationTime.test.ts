/** The creation time of what is written, by the clock of the markers' server. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as CreationTime from "../../../src/cache/invalidation/CreationTime.js"
import type { MarkerTime } from "../../../src/cache/invalidation/MarkerClock.js"

const world = Effect.map(Effect.clock, (clock) => {
  const state = {
    last: { now: 50_000, clear: 10, generation: 1, sentAt: 0, receivedAt: 0 } as MarkerTime | undefined,
    answer: { now: 60_000, clear: 10, generation: 1, sentAt: 0, receivedAt: 0 } as MarkerTime,
    generation: 1 as number | undefined,
    floor: 10,
    asked: 0
  }
  const creation = CreationTime.make({
    clock,
    floor: () => state.floor,
    outages: { markerGeneration: () => state.generation },
    markerClock: {
      ask: () => {},
      query: Effect.sync(() => {
        state.asked++
        return state.answer
      }),
      raise: Effect.succeed,
      lastOf: (generation) => (state.last?.generation === generation ? state.last : undefined),
      keepOnly: () => {}
    }
  })
  return { creation, state }
})

describe("the creation time of a write", () => {
  it.effect("is a time that the markers' clock has certainly passed, for a second after an answer", () =>
    Effect.gen(function* () {
      const { creation, state } = yield* world
      yield* TestClock.adjust("800 millis")
      const created = yield* creation.ofWrite
      expect(created).toBeLessThan(50_800)
      expect(created).toBeGreaterThan(50_700)
      expect(state.asked).toBe(0)
    })
  )

  it.effect("is after the clear marker as last seen", () =>
    Effect.gen(function* () {
      const { creation, state } = yield* world
      state.floor = 70_000
      expect(yield* creation.ofWrite).toBe(70_001)
    })
  )

  it.effect("is asked for where the last answer is old, or of another connection", () =>
    Effect.gen(function* () {
      const { creation, state } = yield* world
      yield* TestClock.adjust("1001 millis")
      expect(yield* creation.ofWrite).toBe(60_000)
      state.answer = { ...state.answer, clear: 60_000 }
      state.last = undefined
      expect(yield* creation.ofWrite).toBe(60_001)
      expect(state.asked).toBe(2)
    })
  )

  it.effect("is not known while the markers are closed, or when another connection answers", () =>
    Effect.gen(function* () {
      const { creation, state } = yield* world
      state.generation = undefined
      expect(yield* Effect.flip(creation.ofWrite)).toMatchObject({ _tag: "RedisUnavailable" })
      expect(state.asked).toBe(0)
      state.generation = 2
      expect(yield* Effect.flip(creation.ofWrite)).toMatchObject({ _tag: "RedisUnavailable" })
    })
  )
})
