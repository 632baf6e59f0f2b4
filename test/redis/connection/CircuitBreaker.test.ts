import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as CircuitBreaker from "../../../src/redis/connection/CircuitBreaker.js"
import { connect, error, make, runFor, type Sent, settled, silence } from "../../support/faults/ScriptedDriver.js"

/** A breaker whose probe answers what the test says, and how often it was asked. */
const breaker = (options: CircuitBreaker.CircuitBreakerOptions = {}) =>
  Effect.gen(function* () {
    const probe = { answers: true, runs: 0 }
    const made = yield* CircuitBreaker.make(
      Effect.sync(() => {
        probe.runs++
        return probe.answers
      }),
      options
    )
    yield* settled
    return { breaker: made, probe }
  })

describe("the circuit breaker", () => {
  it.scoped("stays closed while there are too few calls to judge by", () =>
    Effect.gen(function* () {
      const { breaker: circuit } = yield* breaker({ minimumCalls: 20 })
      circuit.failed(19)
      expect(circuit.state()).toBe("Closed")
      circuit.failed(1)
      expect(circuit.state()).toBe("Open")
    })
  )

  it.scoped("opens at the configured share of failures, and not below", () =>
    Effect.gen(function* () {
      const { breaker: circuit } = yield* breaker({ failureRate: 0.25, minimumCalls: 4 })
      circuit.succeeded(75)
      circuit.failed(24)
      expect(circuit.state()).toBe("Closed")
      circuit.failed(1)
      expect(circuit.state()).toBe("Open")
    })
  )

  it.scoped("counts only what happened within its window", () =>
    Effect.gen(function* () {
      const { breaker: circuit } = yield* breaker({ minimumCalls: 20, window: "10 seconds" })
      for (let i = 0; i < 60; i++) {
        circuit.failed(1)
        yield* runFor(1000)
      }
      expect(circuit.state(), "never 20 within 10 seconds").toBe("Closed")
      circuit.failed(19)
      expect(circuit.state()).toBe("Open")
    })
  )

  it.scoped("does not count what is long past although nothing has happened since", () =>
    Effect.gen(function* () {
      const { breaker: circuit } = yield* breaker({ minimumCalls: 20, window: "10 seconds" })
      circuit.failed(19)
      yield* runFor(25_000)
      circuit.failed(1)
      expect(circuit.state()).toBe("Closed")
    })
  )

  it.scoped("lets old successes go as it lets old failures go", () =>
    Effect.gen(function* () {
      const { breaker: circuit } = yield* breaker({ minimumCalls: 10, window: "10 seconds" })
      circuit.succeeded(1000)
      yield* runFor(5000)
      circuit.failed(10)
      expect(circuit.state()).toBe("Closed")
      yield* runFor(5000)
      circuit.failed(1)
      expect(circuit.state()).toBe("Open")
    })
  )

  it.scoped("probes when it has been open for its time, and closes when the probe is answered", () =>
    Effect.gen(function* () {
      const { breaker: circuit, probe } = yield* breaker({ openFor: "3 seconds" })
      circuit.failed(20)
      yield* runFor(2999)
      expect([circuit.state(), probe.runs]).toEqual(["Open", 0])
      yield* runFor(1)
      expect([circuit.state(), probe.runs]).toEqual(["Closed", 1])
      circuit.failed(19)
      expect(circuit.state(), "what was counted before is forgotten").toBe("Closed")
    })
  )

  it.scoped("opens again after a probe that failed, for as long as probes fail", () =>
    Effect.gen(function* () {
      const { breaker: circuit, probe } = yield* breaker()
      probe.answers = false
      circuit.failed(20)
      yield* runFor(60_000)
      expect([circuit.state(), probe.runs]).toEqual(["Open", 60])
      probe.answers = true
      yield* runFor(1000)
      expect(circuit.state()).toBe("Closed")
    })
  )

  it.scoped("reports its changes in order", () =>
    Effect.gen(function* () {
      const { breaker: circuit, probe } = yield* breaker()
      const states: Array<string> = []
      yield* Effect.forkScoped(Stream.runForEach(circuit.changes, (state) => Effect.sync(() => states.push(state))))
      yield* settled
      probe.answers = false
      circuit.failed(20)
      yield* runFor(1000)
      probe.answers = true
      yield* runFor(1000)
      expect(states).toEqual(["Closed", "Open", "HalfOpen", "Open", "HalfOpen", "Closed"])
    })
  )
})

const ofCallers = (sent: Sent): boolean => ["SET", "MGET", "GET"].includes(sent.command)

/** Enough commands that time out together to open the circuit. */
const openCircuit = (redis: Effect.Effect.Success<ReturnType<typeof connect>>) =>
  Effect.gen(function* () {
    const calls = yield* Effect.forkAll(Array.from({ length: 20 }, () => Effect.either(redis.set("key", "value"))))
    yield* runFor(1000)
    yield* Fiber.join(calls)
    expect((yield* redis.getStatus).circuit).toBe("Open")
  })

