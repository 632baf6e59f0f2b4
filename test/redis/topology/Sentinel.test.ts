/** The rules of the driver, with servers and sentinels in memory. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as SupervisedExecutor from "../../../src/redis/connection/SupervisedExecutor.js"
import * as RedisCommands from "../../../src/redis/RedisCommands.js"
import type { SentinelAddress } from "../../../src/redis/RedisConfig.js"
import type { RedisReply } from "../../../src/redis/RedisConnection.js"
import * as Sentinel from "../../../src/redis/topology/Sentinel.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import {
  error,
  make as makeServer,
  reply,
  runFor,
  type ScriptedServer,
  settled,
  silence
} from "../../support/faults/ScriptedDriver.js"
import { first, makeWorld, one, refusal, second, sentinelPorts, three, two, type World } from "./SentinelWorld.js"

const connect = (world: World, settings?: Partial<SentinelAddress>) =>
  Effect.map(SupervisedExecutor.make(world.driver(settings)), RedisCommands.fromExecutor)

const dial = (world: World, settings?: Partial<SentinelAddress>) =>
  Effect.scoped(Effect.either(world.driver(settings).connect))

const failureOf = (world: World, settings?: Partial<SentinelAddress>) =>
  Effect.flatMap(dial(world, settings), (result) =>
    result._tag === "Left" ? Effect.succeed(result.left) : Effect.dieMessage("the dial succeeded")
  )

const asked = (world: World): ReadonlyArray<number> =>
  world.dialled.flatMap(({ port = 0 }) => (port > 20_000 ? [port] : []))

const addressOf = (redis: Effect.Effect.Success<ReturnType<typeof connect>>) =>
  Effect.map(redis.getStatus, ({ address }) => Option.getOrUndefined(address))

describe("the dial of a primary", () => {
  it.scoped("asks one sentinel, and shows the address that it names", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const redis = yield* connect(world)
      expect(yield* redis.set("key", "value")).toBe(true)
      expect(world.at(first).values.get("key")).toBe("value")
      expect(yield* addressOf(redis)).toBe("redis://10.0.0.1:6001/0")
      expect(world.at(two).count("SENTINEL") + world.at(three).count("SENTINEL")).toBe(0)
    })
  )

  it.scoped(
    "passes by a sentinel that is down, silent, no sentinel at all or without the name, and asks it last afterwards",
    () =>
      Effect.gen(function* () {
        for (const fail of [
          (sentinel: ScriptedServer) => Object.assign(sentinel, { dial: refusal("there") }),
          (sentinel: ScriptedServer) => Object.assign(sentinel, { dial: "Hang" }),
          (sentinel: ScriptedServer) => Object.assign(sentinel, { answer: () => silence }),
          (sentinel: ScriptedServer) => Object.assign(sentinel, { answer: () => undefined })
        ]) {
          const world = yield* makeWorld
          fail(world.at(one))
          const driver = world.driver()
          const dialling = yield* Effect.fork(Effect.scoped(driver.connect))
          yield* runFor(1000)
          yield* dialling
          world.dialled.splice(0)
          yield* Effect.scoped(driver.connect)
          expect(asked(world)).toEqual([two])
        }
      })
  )

  it.scoped("passes by a sentinel that names a dead server, or one that is a replica by its ROLE", () =>
    Effect.gen(function* () {
      for (const fail of [
        (server: ScriptedServer) => Object.assign(server, { dial: refusal("redis://10.0.0.1:6002/0") }),
        (server: ScriptedServer) => Object.assign(server, { role: "slave" })
      ]) {
        const world = yield* makeWorld
        world.names.set(one, second)
        fail(world.at(second))
        const redis = yield* connect(world)
        expect(yield* addressOf(redis)).toBe("redis://10.0.0.1:6001/0")
        expect(world.at(second).open().length, "the connection to the replica is closed").toBe(0)
      }
    })
  )

  it.scoped("that hangs at a dead server is repeated with the next sentinel", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      world.names.set(one, second)
      world.at(second).dial = "Hang"
      const connecting = yield* Effect.fork(connect(world))
      yield* runFor(5000)
      const redis = yield* connecting
      expect((yield* redis.getStatus).state).toMatchObject({
        cause: { reason: "Timeout", address: "redis://10.0.0.1:6002/0" }
      })
      yield* runFor(1000)
      expect(yield* addressOf(redis)).toBe("redis://10.0.0.1:6001/0")
    })
  )

  it.scoped("asks sentinels that it has learnt of, when all that were named are gone", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const driver = world.driver({ sentinels: [{ host: "10.0.0.1", port: one }] })
      yield* Effect.scoped(driver.connect)
      world.at(one).dial = refusal("there")
      world.dialled.splice(0)
      yield* Effect.scoped(driver.connect)
      expect(asked(world)).toEqual([one, two])
    })
  )

  it.scoped("reads a sentinel's list of the others in RESP2 as well", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const answer = world.at(one).answer
      const flat: RedisReply = [["name", "x", "ip", "10.0.0.1", "port", "26002", "flags", "sentinel"]]
      world.at(one).answer = (sent) => (sent.args[0] === "SENTINELS" ? reply(flat) : answer(sent))
      const driver = world.driver({ sentinels: [{ host: "10.0.0.1", port: one }] })
      yield* Effect.scoped(driver.connect)
      world.at(one).dial = refusal("there")
      world.dialled.splice(0)
      yield* Effect.scoped(driver.connect)
      expect(asked(world)).toEqual([one, two])
    })
  )

  it.scoped("logs in to sentinels and servers each with their own login, TLS and database", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      yield* dial(world, {
        username: "app",
        password: Redacted.make("of the servers"),
        database: 3,
        tls: { caFile: "/servers.pem" },
        sentinelUsername: "watcher",
        sentinelPassword: Redacted.make("of the sentinels"),
        sentinelTls: { caFile: "/sentinels.pem" }
      })
      const [sentinel, server] = [one, first].map((port) => world.dialled.find((address) => address.port === port))
      expect(sentinel).toMatchObject({ username: "watcher", tls: { caFile: "/sentinels.pem" } })
      expect(sentinel?.database).toBe(undefined)
      expect(sentinel?.password && Redacted.value(sentinel.password)).toBe("of the sentinels")
      expect(server).toMatchObject({ username: "app", database: 3, tls: { caFile: "/servers.pem" } })
      expect(server?.password && Redacted.value(server.password)).toBe("of the servers")
    })
  )

  it.scoped("maps what sentinels announce, of servers and of other sentinels", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const driver = world.driver({
        sentinels: [{ host: "outside", port: one }],
        mapAddress: ({ port }) => ({ host: "outside", port })
      })
      yield* Effect.scoped(driver.connect)
      world.at(one).dial = refusal("there")
      yield* Effect.scoped(driver.connect)
      const hosts = world.dialled.filter(({ port }) => port !== undefined).map(({ host }) => host)
      expect(new Set(hosts)).toEqual(new Set(["outside"]))
      expect(asked(world)).toContain(two)
    })
  )
})

describe("a dial that finds no primary", () => {
  it.scoped("names the sentinels and the variables to check when none answers", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      for (const port of sentinelPorts) world.at(port).dial = refusal("there")
      const failure = yield* failureOf(world, { sentinelPassword: Redacted.make("hidden") })
      expect(failure).toMatchObject({ reason: "SentinelsUnavailable" })
      expect(failure.message).toContain("REDIS_SENTINELS")
      expect(failure.message).toContain("redis-sentinel://10.0.0.1:26001,10.0.0.1:26002,10.0.0.1:26003/0#mymaster")
      expect(failure.message).toContain("10.0.0.1:26002: Refused")
      expect(failure.message).not.toContain("hidden")
    })
  )

  it.scoped("names the variable of the master when the sentinels do not know it", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      world.at(two).dial = refusal("there")
      const failure = yield* failureOf(world, { master: "yourmaster" })
      expect(failure).toMatchObject({ reason: "UnknownMaster" })
      expect(failure.message).toContain("REDIS_SENTINEL_MASTER")
      expect(failure.message).toContain("#yourmaster")
      expect(failure.message).toContain("10.0.0.1:26001: UnknownMaster; 10.0.0.1:26002: Refused")
    })
  )

  it.scoped("says which sentinel names which server when they disagree", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      world.names.set(two, second)
      world.at(first).dial = refusal("redis://10.0.0.1:6001/0")
      world.at(second).role = "slave"
      const failure = yield* failureOf(world)
      expect(failure).toMatchObject({ reason: "PrimaryDisputed" })
      expect(failure.message).toContain("10.0.0.1:26001 names 10.0.0.1:6001: Refused")
      expect(failure.message).toContain("10.0.0.1:26002 names 10.0.0.1:6002: Replica")
    })
  )

  it.scoped("fails as the dial of the one server that all name, and names a sentinel", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      world.at(first).dial = refusal("redis://10.0.0.1:6001/0")
      const failure = yield* failureOf(world)
      expect(failure).toMatchObject({ reason: "Refused", address: "redis://10.0.0.1:6001/0" })
      expect(failure.message).toContain("named by the sentinel 10.0.0.1:26001")
      expect(world.at(first).dialTimes.length, "the server is dialled once").toBe(1)
    })
  )

  it("is impossible with settings that cannot be right: each is a defect that names the option", () => {
    const attempt = (settings: Partial<SentinelAddress>) => () =>
      Sentinel.driver(() => Effect.runSync(makeServer).driver, { sentinels: [{ host: "a" }], master: "m", ...settings })
    expect(attempt({ sentinels: [] })).toThrow("sentinels")
    expect(attempt({ sentinels: [{ host: "a", port: 70_000 }] })).toThrow("sentinels.port")
    expect(attempt({ master: "" })).toThrow("master")
    expect(attempt({ sentinelTimeout: 0 })).toThrow("sentinelTimeout")
    expect(attempt({})).not.toThrow()
  })
})

describe("a connection to a primary", () => {
  const failover = (world: World) => {
    for (const port of sentinelPorts) world.names.set(port, second)
  }
  const announce = (sentinel: ScriptedServer, master: string, to: number) =>
    sentinel.publish("+switch-master", `${master} 10.0.0.1 ${first} 10.0.0.1 ${to}`)

  it.scoped("ends at once when a sentinel announces another primary, and the log names both", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const world = yield* makeWorld
      yield* Effect.gen(function* () {
        const redis = yield* connect(world)
        yield* settled
        failover(world)
        expect(announce(world.at(one), "mymaster", second)).toBe(1)
        yield* settled
        expect((yield* redis.getStatus).state).toMatchObject({ _tag: "Reconnecting", cause: { reason: "Superseded" } })
        yield* runFor(1000)
        expect(yield* redis.getStatus).toMatchObject({ connected: true, generation: 2 })
        expect(yield* addressOf(redis)).toBe("redis://10.0.0.1:6002/0")
        expect(world.at(first).open().length).toBe(0)
      }).pipe(Effect.provide(log.layer))
      const lines = log.lines.map(({ text }) => text)
      expect(lines).toContain("the primary mymaster is redis://10.0.0.1:6001/0")
      expect(lines).toContain("the primary mymaster is redis://10.0.0.1:6002/0")
      expect(lines.join("\n")).toContain("10.0.0.1:6002 in the place of 10.0.0.1:6001, by the sentinel 10.0.0.1:26001")
    })
  )

  it.scoped("stays when an announcement concerns another master, or the primary that it leads to", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const redis = yield* connect(world)
      yield* settled
      announce(world.at(one), "yourmaster", second)
      announce(world.at(one), "mymaster", first)
      world.at(one).publish("+switch-master", "mymaster")
      yield* runFor(10_000)
      expect(yield* redis.getStatus).toMatchObject({ connected: true, generation: 1 })
    })
  )

  it.scoped("ends within seconds of a failover whose announcement was lost", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const redis = yield* connect(world)
      yield* runFor(1000)
      failover(world)
      yield* runFor(7000)
      expect(yield* addressOf(redis)).toBe("redis://10.0.0.1:6002/0")
    })
  )

  it.scoped("hears of a failover by another sentinel when the first is gone or silent", () =>
    Effect.gen(function* () {
      for (const fail of [
        (sentinel: ScriptedServer) => {
          sentinel.dial = refusal("there")
          sentinel.cut()
        },
        (sentinel: ScriptedServer) => {
          sentinel.answer = () => silence
        }
      ]) {
        const world = yield* makeWorld
        const redis = yield* connect(world)
        yield* settled
        fail(world.at(one))
        yield* runFor(10_000)
        expect((yield* redis.getStatus).generation, "the connection outlives the sentinel").toBe(1)
        failover(world)
        expect(announce(world.at(two), "mymaster", second)).toBe(1)
        yield* runFor(1000)
        expect(yield* addressOf(redis)).toBe("redis://10.0.0.1:6002/0")
      }
    })
  )

  it.scoped("stays when one sentinel alone names another server without an announcement", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const redis = yield* connect(world)
      yield* runFor(1000)
      world.names.set(one, second)
      yield* runFor(20_000)
      expect(yield* redis.getStatus).toMatchObject({ connected: true, generation: 1 })
      world.names.set(three, second)
      yield* runFor(7000)
      expect(yield* addressOf(redis)).toBe("redis://10.0.0.1:6002/0")
    })
  )

  it.scoped("stays while no sentinel answers", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const redis = yield* connect(world)
      yield* settled
      for (const port of sentinelPorts) {
        world.at(port).dial = refusal("there")
        world.at(port).cut()
      }
      yield* runFor(60_000)
      expect(yield* redis.getStatus).toMatchObject({ connected: true, generation: 1 })
    })
  )

  it.scoped("is still watched when the user of the sentinels may not subscribe, and the log says so once", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const world = yield* makeWorld
      for (const port of sentinelPorts) {
        world.at(port).subscribeAnswer = () =>
          error("NOPERM this user has no permissions to access one of the channels")
      }
      yield* Effect.gen(function* () {
        const redis = yield* connect(world)
        yield* runFor(1000)
        failover(world)
        yield* runFor(7000)
        expect(yield* addressOf(redis)).toBe("redis://10.0.0.1:6002/0")
      }).pipe(Effect.provide(log.layer))
      expect(log.lines.filter(({ text }) => text.includes("do not announce")).length).toBe(1)
    })
  )

  it.scoped("leaves no connection to a sentinel behind when it is closed", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const redis = yield* connect(world)
      yield* runFor(6000)
      expect(world.at(one).open().length).toBe(1)
      yield* redis.close
      yield* settled
      for (const port of sentinelPorts) {
        const links = [...world.at(port).links, ...world.at(port).subscribers]
        expect(links.filter(({ ended }) => !ended)).toEqual([])
      }
    })
  )

  it.scoped("takes its subscriptions along to the next primary", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      // a user without the right to the beats' channel has no other sign
      for (const port of [first, second]) {
        world.at(port).answer = ({ command }) => (command === "PUBLISH" ? error("NOPERM no channel") : undefined)
      }
      const redis = yield* connect(world)
      yield* redis.subscribe("news").pipe(Stream.runDrain, Effect.forkScoped)
      yield* settled
      expect(world.at(first).subscribers.map(({ ended }) => ended)).toEqual([false])
      failover(world)
      announce(world.at(one), "mymaster", second)
      yield* runFor(5000)
      expect(world.at(first).subscribers.map(({ ended }) => ended)).toEqual([true])
      expect(world.at(second).subscribers.filter(({ ended }) => !ended).length).toBe(1)
    })
  )
})
