import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as fc from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { CircuitBreaker } from "../../../../src/redis/connection/CircuitBreaker.js"
import * as CommandQueue from "../../../../src/redis/connection/queue/CommandQueue.js"
import {
  connect,
  make,
  runFor,
  type ScriptedServer,
  type Sent,
  settled,
  silence
} from "../../../support/faults/ScriptedDriver.js"

const names = (prefix: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`)

const together = { concurrency: "unbounded" } as const

describe("the bounds of the queue", () => {
  it.scoped("admit so many commands in flight and so many that wait, and reject one more at once", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { maxInFlight: 2, maxWaiting: 3, heartbeatInterval: "1 hour" })
      server.answer = ({ command }) => (command === "SET" ? silence : undefined)
      const accepted = yield* Effect.forEach(names("k", 5), (key) => Effect.fork(redis.set(key, key)))
      yield* settled
      expect(yield* redis.getStatus).toMatchObject({ inFlight: 2, waiting: 3 })
      expect(yield* Effect.flip(redis.set("k5", ""))).toMatchObject({ _tag: "RedisUnavailable", reason: "Overloaded" })
      expect(yield* Effect.flip(redis.get("k5"))).toMatchObject({ _tag: "RedisUnavailable", reason: "Overloaded" })
      server.answer = () => undefined
      server.answerLate()
      expect(yield* Effect.forEach(accepted, Fiber.join)).toEqual(Array(5).fill(true))
      expect(server.commands()).toEqual(names("k", 5).map((key) => `SET ${key} ${key}`))
      expect(yield* redis.getStatus).toMatchObject({ inFlight: 0, waiting: 0 })
    })
  )

  it.scoped("end what waited in vain as never sent, and what was sent as unknown, each at its own deadline", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { maxInFlight: 1, heartbeatInterval: "1 hour", timeoutsToGiveUp: 100 })
      server.answer = ({ command }) => (command === "SET" ? silence : undefined)
      const first = yield* Effect.fork(Effect.flip(redis.set("first", "")))
      yield* runFor(400)
      const second = yield* Effect.fork(Effect.flip(redis.set("second", "")))
      yield* runFor(600)
      expect(yield* Fiber.join(first)).toMatchObject({ _tag: "RedisTimeout", command: "SET", waitedMillis: 1000 })
      expect(yield* Fiber.poll(second)).toEqual(Option.none())
      yield* runFor(400)
      expect(yield* Fiber.join(second)).toMatchObject({ _tag: "RedisUnavailable", reason: "Overloaded" })
      expect(server.commands()).toEqual(["SET first "])
    })
  )

  it.scoped("hold a read to its own deadline although later commands were sent before it", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { maxInFlight: 2, heartbeatInterval: "1 hour", timeoutsToGiveUp: 100 })
      server.answer = ({ command }) => (command === "SET" || command === "GET" ? silence : undefined)
      yield* Effect.forkAll([redis.set("a", ""), redis.set("b", "")])
      yield* settled
      const early = yield* Effect.fork(Effect.flip(redis.get("key")))
      yield* runFor(500)
      const late = yield* Effect.fork(Effect.flip(redis.set("c", "")))
      yield* runFor(100)
      server.answerLate()
      yield* settled
      expect(server.commands().slice(2)).toEqual(["SET c ", "GET key"])
      yield* runFor(400)
      expect(Option.isSome(yield* Fiber.poll(early))).toBe(true)
      expect(yield* Fiber.poll(late)).toEqual(Option.none())
      yield* runFor(500)
      expect((yield* Fiber.join(late))._tag).toBe("RedisTimeout")
    })
  )

  it.scoped("keep a busy queue going for longer than any one command may take", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { maxInFlight: 1, heartbeatInterval: "1 hour" })
      server.answer = ({ command }) => (command === "INCR" ? silence : undefined)
      const callers = yield* Effect.forkAll(Array.from({ length: 3 }, () => Effect.repeatN(redis.incr("key"), 9)))
      for (let i = 0; i < 30; i++) {
        yield* runFor(200)
        server.answerLate()
        yield* settled
      }
      expect(Math.max(...(yield* Fiber.join(callers)))).toBe(30)
    })
  )

  it.scoped("never deliver a reply that comes late to anyone else", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { heartbeatInterval: "1 hour" })
      server.values.set("a", "value of a")
      server.values.set("b", "value of b")
      server.answer = () => silence
      const slow = yield* Effect.fork(Effect.flip(redis.get("a")))
      yield* runFor(1000)
      expect((yield* Fiber.join(slow))._tag).toBe("RedisTimeout")
      const next = yield* Effect.fork(redis.get("b"))
      yield* settled
      server.answerLate()
      expect(yield* Fiber.join(next)).toEqual(Option.some("value of b"))
      expect(yield* redis.getStatus).toMatchObject({ inFlight: 0, waiting: 0 })
    })
  )
})

describe("an interrupted caller", () => {
  it.scoped("withdraws a write that was not sent yet", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      server.answer = ({ command }) => (command === "INCR" ? silence : undefined)
      // with something under way, what is called waits for the turn to end
      yield* Effect.fork(redis.incr("under way"))
      yield* settled
      const writing = yield* Effect.fork(redis.set("key", "value"))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(writing)
      yield* redis.set("other", "value")
      expect(server.commands()).toEqual(["INCR under way", "SET other value"])
    })
  )

  it.scoped("leaves the readers that share its MGET their values", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      for (const key of ["a", "b", "c"]) server.values.set(key, key)
      server.answer = ({ command }) => (command === "MGET" ? silence : undefined)
      const [a, b, c] = yield* Effect.all([redis.get("a"), redis.get("b"), redis.get("c")].map(Effect.fork))
      yield* settled
      if (a === undefined || b === undefined || c === undefined) return
      yield* Fiber.interrupt(b)
      server.answerLate()
      expect([yield* Fiber.join(a), yield* Fiber.join(c)]).toEqual([Option.some("a"), Option.some("c")])
    })
  )

  it.scoped("in flight is answered into the void, and its place is free again", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { maxInFlight: 1, maxWaiting: 1, heartbeatInterval: "1 hour" })
      server.answer = ({ command }) => (command === "SET" ? silence : undefined)
      const writing = yield* Effect.fork(redis.set("key", "value"))
      yield* settled
      yield* Fiber.interrupt(writing)
      const reading = yield* Effect.fork(redis.get("key"))
      yield* settled
      server.answerLate()
      expect(yield* Fiber.join(reading)).toEqual(Option.some("value"))
    })
  )

  it.scoped("does not hide a server that has stopped answering", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { heartbeatInterval: "1 hour" })
      server.answer = () => silence
      for (let i = 0; i < 25; i++) yield* Effect.fork(Effect.timeoutOption(redis.set("key", ""), "100 millis"))
      yield* runFor(1000)
      expect((yield* redis.getStatus).circuit).toBe("Open")
    })
  )
})

describe("when the connection ends", () => {
  it.scoped("what was sent is unknown, what waits was never sent, and what comes now is rejected at once", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { maxInFlight: 2, heartbeatInterval: "1 hour" })
      server.answer = ({ command }) => (command === "SET" ? silence : undefined)
      const pending = yield* Effect.forEach(names("k", 4), (key) => Effect.fork(Effect.flip(redis.set(key, ""))))
      yield* settled
      server.cut()
      const failures = yield* Effect.forEach(pending, Fiber.join)
      expect(failures.map((failure) => ("reason" in failure ? failure.reason : failure._tag))).toEqual([
        "RedisConnectionLost",
        "RedisConnectionLost",
        "Disconnected",
        "Disconnected"
      ])
      expect(yield* Effect.flip(redis.set("k", ""))).toMatchObject({ reason: "Disconnected" })
      expect(yield* Effect.flip(redis.get("k"))).toMatchObject({ reason: "Disconnected" })
      expect(yield* redis.getStatus).toMatchObject({ inFlight: 0, waiting: 0, connected: false })
    })
  )

  it.scoped("each of the readers that shared an MGET gets the reply of its own GET", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      server.answer = ({ command }) => (command === "MGET" ? silence : undefined)
      const reading = yield* Effect.fork(Effect.all([redis.get("a"), redis.get("b")].map(Effect.flip), together))
      yield* settled
      server.cut()
      for (const error of yield* Fiber.join(reading)) {
        expect(error).toMatchObject({ _tag: "RedisConnectionLost", command: "GET" })
      }
    })
  )

  it.scoped("no command slips in behind the end", () =>
    Effect.gen(function* () {
      const server = yield* make
      const connection = yield* server.driver.connect
      const options = { maxInFlight: 1, maxWaiting: 1, maxKeysPerRead: 1, timeoutsToGiveUp: 3 }
      // asked for its state in between: after the connection was found to be there, and before the command joins
      const breaker: CircuitBreaker = {
        state: () => {
          Effect.runSync(queue.shut("Disconnected"))
          return "Closed"
        },
        openings: () => 0,
        succeeded: () => {},
        failed: () => {},
        reset: () => {},
        changes: Stream.empty
      }
      const queue: CommandQueue.CommandQueue = yield* CommandQueue.make(
        { ...options, commandTimeout: Duration.seconds(1), toError: server.driver.toError },
        breaker
      )
      for (const call of [queue.get("key"), queue.command("SET", ["key", "value"], { idempotent: false })]) {
        yield* Effect.asVoid(queue.open(connection, 1))
        const calling = yield* Effect.fork(Effect.flip(Effect.asVoid<unknown, unknown, never>(call)))
        yield* settled
        expect(yield* Fiber.poll(calling)).toMatchObject({ value: { value: { reason: "Disconnected" } } })
      }
    })
  )

  it.scoped("the next connection starts with an empty queue", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { maxInFlight: 2, maxWaiting: 0 })
      server.answer = ({ command }) => (command === "SET" ? silence : undefined)
      for (let i = 0; i < 5; i++) {
        const pending = yield* Effect.forkAll([redis.set("a", ""), redis.set("b", "")].map(Effect.either))
        yield* settled
        server.cut()
        yield* Fiber.join(pending)
        yield* runFor(1000)
      }
      server.answer = () => undefined
      expect(yield* redis.set("a", "")).toBe(true)
      expect(yield* redis.getStatus).toMatchObject({ inFlight: 0, waiting: 0, generation: 6 })
    })
  )

  it.scoped("a driver that throws fails that one command", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      server.answer = ({ args }) => {
        if (args[0] === "bad") throw new TypeError("no such argument")
        return undefined
      }
      const [bad, good] = yield* Effect.all([Effect.flip(redis.set("bad", "")), redis.set("good", "")], together)
      expect(bad._tag).toBe("RedisProtocolError")
      expect(good).toBe(true)
      expect((yield* redis.getStatus).inFlight).toBe(0)
    })
  )
})

describe("callers that resume within the call of their reply", () => {
  for (const [what, end, owed] of [
    // a server that is slow owes its replies
    ["have timed out", () => runFor(1000), 25],
    [
      "have lost their connection",
      (server: ScriptedServer) =>
        Effect.zipRight(
          Effect.sync(() => server.cut()),
          settled
        ),
      0
    ]
  ] as const) {
    it.scoped(`repeat in vain and without harm when they ${what}`, () =>
      Effect.gen(function* () {
        const server = yield* make
        const redis = yield* connect(server, { heartbeatInterval: "1 hour", timeoutsToGiveUp: 100 })
        server.answer = ({ command }) => (command === "SET" ? silence : undefined)
        const circuits: Array<string> = []
        const caller = (key: string) =>
          Effect.gen(function* () {
            yield* Effect.flip(redis.set(key, ""))
            circuits.push((yield* redis.getStatus).circuit)
            return yield* Effect.flip(redis.get(key))
          })
        const callers = yield* Effect.forEach(names("k", 25), (key) => Effect.fork(caller(key)))
        yield* settled
        yield* end(server)
        const rejections = yield* Effect.forEach(callers, Fiber.join)
        expect(rejections.map(({ _tag }) => _tag)).toEqual(Array(25).fill("RedisUnavailable"))
        // callers that time out do so at once, and each finds the circuit open; connections lose their commands one by one
        expect(circuits.slice(owed === 25 ? 0 : -1)).toEqual(Array(owed === 25 ? 25 : 1).fill("Open"))
        expect(yield* redis.getStatus).toMatchObject({ inFlight: owed, waiting: 0 })
      })
    )
  }

  it.scoped("send their next command before the others of their reply resume, and each gets its own answer", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const keys = names("k", 20)
      yield* Effect.forEach(keys, (key) => redis.set(key, key), together)
      const caller = (key: string) =>
        Effect.gen(function* () {
          const answers = [yield* redis.get(key)]
          // a caller that takes itself away, and one that takes another one's place
          if (key === "k3") yield* Effect.interrupt
          yield* redis.set(key, `${key} again`)
          answers.push(yield* redis.get(key))
          return answers
        })
      const callers = yield* Effect.forEach(keys, (key) => Effect.fork(caller(key)))
      const exits = yield* Effect.forEach(callers, Fiber.await)
      for (const [i, key] of keys.entries()) {
        if (key === "k3") expect(exits[i]).toMatchObject({ cause: { _tag: "Interrupt" } })
        else expect(exits[i]).toEqual(Exit.succeed([Option.some(key), Option.some(`${key} again`)]))
      }
      expect(yield* redis.getStatus).toMatchObject({ inFlight: 0, waiting: 0 })
    })
  )
})

describe("any mix of callers", () => {
  const call = fc.oneof(
    fc.record({ op: fc.constant("set" as const), key: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ op: fc.constant("get" as const), key: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ op: fc.constant("incr" as const), key: fc.integer({ min: 0, max: 2 }) })
  )
  const programs = fc.record({
    callers: fc.array(fc.array(call, { maxLength: 12 }), { minLength: 1, maxLength: 8 }),
    maxInFlight: fc.integer({ min: 1, max: 6 }),
    maxKeysPerRead: fc.integer({ min: 1, max: 3 })
  })

  it.scoped("sees its own writes in order, under any bounds", () =>
    Effect.gen(function* () {
      for (const { callers, maxInFlight, maxKeysPerRead } of fc.sample(programs, { numRuns: 60, seed: 3 })) {
        const server = yield* make
        yield* Effect.scoped(
          Effect.gen(function* () {
            const redis = yield* connect(server, { maxInFlight, maxKeysPerRead, heartbeatInterval: "1 hour" })
            yield* Effect.forEach(
              callers,
              (calls, caller) =>
                Effect.gen(function* () {
                  const expected = new Map<string, string>()
                  for (const [step, { key: number, op }] of calls.entries()) {
                    const key = `${caller}:${op === "incr" ? "count" : "text"}:${number}`
                    if (op === "get") {
                      expect(yield* redis.get(key)).toEqual(Option.fromNullable(expected.get(key)))
                    } else if (op === "set") {
                      expected.set(key, `${caller} at ${step}`)
                      yield* redis.set(key, `${caller} at ${step}`)
                    } else {
                      expected.set(key, `${Number(expected.get(key) ?? 0) + 1}`)
                      expect(yield* redis.incr(key)).toBe(Number(expected.get(key)))
                    }
                  }
                }),
              together
            )
            const perCaller = (sent: Sent) => String(sent.args[0]).split(":")[0]
            for (const [caller, calls] of callers.entries()) {
              const writes = server.sent.filter((sent) => sent.command === "SET" && perCaller(sent) === `${caller}`)
              expect(writes.length).toBe(calls.filter(({ op }) => op === "set").length)
            }
          })
        )
      }
    })
  )
})
