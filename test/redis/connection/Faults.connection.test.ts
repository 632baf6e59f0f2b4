import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { answeredAgain, nameOf, start } from "../../support/cache/Callers.js"
import * as FaultProxy from "../../support/faults/FaultProxy.js"
import {
  available,
  connect,
  eventually,
  expectNoUnhandledRejections,
  failsWith,
  inTime,
  noLeak,
  test,
  title
} from "../../support/faults/FaultSuite.js"
import * as RedisServer from "../../support/server/RedisServer.js"

expectNoUnhandledRejections()

/** Errors that callers met and that are none of these. */
const otherThan = (errors: ReadonlyMap<string, number>, allowed: RegExp): ReadonlyArray<string> =>
  [...errors.keys()].filter((name) => !allowed.test(name))

describe("a server", () => {
  test(title("that is not there yet is found when it starts"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make({ stopped: true })
      const redis = yield* inTime(connect({ port: server.port }))
      expect(yield* Effect.flip(redis.get("key"))).toMatchObject({ _tag: "RedisUnavailable" })
      yield* failsWith(redis, "Refused")
      const isUnavailable = Effect.map(redis.getStatus, ({ state }) => state._tag === "Unavailable")
      yield* eventually("the attempts are used up", isUnavailable)
      yield* server.start()
      yield* available(redis)
      expect(yield* redis.set("key", "value")).toBe(true)
      yield* noLeak(server, 1)
    })
  )

  test(title("that is killed with 1,000 commands in flight leaves none of them hanging"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* connect({ port: server.port }, { commandTimeout: "5 seconds" })
      yield* server.signal("SIGSTOP")
      const calls = yield* Effect.replicateEffect(Effect.fork(Effect.flip(redis.incr("count"))), 1000)
      yield* eventually(
        "all are in flight",
        Effect.map(redis.getStatus, ({ inFlight }) => inFlight >= 1000)
      )
      yield* server.kill
      const failures = yield* inTime(Effect.forEach(calls, Fiber.join))
      expect([...new Set(failures.map(nameOf))]).toEqual(["RedisConnectionLost"])
      expect(yield* Effect.flip(redis.get("key"))).toMatchObject({ _tag: "RedisUnavailable" })
      yield* server.start()
      yield* available(redis)
      expect(yield* redis.get("count"), "nothing is sent again").toEqual(Option.none())
      yield* noLeak(server, 1)
    })
  )

  test(title("that stands still for five seconds costs each call its timeout at most, and is found again"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* connect({ port: server.port })
      const callers = yield* start(redis, 16)
      yield* answeredAgain(callers)
      yield* server.signal("SIGSTOP")
      yield* Effect.forEach(Array(10), () => Effect.delay(inTime(Effect.flip(redis.get("key"))), "500 millis"))
      expect(yield* redis.isAvailable).toBe(false)
      yield* server.signal("SIGCONT")
      yield* available(redis)
      yield* answeredAgain(callers)
      yield* callers.stop
      expect(callers.mistakes).toEqual([])
      expect(otherThan(callers.errors, /Timeout|ConnectionLost|Disconnected|CircuitOpen/)).toEqual([])
      yield* noLeak(server, 1)
    })
  )

  test(title("that drops its clients every 50 ms for ten seconds never makes an answer go astray"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* connect({ port: server.port }, { reconnect: Schedule.spaced("10 millis") })
      const callers = yield* start(redis, 16)
      yield* answeredAgain(callers)
      yield* Effect.repeat(server.dropClients, Schedule.spaced("50 millis")).pipe(Effect.timeoutOption("10 seconds"))
      yield* available(redis)
      yield* answeredAgain(callers)
      yield* callers.stop
      expect(callers.mistakes).toEqual([])
      expect(otherThan(callers.errors, /ConnectionLost|Disconnected|CircuitOpen/)).toEqual([])
      expect((yield* redis.getStatus).generation).toBeGreaterThan(20)
      yield* noLeak(server, 1)
    })
  )

  test(title("has no client of ours left when the scope is closed with calls and a subscription under way"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const redis = yield* connect({ port: server.port })
          yield* Effect.forkScoped(Stream.runDrain(redis.subscribe("news")))
          yield* answeredAgain(yield* start(redis, 8))
          yield* noLeak(server, 2)
        })
      )
      yield* noLeak(server, 0)
    })
  )
})

