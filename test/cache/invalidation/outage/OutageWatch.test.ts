/** When reads close and open again: outages, circuits, and generations that follow each other quickly. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as OutageWatch from "../../../../src/cache/invalidation/outage/OutageWatch.js"
import { RedisAuthError } from "../../../../src/redis/RedisError.js"
import * as OutageRedis from "../../../support/faults/OutageRedis.js"
import { settle } from "../../../support/until.js"

/** A watch over a connection. `steps` lists its callbacks, each with the generation that was open at that time. */
const watching = (onOutageEnded: Effect.Effect<void> = Effect.void) =>
  Effect.gen(function* () {
    const { connect } = yield* OutageRedis.make
    const connection = yield* connect
    const steps: Array<readonly [string, number | undefined]> = []
    const state = yield* OutageWatch.initialState(connection.redis)
    yield* OutageWatch.make({
      redis: connection.redis,
      state,
      onChange: Effect.void,
      onOutageEnded: () => {
        steps.push(["outage ended", state.openGeneration])
        return onOutageEnded
      },
      onOpen: () => {
        steps.push(["open", state.openGeneration])
      },
      onCircuitClosed: () => {
        steps.push(["circuit closed", state.openGeneration])
      }
    })
    yield* settle
    return { connection, state, steps }
  })

describe("the watch over outages", () => {
  it.scoped("opens the generation of a standing connection without handling an outage", () =>
    Effect.gen(function* () {
      const { state, steps } = yield* watching()
      expect([state.openGeneration, steps]).toEqual([1, []])
    })
  )

  it.scoped("closes reads when the connection ends, and opens the next generation after its outage was handled", () =>
    Effect.gen(function* () {
      const { connection, state, steps } = yield* watching()
      yield* connection.cut
      yield* settle
      expect([state.openGeneration, state.failure.reason]).toEqual([undefined, "Disconnected"])
      yield* connection.restore
      yield* settle
      expect(state.openGeneration).toBe(2)
      expect(steps).toEqual([
        ["outage ended", undefined],
        ["open", undefined]
      ])
    })
  )

  it.scoped("closes reads for a new generation also when no end of the old one was seen", () =>
    Effect.gen(function* () {
      const { connection, state, steps } = yield* watching()
      yield* connection.reconnect
      yield* settle
      expect(state.openGeneration).toBe(2)
      expect(steps.map(([step]) => step)).toEqual(["outage ended", "open"])
    })
  )

  it.scoped("keeps reads closed until the handling of the outage has ended", () =>
    Effect.gen(function* () {
      const handled = yield* Deferred.make<void>()
      const { connection, state } = yield* watching(Deferred.await(handled))
      yield* connection.reconnect
      yield* settle
      expect([state.openGeneration, state.failure.reason]).toEqual([undefined, "Connecting"])
      yield* Deferred.succeed(handled, undefined)
      yield* settle
      expect(state.openGeneration).toBe(2)
    })
  )

  it.scoped("ends the handling of an outage when its connection ends, and opens only the next generation", () =>
    Effect.gen(function* () {
      const handled = yield* Deferred.make<void>()
      const { connection, state, steps } = yield* watching(Deferred.await(handled))
      for (const _ of [2, 3]) {
        yield* connection.cut
        yield* settle
        yield* connection.restore
        yield* settle
      }
      expect(state.openGeneration).toBe(undefined)
      yield* Deferred.succeed(handled, undefined)
      yield* settle
      expect(state.openGeneration).toBe(3)
      expect(steps.map(([step]) => step)).toEqual(["outage ended", "outage ended", "open"])
    })
  )

  it.scoped("gives up the handling of an outage when a later generation replaces its connection", () =>
    Effect.gen(function* () {
      let runs = 0
      const firstOnly = Effect.suspend(() => (++runs === 1 ? Effect.never : Effect.void))
      const { connection, state, steps } = yield* watching(firstOnly)
      yield* connection.reconnect
      yield* settle
      yield* connection.reconnect
      yield* settle
      expect(state.openGeneration).toBe(3)
      expect(steps.map(([step]) => step)).toEqual(["outage ended", "outage ended", "open"])
    })
  )

  it.scoped("opens the same generation again when an open circuit closes, and handles no outage", () =>
    Effect.gen(function* () {
      const { connection, state, steps } = yield* watching()
      yield* connection.circuit("Open")
      yield* settle
      expect([state.openGeneration, state.failure.reason]).toEqual([undefined, "CircuitOpen"])
      yield* connection.circuit("Closed")
      yield* settle
      expect([state.openGeneration, steps]).toEqual([1, [["circuit closed", 1]]])
    })
  )

  it.scoped("asks for the time until the server answers it, and reports meanwhile why it may not", () =>
    Effect.gen(function* () {
      const { connection, state } = yield* watching()
      connection.reject("TIME", new RedisAuthError({ reason: "NoPermission", command: "TIME", detail: "NOPERM" }))
      yield* connection.reconnect
      yield* settle
      expect([state.openGeneration, state.failure.reason]).toEqual([undefined, "RedisAuthError"])
      connection.reject("TIME", undefined)
      yield* TestClock.adjust("30 seconds")
      yield* settle
      expect(state.openGeneration).toBe(2)
    })
  )
})
