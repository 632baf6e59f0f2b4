import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Stream from "effect/Stream"
import * as SupervisedExecutor from "../../../../src/redis/connection/SupervisedExecutor.js"
import type { RedisClient, SubscriptionEvent } from "../../../../src/redis/RedisClient.js"
import * as RedisCommands from "../../../../src/redis/RedisCommands.js"
import { RedisConnectError } from "../../../../src/redis/RedisError.js"
import * as RedisExecutor from "../../../../src/redis/RedisExecutor.js"
import { SubscriptionBuffer } from "../../../../src/redis/SubscriptionBuffer.js"
import * as CapturedLog from "../../../support/CapturedLog.js"
import { connect, error, make, reply, runFor, settled, silence } from "../../../support/faults/ScriptedDriver.js"

/** Each event as a word: the message itself, or the reason of the gap. */
const word = (event: SubscriptionEvent): string => (event._tag === "Gap" ? `<${event.reason}>` : event.message)

/** Reads a channel in the background. */
const read = (redis: RedisClient.Service, channel: string) =>
  Effect.gen(function* () {
    const heard: Array<string> = []
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(redis.subscribe(channel), (event) => Effect.sync(() => heard.push(word(event))))
    )
    yield* settled
    return { heard, fiber }
  })

const refused = new RedisConnectError({ reason: "Refused", detail: "" })

