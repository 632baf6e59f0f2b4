/** A stall of the process is no outage: replies that have arrived count before a timer judges. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stall from "../../src/internal/Stall.js"
import type { RedisClient } from "../../src/redis/RedisClient.js"
import * as RedisExecutor from "../../src/redis/RedisExecutor.js"
import { available, connect, eventually, test, title } from "../support/faults/FaultSuite.js"
import * as Scripted from "../support/faults/ScriptedDriver.js"
import { during, stall } from "../support/faults/stall.js"
import * as RedisServer from "../support/server/RedisServer.js"

const sets = (redis: RedisClient.Service, count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, i) => `key:${i}`),
    (key) => Effect.either(redis.set(key, "value")),
    { concurrency: "unbounded" }
  )

const failures = (answers: ReadonlyArray<Either.Either<unknown, { readonly _tag: string }>>) =>
  answers.flatMap((answer) => (Either.isLeft(answer) ? [answer.left._tag] : []))

/** Nothing has become of the connection: no circuit has opened, and it is still the first. */
const isUntouched = (redis: RedisClient.Service) =>
  Effect.map(redis.getStatus, ({ circuit, generation, lastFailure }) =>
    expect([circuit, generation, lastFailure]).toEqual(["Closed", 1, Option.none()])
  )

describe("a stall of the process", () => {
  for (const [millis, count] of [
    [1_200, 100],
    [1_001, 100],
    [996, 100],
    [5_000, 10_000]
  ] as const) {
    test(title(`of ${millis} ms makes no timeout of ${count} commands that were answered meanwhile`), () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const redis = yield* connect({ port: server.port }, { commandTimeout: "1 second" })
        yield* available(redis)
        expect(failures(yield* during(millis, sets(redis, count)))).toEqual([])
        expect(yield* redis.get("key:0")).toEqual(Option.some("value"))
        yield* isUntouched(redis)
      })
    )
  }

  test(title("that comes again and again makes none either, of commands, heartbeats and beats"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const options = { commandTimeout: "800 millis", heartbeatInterval: "20 millis", timeoutsToGiveUp: 1 } as const
      const redis = yield* connect({ port: server.port }, options)
      yield* available(redis)
      let gaps = 0
      yield* Effect.forkScoped(
        RedisExecutor.of(redis).listen("channel", ({ _tag }) => {
          if (_tag === "Gap") gaps++
        })
      )
      yield* eventually(
        "it listens",
        Effect.sync(() => gaps === 1)
      )
      for (let round = 0; round < 5; round++) {
        expect(failures(yield* during(850, sets(redis, 100)))).toEqual([])
        yield* Effect.sleep("10 millis")
      }
      expect(gaps, "the subscriber's connection is the first as well").toBe(1)
      yield* isUntouched(redis)
    })
  )

  test(title("makes no timeout of a dial and its handshake"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* during(1_600, connect({ port: server.port }, { connectTimeout: "1500 millis" }))
      yield* available(redis)
      yield* isUntouched(redis)
    })
  )

  test(title("hides no server that hangs: commands time out, and the connection is given up"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* connect({ port: server.port }, { commandTimeout: "100 millis" })
      yield* available(redis)
      yield* Effect.acquireRelease(server.signal("SIGSTOP"), () => server.signal("SIGCONT"))
      const answers = yield* during(150, sets(redis, 100))
      expect(new Set(failures(answers))).toEqual(new Set(["RedisTimeout"]))
      expect(answers.length).toBe(failures(answers).length)
      yield* Effect.forkScoped(Effect.forever(stall(150).pipe(Effect.zipRight(Effect.sleep("50 millis")))))
      yield* eventually(
        "the connection is given up",
        Effect.map(
          redis.getStatus,
          ({ lastFailure }) => Option.isSome(lastFailure) && lastFailure.value._tag === "RedisTimeout"
        )
      )
    })
  )

  it.scopedLive("lets replies count that come with the next turn of the event loop", () =>
    Effect.gen(function* () {
      const server = yield* Scripted.make
      const redis = yield* Scripted.connect(server, { commandTimeout: "20 millis" })
      server.answer = ({ command }) => (command === "GET" ? Scripted.silence : undefined)
      server.values.set("key", "value")
      const reading = Effect.zipRight(
        // the order of an event loop: timers, then what came from the network
        Effect.sync(() => setImmediate(() => setImmediate(() => server.answerLate()))),
        redis.get("key")
      )
      expect(yield* during(50, reading)).toEqual(Option.some("value"))
    })
  )
})

describe("a timeout", () => {
  const timeout = Stall.timeoutFail({ duration: Duration.millis(20), onTimeout: () => "late" as const })

  it.live("is none for an answer that lies there when a stall ends", () =>
    Effect.gen(function* () {
      const answer = Effect.async<string>((resume) => {
        setImmediate(() => setImmediate(() => resume(Effect.succeed("answer"))))
      })
      expect(yield* during(50, Effect.either(timeout(answer)))).toEqual(Either.right("answer"))
    })
  )

  it.live("ends what never answers, also after a stall", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(timeout(Effect.never))).toBe("late")
      expect(yield* during(50, Effect.flip(timeout(Effect.never)))).toBe("late")
    })
  )

  it.scoped("comes at its time by a TestClock, and not later by one that is set far ahead", () =>
    Effect.gen(function* () {
      const waiting = yield* Effect.fork(Effect.flip(timeout(Effect.never)))
      yield* Scripted.runFor(19)
      expect(waiting.unsafePoll()).toBeNull()
      yield* Scripted.runFor(1)
      expect(yield* Fiber.join(waiting)).toBe("late")
    })
  )
})
