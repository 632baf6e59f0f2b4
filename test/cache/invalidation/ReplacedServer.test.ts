/** After an outage another server may answer, whose clock is behind: entries of the last one must not outlive its clears. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as ReplacedServer from "../../../src/cache/invalidation/ReplacedServer.js"
import * as MonotonicClock from "../../../src/internal/MonotonicClock.js"
import { RedisTimeout } from "../../../src/redis/RedisError.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import { settle } from "../../support/until.js"

const latency = Duration.millis(4)

/** A process that is connected to a server whose clock is ahead of the monotonic one by `offset`, in milliseconds. */
const world = (offset: number, clear = 0) =>
  Effect.gen(function* () {
    const { connect } = yield* OutageRedis.make
    const connection = yield* connect
    const state = {
      openGeneration: 1 as number | undefined,
      failure: { error: new RedisTimeout({ command: "GET", waitedMillis: 1 }), reason: "", isPending: false }
    }
    const known = { generation: 1, offset, clear }
    const replaced = ReplacedServer.make({
      redis: {
        run: connection.redis.run,
        getStatus: Effect.map(connection.redis.getStatus, (status) => ({
          ...status,
          generation: known.generation,
          latency: Option.some(latency)
        })),
        serverTime: Effect.map(MonotonicClock.millis, (now) => now + known.offset)
      },
      state,
      markers: {
        keys: { clear: "{c}:clear", tagFloor: "{c}:tags", tag: (tag) => `{c}:tag:${tag}` },
        floor: () => known.clear,
        replaceClear: (marker) => {
          known.clear = marker
        }
      },
      markerMillis: 1000
    })
    const stored = Effect.map(connection.redis.get("{c}:clear"), Option.getOrUndefined)
    /** A server whose clock is ahead by so much answers TIME. */
    const answers = (offset: number) =>
      Effect.flatMap(MonotonicClock.millis, (sentAt) => replaced.raiseBehind({ serverTime: sentAt + offset, sentAt }))
    return { connection, state, known, replaced, stored, answers }
  })

describe("the clear marker after an outage", () => {
  it.scoped("is raised beyond every time that the last server can have stamped, where the next clock is behind", () =>
    Effect.gen(function* () {
      const { answers, known, replaced, stored } = yield* world(5000)
      yield* replaced.noteClock
      const now = yield* MonotonicClock.millis
      yield* answers(0)
      const stampedAtMost = now + 5000 + Duration.toMillis(latency)
      expect(known.clear).toBeGreaterThan(stampedAtMost)
      expect(yield* stored).toBe(`${known.clear}`)
    })
  )

  it.scoped("stays where the same clock answers, or one that is ahead", () =>
    Effect.gen(function* () {
      const { answers, known, replaced, stored } = yield* world(5000)
      yield* replaced.noteClock
      yield* answers(5000)
      yield* answers(7000)
      expect([known.clear, yield* stored]).toEqual([0, undefined])
    })
  )

  it.scoped("is raised by the last answer of TIME where the clock was not noted since", () =>
    Effect.gen(function* () {
      const { answers, known } = yield* world(5000)
      yield* answers(5000)
      expect(known.clear).toBe(0)
      yield* answers(4000)
      expect(known.clear).toBeGreaterThan(0)
    })
  )

  it.scoped("is not compared with an estimate that is already of the next server", () =>
    Effect.gen(function* () {
      const { answers, known, replaced } = yield* world(5000)
      yield* replaced.noteClock
      known.generation = 2
      known.offset = 0
      yield* replaced.noteClock
      yield* answers(0)
      expect(known.clear).toBeGreaterThan(0)
    })
  )

  it.scoped("is raised again where entries may have been created ahead of the clock", () =>
    Effect.gen(function* () {
      const { answers, known, replaced } = yield* world(5000)
      yield* replaced.noteClock
      yield* answers(0)
      const raised = known.clear
      yield* answers(0)
      expect(known.clear).toBe(raised + 1)
    })
  )

  it.scoped("is raised before reads open, however often the server fails to do it", () =>
    Effect.gen(function* () {
      const { answers, connection, known, replaced } = yield* world(5000)
      yield* replaced.noteClock
      yield* connection.cut
      yield* Effect.fork(answers(0))
      yield* settle
      expect(known.clear).toBe(0)
      yield* connection.restore
      yield* TestClock.adjust("100 millis")
      yield* settle
      expect(known.clear).toBeGreaterThan(5000)
    })
  )
})