describe("a subscription", () => {
  it.scoped("begins with a gap, since nothing is known of the time before, and brings the messages in order", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const { heard } = yield* read(redis, "news")
      for (const message of ["one", "two", "three"]) yield* redis.publish("news", message)
      yield* redis.publish("other", "not for us")
      yield* settled
      expect(heard).toEqual(["<Connected>", "one", "two", "three"])
    })
  )

  it.scoped("reports the gap after a reconnection and listens again", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const { heard } = yield* read(redis, "news")
      server.cut()
      yield* settled
      server.publish("news", "lost")
      yield* runFor(1000)
      server.publish("news", "heard")
      yield* settled
      expect(heard).toEqual(["<Connected>", "<Reconnected>", "heard"])
    })
  )

  for (const [how, answer] of [
    ["", reply("OK")],
    [", also where the server does not take the name", error("NOPERM no permissions to run 'client|setname'")],
    [", also where the server does not answer to the name", silence]
  ] as const) {
    it.scoped(`gives each of its connections the name of the client${how}`, () =>
      Effect.gen(function* () {
        const server = yield* make
        server.nameAnswer = answer
        const redis = yield* connect(server, { clientName: "shop:api" })
        const { heard } = yield* read(redis, "news")
        yield* runFor(6000)
        server.cut()
        yield* runFor(12_000)
        expect(server.subscribers.map(({ names }) => names)).toEqual([["shop:api"], ["shop:api"]])
        server.publish("news", "heard")
        yield* settled
        expect(heard).toEqual(["<Connected>", "<Reconnected>", "heard"])
      })
    )
  }

  it.scoped("is dialled with nothing of its first reader, since others share its connection", () =>
    Effect.gen(function* () {
      const ref = FiberRef.unsafeMake("nobody's")
      const server = yield* make
      const dialled: Array<string> = []
      const { connectSubscriber } = server.driver
      const driver = {
        ...server.driver,
        connectSubscriber: Effect.zipRight(
          Effect.map(FiberRef.get(ref), (whose) => dialled.push(whose)),
          connectSubscriber
        )
      }
      const redis = RedisCommands.fromExecutor(yield* SupervisedExecutor.make(driver, {}))
      yield* settled
      yield* Effect.locally(read(redis, "news"), ref, "the caller's")
      server.cut()
      yield* runFor(1000)
      expect(dialled).toEqual(["nobody's", "nobody's"])
    })
  )

  it.scoped("survives an outage of any length", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const { heard } = yield* read(redis, "news")
      server.dial = refused
      server.cut()
      yield* runFor(5 * 60_000)
      server.dial = "Accept"
      yield* runFor(40_000)
      server.publish("news", "heard")
      yield* settled
      expect(heard).toEqual(["<Connected>", "<Reconnected>", "heard"])
    })
  )

  it.scoped("that begins during an outage receives the gap once there is a connection", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.dial = refused
      const redis = yield* connect(server)
      const { heard } = yield* read(redis, "news")
      expect(heard).toEqual([])
      server.dial = "Accept"
      yield* runFor(1000)
      server.publish("news", "heard")
      yield* settled
      expect(heard).toEqual(["<Connected>", "heard"])
    })
  )

  it.scoped("ends its connection and reports a gap when two of its own beats are missing", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const { heard } = yield* read(redis, "news")
      yield* runFor(5000)
      expect(heard, "beats that arrive are no news").toEqual(["<Connected>"])
      server.delivers = false
      yield* runFor(4000)
      server.delivers = true
      yield* runFor(1000)
      server.publish("news", "heard")
      yield* settled
      expect(heard).toEqual(["<Connected>", "<MissedBeats>", "heard"])
      expect(server.subscribers.filter((link) => !link.ended).length).toBe(1)
      expect((yield* redis.getStatus).generation, "the command connection is not concerned").toBe(1)
    })
  )

  it.scoped("keeps its connection while beats cannot be published, which proves nothing about it", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const { heard } = yield* read(redis, "news")
      server.dial = refused
      server.subscriberDial = "Accept"
      for (const link of server.open()) link.end()
      yield* runFor(60_000)
      server.publish("news", "heard")
      yield* settled
      expect(heard).toEqual(["<Connected>", "heard"])
    })
  )

  it.scoped("shares one connection and one SUBSCRIBE with others of its channel, until the last one leaves", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const changes: Array<string> = []
      server.subscribeAnswer = (channel, command) => {
        if (channel === "news") changes.push(command)
        return reply(null)
      }
      const first = yield* read(redis, "news")
      const second = yield* read(redis, "news")
      yield* Fiber.interrupt(first.fiber)
      server.publish("news", "heard")
      yield* settled
      expect([first.heard, second.heard]).toEqual([["<Connected>"], ["<Connected>", "heard"]])
      yield* Fiber.interrupt(second.fiber)
      expect(changes).toEqual(["SUBSCRIBE", "UNSUBSCRIBE"])
      expect(server.subscribers.length).toBe(1)
    })
  )

  it.scoped("does not wait for a SUBSCRIBE longer than its timeout, and is made again on a new connection", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { subscribeTimeout: "3 seconds" })
      const { heard: others } = yield* read(redis, "other")
      server.subscribeAnswer = (channel) => (channel === "news" ? silence : reply(null))
      const { heard } = yield* read(redis, "news")
      yield* runFor(2999)
      expect(server.subscribers.length).toBe(1)
      yield* runFor(1)
      server.subscribeAnswer = () => reply(null)
      yield* runFor(1000)
      server.publish("news", "heard")
      yield* settled
      expect(heard).toEqual(["<Reconnected>", "heard"])
      expect(others).toEqual(["<Connected>", "<Reconnected>"])
    })
  )

  it.scoped("does not wait for an UNSUBSCRIBE longer than its timeout", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { subscribeTimeout: "3 seconds" })
      const { fiber } = yield* read(redis, "news")
      server.subscribeAnswer = () => silence
      const leaving = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* runFor(3000)
      yield* Fiber.join(leaving)
      server.subscribeAnswer = () => reply(null)
      yield* runFor(1000)
      const { heard } = yield* read(redis, "news")
      server.publish("news", "heard")
      yield* settled
      expect(heard).toEqual(["<Connected>", "heard"])
    })
  )

  it.scoped("of a channel that the user may not read fails, and the others are back within seconds", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const { heard } = yield* read(redis, "news")
      server.subscribeAnswer = (channel) => (channel === "secret" ? error("NOPERM no channel") : reply(null))
      const failure = yield* Effect.fork(Effect.flip(Stream.runDrain(redis.subscribe("secret"))))
      yield* runFor(3000)
      expect(yield* Fiber.join(failure)).toMatchObject({ _tag: "RedisAuthError", reason: "NoPermission" })
      server.publish("news", "heard")
      yield* settled
      expect(heard).toEqual(["<Connected>", "<Reconnected>", "heard"])
    })
  )

  it.scoped("works without beats for a user without the right to their channel, and the log says so once", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const server = yield* make
      server.subscribeAnswer = (channel) => (channel === "news" ? reply(null) : error("NOPERM no channel"))
      yield* Effect.gen(function* () {
        const redis = yield* connect(server)
        const { heard } = yield* read(redis, "news")
        yield* runFor(1000)
        server.publish("news", "heard")
        yield* runFor(60_000)
        expect(heard).toEqual(["<Connected>", "heard"])
      }).pipe(Effect.provide(log.layer))
      expect(log.lines.filter(({ text }) => text.includes("cannot be watched by beats")).length).toBe(1)
    })
  )

  it.scoped("fails when the client is closed, and at once when it was closed before", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const { fiber } = yield* read(redis, "news")
      yield* redis.close
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "RedisUnavailable", reason: "Disabled" })
      expect(yield* Effect.flip(Stream.runDrain(redis.subscribe("news")))).toMatchObject({ reason: "Disabled" })
      expect(server.subscribers.filter((link) => !link.ended)).toEqual([])
    })
  )

  it.scoped("that waits for its turn when the client is closed fails as well", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      yield* read(redis, "news")
      server.subscribeAnswer = () => silence
      yield* read(redis, "slow")
      const { fiber } = yield* read(redis, "waiting")
      yield* redis.close
      yield* settled
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "RedisUnavailable", reason: "Disabled" })
    })
  )
})

