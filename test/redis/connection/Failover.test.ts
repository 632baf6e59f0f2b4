import { createServer, type Socket, connect as tcpConnect } from "node:net"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient, type SubscriptionEvent } from "../../../src/redis/RedisClient.js"
import { RedisConnectError } from "../../../src/redis/RedisError.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import { available, connect as connectTo, eventually, test, title } from "../../support/faults/FaultSuite.js"
import { connect, error, make, runFor, type ScriptedServer, settled } from "../../support/faults/ScriptedDriver.js"
import * as RedisServer from "../../support/server/RedisServer.js"

const reasonOf = (failure: Option.Option<unknown>): unknown =>
  Option.getOrUndefined(Option.map(failure, (failure) => (failure as { readonly reason?: unknown }).reason))

/** When each dial was made, from the first on. */
const pauses = (server: ScriptedServer): ReadonlyArray<number> =>
  server.dialTimes.slice(1).map((time, i) => time - (server.dialTimes[i] ?? 0))

describe("a server that becomes a replica", () => {
  for (const [how, script] of [
    ["READONLY", false],
    ["READONLY inside a script", true]
  ] as const) {
    it.scoped(`ends its connection with the first write that it rejects: ${how}`, () =>
      Effect.gen(function* () {
        const server = yield* make
        const redis = yield* connect(server)
        const rejection = script
          ? "ERR Error running script (call to 4f): @user_script: 1: -READONLY You can't write against a read only replica."
          : "READONLY You can't write against a read only replica."
        server.answer = ({ command, connection }) =>
          command === "SET" && connection === 1 ? error(rejection) : undefined
        expect(yield* Effect.flip(redis.set("key", "value"))).toMatchObject({ code: "READONLY" })
        yield* settled
        const status = yield* redis.getStatus
        expect(status.state).toMatchObject({ _tag: "Reconnecting", cause: { reason: "Replica" } })
        expect(reasonOf(status.lastFailure)).toBe("Replica")
        yield* runFor(1000)
        expect(yield* redis.getStatus).toMatchObject({ generation: 2, connected: true })
        expect(yield* redis.set("key", "value")).toBe(true)
        expect(
          server.open().map(({ number }) => number),
          "the old connection is closed"
        ).toEqual([2])
      })
    )
  }

  for (const [what, role, rejectedCommands] of [
    ["ROLE", "slave", []],
    ["Dragonfly's ROLE", "replica", []],
    ["INFO where the user may not run ROLE", "slave", ["ROLE"]]
  ] as const) {
    it.scoped(`is noticed by a process that only reads, at the next heartbeat, by ${what}`, () =>
      Effect.gen(function* () {
        const server = yield* make
        server.answer = ({ command }) =>
          rejectedCommands.some((rejected) => rejected === command)
            ? error(`NOPERM this user has no permissions to run the '${command}' command`)
            : undefined
        const redis = yield* connect(server)
        yield* runFor(5000)
        expect((yield* redis.getStatus).generation).toBe(1)
        server.role = role
        yield* runFor(1000)
        expect((yield* redis.getStatus).state).toMatchObject({ _tag: "Reconnecting", cause: { reason: "Replica" } })
        expect(yield* Effect.flip(redis.get("key"))).toMatchObject({ reason: "Disconnected" })
        server.role = "master"
        yield* runFor(1000)
        expect(yield* redis.getStatus).toMatchObject({ generation: 2, connected: true })
      })
    )
  }

  it.scoped("moves its subscribers to the primary, and reports the gap to them", () =>
    Effect.gen(function* () {
      const server = yield* make
      // a user without the right to the beats' channel has no other sign
      server.answer = ({ args, command }) =>
        command === "PUBLISH" && String(args[0]).includes(":beat:") ? error("NOPERM no channel") : undefined
      const redis = yield* connect(server)
      const events: Array<SubscriptionEvent> = []
      yield* redis.subscribe("news").pipe(
        Stream.runForEach((event) => Effect.sync(() => void events.push(event))),
        Effect.forkScoped
      )
      yield* settled
      expect(server.subscribers.length).toBe(1)
      server.role = "slave"
      yield* runFor(1000)
      server.role = "master"
      yield* runFor(3000)
      expect(server.subscribers.map(({ ended }) => ended)).toEqual([true, false])
      expect(events.map((event) => event._tag)).toEqual(["Gap", "Gap"])
    })
  )

  it.scoped("is dialled ever more slowly while the address leads to it, and the log says why once", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const server = yield* make
      server.role = "slave"
      yield* Effect.gen(function* () {
        const redis = yield* connect(server)
        yield* runFor(31_000)
        expect(pauses(server)).toEqual([1000, 2000, 4000, 8000, 16_000])
        yield* runFor(10 * 60_000)
        const { state } = yield* redis.getStatus
        expect(state).toMatchObject({ _tag: "Unavailable", cause: { reason: "Replica" } })
        expect(server.dialTimes.length).toBeLessThan(32)
      }).pipe(Effect.provide(log.layer))
      const warnings = log.lines.filter(({ level }) => level === "WARN").map(({ text }) => text)
      expect(warnings).toEqual([
        `not connected: ${new RedisConnectError({ reason: "Replica", detail: "by its ROLE" }).message}`
      ])
      expect(warnings[0]).toContain("primary")
    })
  )

  it.scoped("that does not report its role is dialled ever more slowly too, however often a write reveals it", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const server = yield* make
      server.role = "slave"
      server.answer = ({ command }) => (["ROLE", "INFO"].includes(command) ? error("NOPERM not you") : undefined)
      yield* Effect.gen(function* () {
        const redis = yield* connect(server)
        yield* Effect.forkScoped(Effect.forever(Effect.delay(Effect.ignore(redis.set("key", "value")), "3 seconds")))
        yield* runFor(4 * 60_000)
        expect(server.dialTimes.length).toBeLessThan(20)
        server.role = "master"
        yield* runFor(40_000)
        expect(yield* redis.isAvailable).toBe(true)
        server.cut()
        const before = server.dialTimes.length
        yield* runFor(1000)
        expect(server.dialTimes.length, "and from the start after another failure").toBe(before + 1)
      }).pipe(Effect.provide(log.layer))
      expect(log.lines.filter(({ text }) => text.includes("replica")).length).toBe(1)
    })
  )

  it.scoped("serves the reads of a program with `allowReplica`, and receives no more queries of its role", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.role = "slave"
      server.values.set("key", "value")
      const redis = yield* connect(server, { allowReplica: true })
      expect(yield* redis.get("key")).toEqual(Option.some("value"))
      expect(yield* Effect.flip(redis.set("key", "other"))).toMatchObject({ code: "READONLY" })
      const asked = server.count("ROLE")
      yield* runFor(10_000)
      expect((yield* redis.getStatus).generation).toBe(1)
      expect(server.count("ROLE")).toBe(asked)
    })
  )

  it.scoped("costs no command of a caller a round trip: only the heartbeat queries the role", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const before = server.sent.length
      for (let i = 0; i < 10; i++) yield* redis.get("key")
      expect(server.sent.slice(before).map(({ command }) => command)).toEqual(Array(10).fill("GET"))
    })
  )
})