/** Calls whose argument cannot be right. */
const invalidCalls = (
  redis: Effect.Effect.Success<ReturnType<typeof connect>>
): ReadonlyArray<Effect.Effect<unknown, unknown>> => [
  redis.get("\ud800"),
  redis.getBuffer("\ud800"),
  redis.incr("\ud800"),
  redis.set("key", "value", { timeToLive: 0 }),
  redis.expire("key", "-1 seconds"),
  redis.send("MULTI")
]

const options = { heartbeatInterval: "1 hour", timeoutsToGiveUp: 1000 } as const

describe("a client whose arguments cannot be right", () => {
  it.scoped("counts them in its circuit breaker neither as failures nor as successes", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, options)
      for (let calls = 0; calls < 100; calls++) {
        for (const call of invalidCalls(redis)) yield* Effect.flip(call)
      }
      expect((yield* redis.getStatus).circuit).toBe("Closed")
      server.answer = () => silence
      // 20 timeouts are a share of 1, and one of less than 0.5 among 600 successes
      yield* openCircuit(redis)
    })
  )
})

describe("a client whose circuit is open", () => {
  it.scoped("rejects every command at once and sends none", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, options)
      server.answer = () => silence
      yield* openCircuit(redis)
      const before = server.sent.filter(ofCallers).length
      const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        redis.get("k"),
        redis.getBuffer("k"),
        redis.mget(["k"]),
        redis.set("k", ""),
        redis.incr("k"),
        redis.publish("c", "m")
      ]
      for (const call of calls) {
        expect(yield* Effect.flip(call)).toMatchObject({ _tag: "RedisUnavailable", reason: "CircuitOpen" })
      }
      expect(server.sent.filter(ofCallers).length).toBe(before)
      expect(yield* redis.isAvailable).toBe(false)
    })
  )

  it.scoped("still fails with InvalidArgument where an argument cannot be right", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, options)
      server.answer = () => silence
      yield* openCircuit(redis)
      for (const call of invalidCalls(redis)) {
        expect(yield* Effect.flip(call)).toMatchObject({ _tag: "InvalidArgument" })
      }
    })
  )

  it.scoped("finds out that the server answers again, with all callers interrupted", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, options)
      server.answer = () => silence
      yield* openCircuit(redis)
      const callers = yield* Effect.fork(Effect.forever(Effect.ignore(Effect.delay(redis.get("k"), "10 millis"))))
      yield* runFor(500)
      yield* Fiber.interrupt(callers)
      server.answer = () => undefined
      yield* runFor(500)
      expect((yield* redis.getStatus).circuit).toBe("Closed")
      expect(yield* redis.set("k", "")).toBe(true)
      expect((yield* redis.getStatus).generation, "on the same connection").toBe(1)
    })
  )

  it.scoped("rejects while the probe is under way, and stays open when it is never answered", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, options)
      const states: Array<string> = []
      server.answer = () => silence
      yield* Effect.forkScoped(
        Stream.runForEach(redis.circuitChanges, (state) => Effect.sync(() => states.push(state)))
      )
      yield* openCircuit(redis)
      yield* runFor(1500)
      expect((yield* redis.getStatus).circuit).toBe("HalfOpen")
      expect(yield* Effect.flip(redis.get("k"))).toMatchObject({ reason: "CircuitOpen" })
      yield* runFor(500)
      expect((yield* redis.getStatus).circuit).toBe("Open")
      server.answer = () => undefined
      yield* runFor(1000)
      expect(states).toEqual(["Closed", "Open", "HalfOpen", "Open", "HalfOpen", "Closed"])
    })
  )

  it.scoped("starts with a closed one on a new connection", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { ...options, circuitBreaker: { openFor: "1 hour" } })
      server.answer = () => silence
      yield* openCircuit(redis)
      server.answer = () => undefined
      server.cut()
      yield* runFor(1000)
      expect((yield* redis.getStatus).circuit).toBe("Closed")
      expect(yield* redis.get("key")).toEqual(Option.none())
    })
  )

  it.scoped("closes for a user without the right to PING", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, options)
      server.answer = ({ command }) => (command === "PING" ? error("NOPERM no permissions to run 'ping'") : silence)
      yield* openCircuit(redis)
      yield* runFor(1000)
      expect((yield* redis.getStatus).circuit).toBe("Closed")
    })
  )
})

describe("what the circuit breaker of a client counts", () => {
  const callWith = (answer: string) =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { heartbeatInterval: "1 hour" })
      server.answer = (sent) => (ofCallers(sent) ? error(answer) : undefined)
      for (let i = 0; i < 40; i++) yield* Effect.ignore(redis.set("key", "value"))
      return (yield* redis.getStatus).circuit
    })

  for (const answer of ["LOADING Redis is loading", "BUSY a script", "MASTERDOWN no master", "CLUSTERDOWN down"]) {
    it.scoped(`${answer.split(" ")[0]}, since the server can do nothing for anyone`, () =>
      Effect.map(callWith(answer), (circuit) => expect(circuit).toBe("Open"))
    )
  }

  for (const answer of ["WRONGTYPE not a string", "NOPERM no", "OOM not allowed", "READONLY replica", "ERR syntax"]) {
    it.scoped(`not ${answer.split(" ")[0]}, which is an answer`, () =>
      Effect.map(callWith(answer), (circuit) => expect(circuit).toBe("Closed"))
    )
  }
})
