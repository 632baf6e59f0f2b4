import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { RedisAuthError, RedisConnectError } from "../../../src/redis/RedisError.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"
import type { ConnectionState } from "../../../src/redis/RedisStatus.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import {
  connect,
  error,
  make,
  reply,
  runFor,
  type ScriptedServer,
  settled,
  silence
} from "../../support/faults/ScriptedDriver.js"

const refused = new RedisConnectError({ reason: "Refused", detail: "nobody there" })

const gaps = (times: ReadonlyArray<number>): ReadonlyArray<number> =>
  times.slice(1).map((time, i) => time - (times[i] ?? 0))

/** Each state as a word, with the attempt or generation that it names. */
const word = (state: ConnectionState): string =>
  state._tag === "Reconnecting"
    ? `Reconnecting ${state.attempt} in ${Duration.format(state.nextIn)}`
    : state._tag === "Connected"
      ? `Connected ${state.generation}`
      : state._tag

describe("the supervision of the connection", () => {
  it.scoped("dials after 1, 2, 4, 8 and 16 seconds, and then about every 30 seconds for ever", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.dial = refused
      const redis = yield* connect(server)
      yield* runFor(31_000)
      expect(server.dialTimes).toEqual([0, 1000, 3000, 7000, 15_000, 31_000])
      expect((yield* redis.getStatus).state._tag).toBe("Unavailable")
      yield* runFor(20 * 60_000)
      const probes = gaps(server.dialTimes.slice(5))
      expect(probes.length).toBeGreaterThan(30)
      for (const gap of probes) {
        expect(gap).toBeGreaterThanOrEqual(24_000)
        expect(gap).toBeLessThanOrEqual(36_000)
      }
      expect(new Set(probes).size, "the pauses are jittered").toBeGreaterThan(10)
    })
  )

  it.scoped("reconnects after an outage of any length and resets the schedule", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.dial = refused
      const redis = yield* connect(server)
      yield* runFor(10 * 60_000)
      server.dial = "Accept"
      yield* runFor(36_000)
      expect(yield* redis.isAvailable).toBe(true)
      yield* redis.set("key", "value")
      const before = server.dialTimes.length
      server.dial = refused
      server.cut()
      const cutAt = yield* Clock.currentTimeMillis
      yield* runFor(31_000)
      expect(server.dialTimes.slice(before).map((time) => time - cutAt)).toEqual([1000, 3000, 7000, 15_000, 31_000])
    })
  )

  it.scoped("reports its states in order, with the error that caused each of them", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const states: Array<ConnectionState> = []
      yield* redis.statusChanges.pipe(
        Stream.runForEach((state) => Effect.sync(() => states.push(state))),
        Effect.forkScoped
      )
      yield* settled
      server.dial = refused
      server.cut()
      yield* runFor(31_000)
      server.dial = "Accept"
      yield* runFor(36_000)
      yield* redis.close
      yield* settled
      expect(states.map(word)).toEqual([
        "Connected 1",
        "Reconnecting 1 in 1s",
        "Reconnecting 2 in 2s",
        "Reconnecting 3 in 4s",
        "Reconnecting 4 in 8s",
        "Reconnecting 5 in 16s",
        "Unavailable",
        "Connected 2",
        "Disabled"
      ])
      expect(states.flatMap((state) => ("cause" in state ? [kind(state.cause)] : []))).toEqual([
        "RedisConnectError Closed",
        ...Array<string>(5).fill("RedisConnectError Refused")
      ])
    })
  )

  it.scoped("remembers since when it has been unavailable", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.dial = refused
      const redis = yield* connect(server)
      yield* runFor(5 * 60_000)
      const { state } = yield* redis.getStatus
      expect(state._tag === "Unavailable" && state.since.epochMillis).toBe(31_000)
    })
  )

  for (const [name, failure] of [
    ["a wrong password", new RedisAuthError({ reason: "WrongPassword", detail: "WRONGPASS" })],
    ["a missing password", new RedisAuthError({ reason: "PasswordRequired", detail: "NOAUTH" })],
    ["a certificate that is not trusted", new RedisConnectError({ reason: "Tls", detail: "SELF_SIGNED" })],
    ["a database index that does not exist", new RedisConnectError({ reason: "Database", detail: "out of range" })]
  ] as const) {
    it.scoped(`probes slowly at once after ${name}, and says so once`, () =>
      Effect.gen(function* () {
        const log = yield* CapturedLog.make
        const server = yield* make
        server.dial = failure
        yield* Effect.gen(function* () {
          const redis = yield* connect(server)
          expect((yield* redis.getStatus).state._tag).toBe("Unavailable")
          yield* runFor(10 * 60_000)
        }).pipe(Effect.provide(log.layer))
        for (const gap of gaps(server.dialTimes)) expect(gap).toBeGreaterThanOrEqual(24_000)
        expect(server.dialTimes.length).toBeGreaterThan(15)
        expect(log.lines.filter(({ level }) => level === "WARN").map(({ text }) => text)).toEqual([
          `not connected: ${failure.message}`
        ])
      })
    )
  }

  it.scoped("logs each kind of failure once until it is connected, even when two kinds alternate", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const server = yield* make
      const other = new RedisConnectError({ reason: "Loading", detail: "LOADING" })
      yield* Effect.gen(function* () {
        server.dial = refused
        yield* connect(server)
        for (let i = 0; i < 10; i++) {
          server.dial = i % 2 === 0 ? other : refused
          yield* runFor(60_000)
        }
        expect(log.lines.filter(({ level }) => level === "WARN").length).toBe(2)
        server.dial = "Accept"
        yield* runFor(40_000)
        server.dial = refused
        server.cut()
        yield* runFor(10_000)
      }).pipe(Effect.provide(log.layer))
      expect(
        log.lines
          .filter(({ level }) => level === "WARN")
          .map(({ text }) => /refused|loading|ended|accepts/.exec(text)?.[0])
      ).toEqual(["accepts", "loading", "ended", "accepts"])
    })
  )

  it.scoped("gives a dial up after the connect timeout, handshake included", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.dial = "Hang"
      const building = yield* Effect.fork(connect(server, { connectTimeout: "2 seconds" }))
      yield* runFor(2000)
      const redis = yield* Fiber.join(building)
      expect(kind(Option.getOrThrow((yield* redis.getStatus).lastFailure))).toBe("RedisConnectError Timeout")
      server.dial = "Accept"
      server.answer = ({ command }) => (command === "INFO" ? silence : undefined)
      yield* runFor(1000 + 2000)
      expect(yield* redis.isAvailable).toBe(false)
      expect(server.open(), "the half-made connection is closed").toEqual([])
      server.answer = () => undefined
      yield* runFor(5000)
      expect(yield* redis.isAvailable).toBe(true)
    })
  )

  it.scoped("is built when the first dial has ended, even when it failed", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.dial = refused
      const redis = yield* connect(server)
      const failure = yield* Effect.flip(redis.get("key"))
      expect(failure).toMatchObject({ _tag: "RedisUnavailable" })
      expect(yield* redis.isAvailable).toBe(false)
    })
  )

  it.scoped("measures the latency and the server's clock with each heartbeat", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.clockOffsetMillis = 5000
      const redis = yield* connect(server)
      expect((yield* redis.getStatus).clockOffsetMillis).toBe(5000)
      server.clockOffsetMillis = 3000
      server.answer = ({ command }) => (command === "TIME" ? silence : undefined)
      yield* runFor(1000)
      yield* runFor(100)
      server.answer = () => undefined
      server.answerLate()
      yield* settled
      const status = yield* redis.getStatus
      expect(Option.map(status.latency, Duration.toMillis)).toEqual(Option.some(100))
      // the reply was written at the very end of the round trip, of which the client assumes the middle
      expect(status.clockOffsetMillis).toBe(3050)
    })
  )

  it.scoped(
    "keeps the known offset of the server's clock while the reply to TIME is no time, also on the next connection",
    () =>
      Effect.gen(function* () {
        const server = yield* make
        server.clockOffsetMillis = 5000
        const redis = yield* connect(server)
        for (const nonsense of [null, "OK", [], ["a", "b"], ["NaN", "0"]]) {
          server.answer = ({ command }) => (command === "TIME" ? reply(nonsense) : undefined)
          yield* runFor(1000)
          expect((yield* redis.getStatus).clockOffsetMillis).toBe(5000)
        }
        yield* Effect.sync(() => server.cut())
        yield* runFor(2000)
        expect(yield* redis.getStatus).toMatchObject({ connected: true, generation: 2, clockOffsetMillis: 5000 })
      })
  )

  it.scoped("sends a heartbeat every interval and takes an error reply for a sign of life", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { heartbeatInterval: "2 seconds" })
      server.answer = ({ command }) => (command === "TIME" ? error("NOPERM no TIME for you") : undefined)
      const before = server.count("TIME")
      yield* runFor(20_000)
      expect(server.count("TIME") - before).toBe(10)
      expect((yield* redis.getStatus).generation).toBe(1)
    })
  )

  it.scoped("says once, and how to grant it, that the user may not run TIME", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const server = yield* make
      server.answer = ({ command }) => (command === "TIME" ? error("NOPERM no TIME for you") : undefined)
      yield* Effect.gen(function* () {
        yield* connect(server)
        yield* runFor(10_000)
        server.cut()
        yield* runFor(10_000)
      }).pipe(Effect.provide(log.layer))
      const told = log.lines.filter(({ text }) => text.includes("TIME"))
      expect(told.map(({ level }) => level)).toEqual(["WARN"])
      expect(told[0]?.text).toContain("+time")
    })
  )

  it.scoped("logs a lost server once, although subscriptions have lost it too", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const server = yield* make
      yield* Effect.gen(function* () {
        const redis = yield* connect(server)
        yield* Effect.forkScoped(Stream.runDrain(redis.subscribe("channel")))
        yield* settled
        server.dial = refused
        server.cut()
        yield* runFor(60_000)
        server.dial = "Accept"
        yield* runFor(40_000)
        // and what concerns the subscriptions alone is still said
        server.subscriberDial = refused
        for (const link of server.subscribers) link.end()
        yield* runFor(60_000)
      }).pipe(Effect.provide(log.layer))
      const told = log.lines.filter(({ level }) => level === "WARN").map(({ text }) => text)
      expect(told.map((text) => /ended|accepts/.exec(text)?.[0])).toEqual(["ended", "accepts", "accepts"])
    })
  )

  it.scoped("gives up a server that answers nothing after as many rounds of timeouts as configured", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { timeoutsToGiveUp: 3 })
      server.answer = ({ connection }) => (connection === 1 ? silence : undefined)
      // heartbeats at 1, 3 and 5 s, each missed a second later
      yield* runFor(5999)
      expect((yield* redis.getStatus).state._tag).toBe("Connected")
      yield* runFor(1)
      expect((yield* redis.getStatus).state._tag).toBe("Reconnecting")
      expect(kind(Option.getOrThrow((yield* redis.getStatus).lastFailure))).toBe("RedisTimeout")
      yield* runFor(1000)
      expect(yield* redis.getStatus).toMatchObject({ generation: 2, inFlight: 0, waiting: 0 })
      expect(server.open().map(({ number }) => number)).toEqual([2])
    })
  )

  it.scoped("keeps a connection whose replies arrive late", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { timeoutsToGiveUp: 3 })
      for (let i = 0; i < 10; i++) {
        server.answer = () => silence
        yield* runFor(2500)
        server.answer = () => undefined
        server.answerLate()
        yield* settled
      }
      expect((yield* redis.getStatus).generation).toBe(1)
    })
  )

  it.scoped("asks the server to drop the connection before, by its number", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      server.links[0]?.end()
      yield* runFor(1000)
      expect((yield* redis.getStatus).generation).toBe(2)
      expect(kills(server)).toEqual(["CLIENT KILL ID 1"])
    })
  )

  it.scoped("never asks a restarted server to drop a connection: the number may belong to another client", () =>
    Effect.gen(function* () {
      const server = yield* make
      yield* connect(server)
      server.runId = "run-2"
      server.cut()
      yield* runFor(1000)
      expect(server.dialTimes.length).toBe(2)
      expect(kills(server)).toEqual([])
    })
  )

  it.scoped("connects although the user may run no command of the handshake", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.answer = ({ command }) =>
        ["CLIENT", "INFO", "TIME", "PING"].includes(command) ? error("NOPERM this user has no permissions") : undefined
      const redis = yield* connect(server)
      expect(yield* redis.isAvailable).toBe(true)
      server.cut()
      yield* runFor(1000)
      expect((yield* redis.getStatus).generation).toBe(2)
    })
  )

  it.scoped("stamps every reply with the number of its connection", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const generation = Effect.async<number>((resume) =>
        RedisExecutor.of(redis).unsafeMget(
          () => ["a"],
          (reply) => resume(Exit.map(reply, ({ generation }) => generation).pipe(Effect.orDie))
        )
      )
      expect(yield* generation).toBe(1)
      server.cut()
      yield* runFor(1000)
      expect(yield* generation).toBe(2)
    })
  )

  it.scoped("keeps no connection open behind one that ended, however often that happens", () =>
    Effect.gen(function* () {
      const server = yield* make
      yield* connect(server)
      for (let i = 0; i < 20; i++) {
        server.cut()
        yield* runFor(1000)
      }
      expect(server.links.length).toBe(21)
      expect(server.open().length).toBe(1)
    })
  )

  it.scoped("ends everything when it is closed: pending commands, later commands, dials", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      server.answer = ({ command }) => (command === "SET" ? silence : undefined)
      const pending = yield* Effect.fork(Effect.flip(redis.set("key", "value")))
      yield* settled
      yield* redis.close
      expect((yield* Fiber.join(pending))._tag).toBe("RedisConnectionLost")
      expect(yield* Effect.flip(redis.set("key", "value"))).toMatchObject({ reason: "Disabled" })
      yield* runFor(60_000)
      expect(server.dialTimes.length).toBe(1)
      expect(server.open()).toEqual([])
    })
  )

  it.scoped("closes its connections with the scope that it was built in", () =>
    Effect.gen(function* () {
      const server = yield* make
      yield* Effect.scoped(
        Effect.gen(function* () {
          const redis = yield* connect(server)
          yield* Effect.forkScoped(Stream.runDrain(redis.subscribe("channel")))
          yield* settled
          expect(server.subscribers.length).toBe(1)
        })
      )
      expect([...server.links, ...server.subscribers].filter((link) => !link.ended)).toEqual([])
    })
  )

  it.scoped("answers reads from a server that holds a value, once connected", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.values.set("key", "value")
      const redis = yield* connect(server)
      expect(yield* redis.get("key")).toEqual(Option.some("value"))
      server.answer = ({ command }) => (command === "MGET" ? reply("not a list") : undefined)
      const reads = Effect.all([redis.get("key"), redis.get("other")], { concurrency: "unbounded" })
      expect((yield* Effect.flip(reads))._tag).toBe("RedisProtocolError")
    })
  )
})

const kind = (failure: { readonly _tag: string; readonly reason?: unknown }): string =>
  "reason" in failure ? `${failure._tag} ${String(failure.reason)}` : failure._tag

const kills = (server: ScriptedServer): ReadonlyArray<string> =>
  server.sent
    .filter(({ args, command }) => command === "CLIENT" && args[0] === "KILL")
    .map(({ args, command }) => [command, ...args].join(" "))
