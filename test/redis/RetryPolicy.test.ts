import { createHash } from "node:crypto"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { RedisClient } from "../../src/redis/RedisClient.js"
import { RedisConnectError } from "../../src/redis/RedisError.js"
import * as RedisScript from "../../src/redis/RedisScript.js"
import { withRetry } from "../../src/redis/RetryPolicy.js"
import {
  type Answer,
  connect,
  error,
  make,
  reply,
  runFor,
  type ScriptedServer,
  type Sent,
  settled,
  silence
} from "../support/faults/ScriptedDriver.js"

const quiet = { heartbeatInterval: "1 hour", timeoutsToGiveUp: 1000 } as const
const soon = { within: "10 seconds", schedule: Schedule.spaced("100 millis") } as const

/** Runs an effect to its end, however much time that takes, and gives its result and the time it took. */
const timed = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const before = yield* Clock.currentTimeMillis
    const fiber = yield* Effect.fork(
      Effect.zip(
        Effect.either(effect),
        Effect.map(Clock.currentTimeMillis, (after) => after - before)
      )
    )
    yield* runFor(60_000)
    const [result, took] = yield* Fiber.join(fiber)
    return { result, took }
  })

const script = (idempotent: boolean) =>
  RedisScript.make({
    name: "one",
    idempotent,
    keys: () => ["key"],
    args: () => [],
    lua: `return 1 -- ${idempotent}`,
    reply: Schema.Int,
    model: () => 1
  })

/** Lets what is no microtask come to an end. */
const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** Runs a script until its hash has been worked out, which the first run begins. */
const hashed = (server: ScriptedServer, redis: RedisClient.Service, idempotent: boolean) =>
  Effect.repeat(Effect.zipLeft(redis.run(script(idempotent))(undefined), turn), {
    until: () => server.count("EVALSHA") > 0
  })

describe("without withRetry", () => {
  it.scoped("nothing is repeated, whatever went wrong", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      server.answer = () => silence
      expect((yield* timed(redis.get("key"))).result).toMatchObject({ left: { _tag: "RedisTimeout" } })
      expect(server.count("GET")).toBe(1)
    })
  )
})

