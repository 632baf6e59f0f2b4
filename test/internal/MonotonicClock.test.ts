/** A wall clock that is set by an hour changes no deadline, heartbeat or pause of the client. */
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as MonotonicClock from "../../src/internal/MonotonicClock.js"
import * as CircuitBreaker from "../../src/redis/connection/CircuitBreaker.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import { fromExecutor } from "../../src/redis/RedisCommands.js"
import { withRetry } from "../../src/redis/RetryPolicy.js"
import { connect, make, runFor, ScriptedServer, settled, silence } from "../support/faults/ScriptedDriver.js"
import { eachWay } from "../support/JumpingClock.js"

const quiet = { heartbeatInterval: "1 hour", timeoutsToGiveUp: 1000 } as const

describe("the monotonic clock", () => {
  it.live("starts at the system's time and advances with it", () =>
    Effect.gen(function* () {
      const [wall, own] = yield* Effect.zip(Clock.currentTimeMillis, MonotonicClock.millis)
      expect(Math.abs(wall - own)).toBeLessThan(60_000)
      yield* Effect.sleep("5 millis")
      expect(yield* MonotonicClock.millis).toBeGreaterThan(own)
    })
  )

  it.effect("is that of a TestClock, also between whole milliseconds", () =>
    Effect.gen(function* () {
      yield* runFor(1.5)
      expect(yield* MonotonicClock.millis).toBe(1.5)
    })
  )

  it.effect("is not changed by a wall clock that is set", () =>
    eachWay((jump) =>
      Effect.gen(function* () {
        const before = yield* MonotonicClock.millis
        yield* jump
        expect(yield* MonotonicClock.millis).toBe(before)
      })
    )
  )
})

describe("a wall clock that is set by an hour", () => {
  it.scoped("ends no command early or late", () =>
    eachWay((jump) =>
      Effect.gen(function* () {
        const server = yield* make
        const redis = yield* connect(server, quiet)
        server.answer = ({ command }) => (command === "GET" ? silence : undefined)
        const reading = yield* Effect.fork(Effect.either(redis.get("key")))
        yield* settled
        yield* jump
        yield* runFor(999)
        expect(reading.unsafePoll()).toBeNull()
        yield* runFor(1)
        expect(yield* Fiber.join(reading)).toMatchObject({ left: { _tag: "RedisTimeout" } })
      })
    )
  )

  it.scoped("leaves the intervals of heartbeats and the pauses between dials as they are", () =>
    eachWay((jump, steady) =>
      Effect.gen(function* () {
        const server = new ScriptedServer(steady)
        const start = steady.unsafeCurrentTimeMillis()
        yield* connect(server, { heartbeatInterval: "1 second" })
        yield* runFor(2_500)
        yield* jump
        yield* runFor(2_000)
        expect(server.sent.filter(({ command }) => command === "TIME").map(({ at }) => at - start)).toEqual([
          0, 1_000, 2_000, 3_000, 4_000
        ])
        server.cut()
        yield* settled
        yield* jump
        yield* runFor(1_000)
        expect(server.dialTimes.map((at) => at - start)).toEqual([0, 5_500])
      })
    )
  )

  it.scoped("makes the circuit breaker neither forget its window nor keep it, nor wait otherwise", () =>
    eachWay((jump) =>
      Effect.gen(function* () {
        let probes = 0
        const circuit = yield* CircuitBreaker.make(
          Effect.sync(() => {
            probes++
            return true
          }),
          { minimumCalls: 20 }
        )
        yield* settled
        circuit.failed(10)
        yield* jump
        circuit.failed(10)
        expect(circuit.state()).toBe("Open")
        yield* runFor(999)
        expect(probes).toBe(0)
        yield* runFor(1)
        expect([probes, circuit.state()]).toEqual([1, "Closed"])
        circuit.failed(19)
        yield* runFor(11_000)
        yield* jump
        circuit.failed(1)
        expect(circuit.state()).toBe("Closed")
      })
    )
  )

  it.scoped("leaves the deadline of withRetry where it is", () =>
    eachWay((jump) =>
      Effect.gen(function* () {
        const server = yield* make
        const redis = yield* connect(server, quiet)
        server.answer = ({ command }) => (command === "GET" ? silence : undefined)
        const policy = { within: "3500 millis", schedule: Schedule.spaced("100 millis") } as const
        const reading = yield* Effect.fork(Effect.either(withRetry(policy)(redis.get("key"))))
        yield* runFor(500)
        yield* jump
        yield* runFor(10_000)
        expect(yield* Fiber.join(reading)).toMatchObject({ left: { _tag: "RedisTimeout" } })
        expect(server.count("GET")).toBe(4)
      })
    )
  )

  it.scoped("is no jump of the server's time, and shows in the status", () =>
    eachWay((jump, steady) =>
      Effect.gen(function* () {
        const server = new ScriptedServer(steady)
        const redis = yield* connect(server, quiet)
        const before = yield* redis.serverTime
        const offset = (yield* redis.getStatus).clockOffsetMillis
        const wall = yield* Clock.currentTimeMillis
        yield* jump
        expect(yield* redis.serverTime).toBe(before)
        expect((yield* redis.getStatus).clockOffsetMillis - offset).toBe(wall - (yield* Clock.currentTimeMillis))
      })
    )
  )

  it.scoped("ends no key of the memory client early or late", () =>
    eachWay((jump) =>
      Effect.gen(function* () {
        const redis = fromExecutor(yield* MemoryRedis.makeExecutor())
        yield* redis.set("key", "value", { timeToLive: "1 minute" })
        yield* jump
        yield* runFor(59_999)
        expect(yield* redis.get("key")).toMatchObject({ value: "value" })
        yield* runFor(1)
        expect(yield* redis.get("key")).toMatchObject({ _tag: "None" })
      })
    )
  )
})