describe("a network", () => {
  const behindProxy = Effect.gen(function* () {
    const server = yield* RedisServer.make()
    const proxy = yield* FaultProxy.make(server.port)
    const redis = yield* connect({ port: proxy.port })
    const callers = yield* start(redis, 16)
    yield* answeredAgain(callers)
    return { callers, proxy, redis, server }
  })

  test(
    title("that swallows everything ends calls by their timeouts, and the client comes back when it is mended"),
    () =>
      Effect.gen(function* () {
        const { callers, proxy, redis, server } = yield* behindProxy
        yield* proxy.become({ _tag: "Blackhole" })
        expect(["RedisTimeout", "RedisUnavailable CircuitOpen", "RedisUnavailable Disconnected"]).toContain(
          nameOf(yield* inTime(Effect.flip(redis.get("key"))))
        )
        yield* failsWith(redis, "Timeout")
        yield* proxy.become({ _tag: "Pass" })
        yield* available(redis)
        yield* answeredAgain(callers)
        yield* callers.stop
        expect(callers.mistakes).toEqual([])
        expect(callers.errors.get("RedisTimeout")).toBeGreaterThan(0)
        expect(otherThan(callers.errors, /Timeout|ConnectionLost|Disconnected|CircuitOpen/)).toEqual([])
        yield* noLeak(server, 1)
      })
  )

  test(title("that adds 200 ms slows the calls down and ends nothing"), () =>
    Effect.gen(function* () {
      const { callers, proxy, redis, server } = yield* behindProxy
      yield* proxy.become({ _tag: "Delay", millis: 200 })
      yield* answeredAgain(callers)
      yield* answeredAgain(callers)
      expect(yield* redis.getStatus).toMatchObject({ generation: 1, circuit: "Closed" })
      yield* callers.stop
      expect(callers.mistakes).toEqual([])
      expect([...callers.errors.keys()]).toEqual([])
      yield* noLeak(server, 1)
    })
  )

  test(title("that brings every reply after its timeout never brings one to the wrong caller"), () =>
    Effect.gen(function* () {
      const { callers, proxy, redis, server } = yield* behindProxy
      yield* proxy.become({ _tag: "Delay", millis: 700 })
      yield* eventually(
        "calls time out",
        // of one round only where the circuit opens after it, which it does unless many calls were answered before
        Effect.sync(() => callers.errors.has("RedisTimeout"))
      )
      yield* Effect.sleep("2 seconds")
      yield* proxy.become({ _tag: "Pass" })
      yield* available(redis)
      yield* answeredAgain(callers)
      yield* callers.stop
      expect(callers.mistakes).toEqual([])
      expect(otherThan(callers.errors, /Timeout|ConnectionLost|Disconnected|CircuitOpen/)).toEqual([])
      yield* noLeak(server, 1)
    })
  )

  for (const [name, mode] of [
    ["cuts replies half way", { _tag: "CutMidReply" }],
    ["sends garbage", { _tag: "Garbage" }],
    ["closes every connection at once", { _tag: "Refuse" }]
  ] as const) {
    test(title(`that ${name} is noticed at once and got over`), () =>
      Effect.gen(function* () {
        const { callers, proxy, redis, server } = yield* behindProxy
        yield* proxy.become(mode)
        if (mode._tag === "Refuse") yield* proxy.cut
        yield* eventually(
          "the connection ends",
          Effect.map(redis.getStatus, ({ connected }) => !connected)
        )
        expect(yield* inTime(Effect.flip(redis.get("key")))).toMatchObject({ reason: "Disconnected" })
        yield* proxy.become({ _tag: "Pass" })
        yield* available(redis)
        yield* answeredAgain(callers)
        yield* callers.stop
        expect(callers.mistakes).toEqual([])
        expect(otherThan(callers.errors, /ConnectionLost|ProtocolError|Disconnected|CircuitOpen/)).toEqual([])
        yield* noLeak(server, 1)
      })
    )
  }

  test(title("that holds a write back cannot bring it in after the next connection's"), () =>
    Effect.gen(function* () {
      const { callers, proxy, redis } = yield* behindProxy
      yield* callers.stop
      const release = yield* proxy.hold
      expect((yield* inTime(Effect.flip(redis.set("key", "old"))))._tag).toMatch(/RedisTimeout|RedisConnectionLost/)
      yield* eventually(
        "there is another connection",
        Effect.map(redis.getStatus, ({ connected, generation }) => connected && generation > 1)
      )
      yield* redis.set("key", "new")
      expect(yield* release, "the server has dropped the old connection").toBe(0)
      expect(yield* redis.get("key")).toEqual(Option.some("new"))
    })
  )
})