describe("withRetry", () => {
  it.scoped("repeats what was never sent, also what must not happen twice, until a connection is there", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.dial = new RedisConnectError({ reason: "Refused", detail: "" })
      const redis = yield* connect(server, quiet)
      const counting = yield* Effect.fork(withRetry(soon)(redis.incr("count")))
      yield* runFor(500)
      server.dial = "Accept"
      yield* runFor(600)
      expect(yield* Fiber.join(counting)).toBe(1)
      expect(server.count("INCR")).toBe(1)
    })
  )

  it.scoped("fails at once where an argument cannot be right, and sends nothing", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      const sent = server.sent.length
      const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        redis.get("\ud800"),
        redis.getBuffer("\ud800"),
        redis.incr("\ud800"),
        redis.set("key", "value", { timeToLive: 0 }),
        redis.send("MULTI")
      ]
      for (const call of calls) {
        const { result, took } = yield* timed(withRetry({ ...soon, within: "30 seconds" })(call))
        expect([result, took]).toMatchObject([{ left: { _tag: "InvalidArgument" } }, 0])
      }
      expect(server.sent.length).toBe(sent)
    })
  )

  it.scoped("gives up at its deadline, with the last error", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.dial = new RedisConnectError({ reason: "Refused", detail: "" })
      const redis = yield* connect(server, quiet)
      const { result, took } = yield* timed(withRetry({ within: "3 seconds" })(redis.incr("count")))
      expect(result).toMatchObject({ left: { _tag: "RedisUnavailable" } })
      // its pauses are fractions of a millisecond, but for the last one
      expect(took).toBeGreaterThanOrEqual(3000)
      expect(took).toBeLessThanOrEqual(3001)
    })
  )

  it.scoped("reaches its deadline even where fractions of a millisecond add up to a little less", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.dial = new RedisConnectError({ reason: "Refused", detail: "" })
      const redis = yield* connect(server, quiet)
      let failed = 0
      const schedule = Schedule.spaced("0.1 millis").pipe(
        Schedule.intersect(Schedule.recurs(1000)),
        Schedule.tapInput(() => Effect.sync(() => failed++))
      )
      yield* timed(withRetry({ within: "1 milli", schedule })(redis.get("key")))
      // ten tenths are 0.9999999999999999, so that one more pause is needed
      expect(failed).toBe(12)
    })
  )

  it.scoped("does not wait out a pause that reaches beyond its deadline", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.dial = new RedisConnectError({ reason: "Refused", detail: "" })
      const redis = yield* connect(server, quiet)
      const { took } = yield* timed(
        withRetry({ within: "2 seconds", schedule: Schedule.spaced("30 seconds") })(redis.get("key"))
      )
      expect(took).toBe(2000)
    })
  )

  it.scoped("repeats a command whose outcome is unknown when that is harmless", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      server.answer = once("SET", silence)
      expect((yield* timed(withRetry(soon)(redis.set("key", "value")))).result).toMatchObject({ right: true })
      expect(server.count("SET")).toBe(2)
    })
  )

  it.scoped("never sends twice what may have been applied and must not be applied twice", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      const calls: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>]> = [
        ["INCR", redis.incr("key")],
        ["DECR", redis.decr("key")],
        ["ZINCRBY", redis.zincrby("key", 1, "member")],
        ["SET", redis.set("key", "value", { condition: "NX" })],
        ["PUBLISH", redis.publish("channel", "message")],
        ["APPEND", redis.send("append", "key", "text")],
        ["EVALSHA", redis.run(script(false))(undefined)]
      ]
      yield* hashed(server, redis, false)
      for (const [command, call] of calls) {
        const before = server.count(command)
        server.answer = (sent) => (sent.command === command ? silence : undefined)
        expect((yield* timed(withRetry(soon)(call))).result, command).toMatchObject({ left: { _tag: "RedisTimeout" } })
        expect(server.count(command), command).toBe(before + 1)
      }
    })
  )

  it.scoped("never sends an INCR again whose connection was lost, and says that its outcome is unknown", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      server.answer = (sent) => (sent.command === "INCR" ? silence : undefined)
      const counting = yield* Effect.fork(Effect.flip(withRetry(soon)(redis.incr("count"))))
      yield* settled
      server.cut()
      yield* runFor(5000)
      expect((yield* Fiber.join(counting))._tag).toBe("RedisConnectionLost")
      expect(server.count("INCR")).toBe(1)
    })
  )

  it.scoped("does not repeat what the server rejected", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      server.answer = ({ command }) => (command === "SET" ? error("OOM command not allowed") : undefined)
      expect((yield* timed(withRetry(soon)(redis.set("key", "")))).result).toMatchObject({ left: { code: "OOM" } })
      expect(server.count("SET")).toBe(1)
    })
  )

  for (const [name, next] of [
    ["was never sent", undefined],
    ["was rejected", error("READONLY You can't write against a read only replica.")]
  ] as const) {
    it.scoped(`says that the outcome is unknown when one attempt's is, although the last one ${name}`, () =>
      Effect.gen(function* () {
        const server = yield* make
        const redis = yield* connect(server, quiet)
        server.answer = (sent) => (sent.command === "SET" ? (server.count("SET") === 1 ? silence : next) : undefined)
        const setting = yield* Effect.fork(
          Effect.flip(withRetry({ ...soon, within: "2 seconds" })(redis.set("k", "v")))
        )
        yield* runFor(1000)
        if (next === undefined) {
          server.dial = new RedisConnectError({ reason: "Refused", detail: "" })
          server.cut()
        }
        yield* runFor(5000)
        expect((yield* Fiber.join(setting))._tag).toBe("RedisTimeout")
      })
    )
  }

  it.scoped("leaves a client that is switched off alone", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      yield* redis.close
      const { result, took } = yield* timed(withRetry(soon)(redis.get("key")))
      expect(result).toMatchObject({ left: { reason: "Disabled" } })
      expect(took).toBe(0)
    })
  )
})