describe("a listener that throws", () => {
  for (const tag of ["Gap", "Message"] as const) {
    it.scoped(`at a ${tag} ends with its exception, and the others continue to receive`, () =>
      Effect.gen(function* () {
        const server = yield* make
        server.dial = refused
        const redis = yield* connect(server)
        const heardByThrower: Array<string> = []
        const throws = (event: SubscriptionEvent) => {
          heardByThrower.push(event._tag)
          if (event._tag === tag) throw new Error("not prepared for this")
        }
        const listening = yield* Effect.fork(RedisExecutor.of(redis).listen("news", throws))
        yield* settled
        const { heard } = yield* read(redis, "news")
        server.dial = "Accept"
        yield* runFor(1000)
        server.publish("news", "one")
        yield* settled
        server.cut()
        yield* runFor(1000)
        server.publish("news", "two")
        yield* settled
        expect(heard).toEqual(["<Connected>", "one", "<Reconnected>", "two"])
        expect(yield* Effect.exit(Fiber.join(listening))).toEqual(Exit.die(new Error("not prepared for this")))
        expect(heardByThrower).toEqual(tag === "Gap" ? ["Gap"] : ["Gap", "Message"])
      })
    )
  }
})

describe("a reader that is too slow for its channel", () => {
  it.scoped("loses messages, receives a gap, and reads on with the newest", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { subscriptionBuffer: 20, heartbeatInterval: "1 hour" })
      const heard: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(redis.subscribe("news"), (event) =>
          Effect.delay(
            Effect.sync(() => heard.push(word(event))),
            "1 second"
          )
        )
      )
      yield* settled
      for (let i = 0; i < 1000; i++) server.publish("news", `${i}`)
      yield* runFor(60_000)
      expect(heard.filter((text) => text.startsWith("<"))).toEqual(["<Connected>", "<SlowConsumer>"])
      expect(heard.at(-1)).toBe("999")
      const numbers = heard.filter((text) => !text.startsWith("<")).map(Number)
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    })
  )

  it("never holds more than its buffer", () => {
    const buffer = new SubscriptionBuffer("news", 100)
    for (let i = 0; i < 100_000; i++) buffer.offer({ _tag: "Message", channel: "news", message: `${i}` })
    const events = Effect.runSync(Stream.runCollect(Stream.take(buffer.stream, 1)))
    expect([...events].length).toBe(1)
    expect(Reflect.get(buffer, "events").length).toBeLessThanOrEqual(101)
  })
})