/** One address that leads where it is pointed, for new connections only, as the name of a managed server does. */
const forwarder = (first: number) =>
  Effect.gen(function* () {
    let target = first
    const sockets = new Set<Socket>()
    const server = createServer((from) => {
      const to = tcpConnect(target, "127.0.0.1")
      for (const [one, other] of [
        [from, to],
        [to, from]
      ] as const) {
        sockets.add(one)
        one.on("error", () => other.destroy())
        one.on("close", () => {
          sockets.delete(one)
          other.destroy()
        })
      }
      from.pipe(to)
      to.pipe(from)
    })
    yield* Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
    )
    const address = server.address()
    return {
      port: typeof address === "object" && address !== null ? address.port : 0,
      pointTo: (port: number) =>
        Effect.sync(() => {
          target = port
        })
    }
  })

describe("a failover behind one address", () => {
  test(title("is followed by commands, caches and subscriptions, also of a process that only reads"), () =>
    Effect.gen(function* () {
      const old = yield* RedisServer.make()
      const next = yield* RedisServer.make()
      const address = yield* forwarder(old.port)
      const reader = yield* connectTo({ port: address.port })
      const writer = yield* connectTo({ port: address.port })
      const cache = yield* TypedCache.make({
        name: "failover",
        key: Schema.String,
        value: Schema.String,
        timeToLive: "1 minute",
        lookup: Effect.succeed
      }).pipe(Effect.provideService(RedisClient, writer))
      yield* cache.get("before")
      const heard: Array<string> = []
      yield* reader.subscribe("news").pipe(
        Stream.runForEach((event) => Effect.sync(() => void (event._tag === "Message" && heard.push(event.message)))),
        Effect.forkScoped
      )

      yield* address.pointTo(next.port)
      yield* old.send("REPLICAOF", "127.0.0.1", `${next.port}`)
      yield* eventually(
        "both are on their next connection",
        Effect.map(Effect.all([reader.getStatus, writer.getStatus]), (statuses) =>
          statuses.every(({ connected, generation }) => connected && generation >= 2)
        )
      )
      for (const redis of [reader, writer]) {
        yield* available(redis)
        expect(reasonOf((yield* redis.getStatus).lastFailure)).toBe("Replica")
      }
      expect(yield* writer.set("key", "value")).toBe(true)
      expect(yield* reader.get("key")).toEqual(Option.some("value"))
      expect(yield* next.send("GET", "key")).toBe("value")
      yield* eventually(
        "a message is heard",
        Effect.zipRight(
          next.send("PUBLISH", "news", "hello"),
          Effect.sync(() => heard.includes("hello"))
        )
      )
      yield* eventually(
        "the cache is served from the new primary",
        Effect.map(cache.getResult("a"), ({ source }) => source === "Redis" || source === "Local")
      )
      expect(yield* cache.invalidate("a")).toBe(true)
    })
  )
})