describe("a script", () => {
  it.scoped("is sent whole as long as its hash is not worked out, and by its hash from then on", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      const fresh = RedisScript.make({ ...script(false), lua: `return 1 -- ${crypto.randomUUID()}` })
      expect(yield* redis.run(fresh)(undefined)).toBe(1)
      expect(server.sent.at(-1)).toMatchObject({ command: "EVAL", args: [fresh.lua, 1, "key"] })
      yield* Effect.repeat(Effect.zipRight(turn, redis.run(fresh)(undefined)), {
        until: () => server.sent.at(-2)?.command === "EVALSHA"
      })
    })
  )

  it.scoped("is sent by its hash, and whole once the server replies NOSCRIPT", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      expect(yield* hashed(server, redis, false)).toBe(1)
      expect(server.sent.slice(-2).map(({ command }) => command)).toEqual(["EVALSHA", "EVAL"])
      expect(server.sent.at(-1)?.args).toEqual([script(false).lua, 1, "key"])
      server.scripts.set(String(server.sent.at(-2)?.args[0]), "known")
      expect(yield* redis.run(script(false))(undefined)).toBe(1)
      expect(server.sent.at(-1)?.command).toBe("EVALSHA")
    })
  )

  it.scoped("is not sent whole when the outcome of its hash is unknown", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      yield* hashed(server, redis, true)
      const before = server.count("EVAL")
      server.answer = () => silence
      expect((yield* timed(redis.run(script(true))(undefined))).result).toMatchObject({
        left: { _tag: "RedisTimeout" }
      })
      expect(server.count("EVAL")).toBe(before)
    })
  )

  it.scoped("that failed is not sent whole: it may have run half way", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      yield* hashed(server, redis, false)
      const before = server.count("EVAL")
      server.answer = ({ command }) => (command === "EVALSHA" ? error("OOM command not allowed") : undefined)
      expect(yield* Effect.flip(redis.run(script(false))(undefined))).toMatchObject({ code: "OOM" })
      expect(server.count("EVAL")).toBe(before)
    })
  )

  it.scoped(
    "stays unknown when its hash timed out, the repetition met a restarted server and the whole was never sent",
    () =>
      Effect.gen(function* () {
        const server = yield* make
        const redis = yield* connect(server, quiet)
        yield* hashed(server, redis, true)
        const before = server.count("EVALSHA")
        server.answer = ({ command }) => {
          if (command !== "EVALSHA") return undefined
          if (server.count("EVALSHA") === before + 1) return silence
          server.dial = new RedisConnectError({ reason: "Refused", detail: "" })
          setImmediate(() => server.cut())
          return error("NOSCRIPT No matching script")
        }
        const { result } = yield* timed(
          withRetry({ ...soon, within: "1500 millis" })(redis.run(script(true))(undefined))
        )
        expect(result).toMatchObject({ left: { _tag: expect.stringMatching(/RedisTimeout|RedisConnectionLost/) } })
      })
  )

  it.scoped("is not sent whole for a caller that was interrupted before the server replied NOSCRIPT", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      yield* hashed(server, redis, false)
      server.scripts.clear()
      const before = server.count("EVAL")
      server.answer = ({ command }) => (command === "EVALSHA" ? silence : undefined)
      const gaveBack = Effect.unsafeMakeLatch(false)
      const caller = yield* Effect.fork(
        // its fiber has not ended before it has given back what may have been granted
        Effect.onInterrupt(redis.run(script(false))(undefined), () => gaveBack.await)
      )
      yield* settled
      yield* Fiber.interruptFork(caller)
      yield* settled
      server.answerLate()
      yield* settled
      gaveBack.unsafeOpen()
      expect(server.count("EVAL")).toBe(before)
    })
  )

  it.scoped("is sent by its hash after all where its user may not send it whole, in the first call too", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      const lua = `return 1 -- ${crypto.randomUUID()}`
      server.scripts.set(createHash("sha1").update(lua).digest("hex"), lua)
      server.answer = ({ command }) =>
        command === "EVAL" ? error("NOPERM this user has no permissions to run the 'eval' command") : undefined
      const unknown = { ...script(false), lua: `return 1 -- ${crypto.randomUUID()}` }
      expect(yield* Effect.flip(redis.run(unknown)(undefined))).toMatchObject({ _tag: "RedisAuthError" })
      expect(yield* redis.run({ ...script(false), lua })(undefined)).toBe(1)
    })
  )

  it.scoped("whose reply does not match its schema is a protocol error that names the script", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, quiet)
      yield* hashed(server, redis, true)
      server.answer = ({ command }) => (command === "EVALSHA" ? reply("no integer") : undefined)
      expect(yield* Effect.flip(redis.run(script(true))(undefined))).toMatchObject({
        _tag: "RedisProtocolError",
        command: "one"
      })
    })
  )
})

/** The first such command meets `answer`, the later ones the server's own. */
const once = (command: string, answer: Answer): ((sent: Sent) => Answer | undefined) => {
  let met = false
  return (sent) => {
    if (sent.command !== command || met) return undefined
    met = true
    return answer
  }
}
