import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { MemoryRedis, RedisClient, TypedCache } from "effect-cache-toolkit"
import { Chaos } from "effect-cache-toolkit/testing"
import { settle, until } from "../support/until.js"

const chaotic = (faults?: Chaos.Faults) =>
  Effect.provide(Layer.provide(Chaos.layer(faults, { seed: 7 }), MemoryRedis.layer()))

const both = Effect.all([RedisClient.RedisClient, Chaos.Chaos])

const outcomes = (commands: number) =>
  Effect.gen(function* () {
    const [redis] = yield* both
    const all = yield* Effect.forEach(Array.from({ length: commands }), () => Effect.either(redis.incr("n")))
    return all.map((one) => (one._tag === "Right" ? "ok" : one.left._tag))
  })

describe("faults of commands", () => {
  it.effect("fail a share of them without running them, the same ones for the same seed", () =>
    Effect.gen(function* () {
      const first = yield* chaotic({ commands: { fail: 0.25 } })(outcomes(200))
      const failed = first.filter((outcome) => outcome === "RedisUnavailable").length
      expect(failed).toBeGreaterThan(25)
      expect(failed).toBeLessThan(75)
      expect(yield* chaotic({ commands: { fail: 0.25 } })(outcomes(200))).toEqual(first)
      const ran = yield* chaotic({ commands: { fail: 0.25 } })(
        Effect.gen(function* () {
          const [redis, chaos] = yield* both
          yield* outcomes(200)
          yield* chaos.calm
          return [yield* redis.get("n"), (yield* chaos.counts).commands.failed]
        })
      )
      expect(ran).toEqual([Option.some(`${200 - failed}`), failed])
    })
  )

  it.effect("let commands run and lose their replies, so that their callers wait for the timeout", () =>
    Effect.gen(function* () {
      const [redis, chaos] = yield* both
      const counting = yield* Effect.fork(Effect.flip(redis.incr("n")))
      yield* settle
      expect(Option.isNone(yield* Fiber.poll(counting))).toBe(true)
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(counting))._tag).toBe("RedisTimeout")
      yield* chaos.calm
      expect(yield* redis.get("n")).toEqual(Option.some("1"))
    }).pipe(chaotic({ commands: { vanish: 1 } }))
  )

  it.effect("answer late, and until they are set otherwise", () =>
    Effect.gen(function* () {
      const [redis, chaos] = yield* both
      const late = yield* Effect.fork(redis.incr("n"))
      yield* TestClock.adjust("4 seconds")
      expect(Option.isNone(yield* Fiber.poll(late))).toBe(true)
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(late)).toBe(1)
      yield* chaos.set({ commands: { fail: 1 } })
      expect((yield* Effect.flip(redis.incr("n")))._tag).toBe("RedisUnavailable")
      expect((yield* chaos.counts).commands).toEqual({ failed: 1, vanished: 0, slow: 1 })
    }).pipe(chaotic({ commands: { slow: { share: 1, by: "5 seconds" } } }))
  )

  it.effect("are a defect where a share or a time cannot be right", () =>
    Effect.gen(function* () {
      for (const faults of [{ commands: { fail: 1.5 } }, { messages: { slow: { share: 1, by: -1 } } }]) {
        const exit = yield* Effect.exit(chaotic(faults)(Effect.void))
        expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      }
    })
  )
})

const cacheOf = (lookup: (id: string) => Effect.Effect<number, "down">) =>
  TypedCache.make({
    name: "chaos",
    key: Schema.String,
    value: Schema.Number,
    timeToLive: "10 minutes",
    local: { capacity: 10, timeToLive: "5 minutes" },
    lookup
  })

describe("an application under faults", () => {
  it.scoped("gets its values while commands fail, vanish and are late, from a cache that batches its commands", () =>
    Effect.gen(function* () {
      const [, chaos] = yield* both
      const cache = yield* cacheOf((id) => Effect.succeed(id.length))
      const ids = Array.from({ length: 50 }, (_, i) => `k${i}`)
      const reading = yield* Effect.fork(Effect.forEach(ids, (id) => cache.get(id), { concurrency: "unbounded" }))
      yield* until("all are read", () =>
        Effect.zipRight(TestClock.adjust("500 millis"), Effect.map(Fiber.poll(reading), Option.isSome))
      )
      expect(yield* Fiber.join(reading)).toEqual(ids.map((id) => id.length))
      const { commands } = yield* chaos.counts
      expect(commands.failed + commands.vanished + commands.slow).toBeGreaterThan(0)
    }).pipe(chaotic({ commands: { fail: 0.2, vanish: 0.2, slow: { share: 0.2, by: "2 seconds" } } }))
  )

  it.scoped("sees its lookups fail with its own error, or begin late", () =>
    Effect.gen(function* () {
      const [, chaos] = yield* both
      const cache = yield* cacheOf((id) => chaos.inject(Effect.succeed(id.length), () => "down" as const))
      expect(yield* Effect.flip(cache.get("a"))).toBe("down")
      yield* chaos.set({ lookups: { slow: { share: 1, by: "3 seconds" } } })
      const late = yield* Effect.fork(Effect.timed(cache.get("a")))
      yield* TestClock.adjust("3 seconds")
      expect((yield* Fiber.join(late))[0]).toSatisfy(Duration.equals(Duration.seconds(3)))
      expect((yield* chaos.counts).lookups).toEqual({ failed: 1, slow: 1 })
    }).pipe(chaotic({ lookups: { fail: 1 } }))
  )

  it.scoped(
    "keeps a value for its local time when the message of another process has vanished, and hears it when it is late",
    () =>
      Effect.gen(function* () {
        const redis = yield* RedisClient.RedisClient
        let row = 1
        const other = yield* cacheOf(() => Effect.sync(() => row))
        yield* Effect.gen(function* () {
          const chaos = yield* Chaos.Chaos
          const cache = yield* cacheOf(() => Effect.sync(() => row))
          const fromLocal = Effect.map(cache.getResult("a"), ({ source, value }) => `${source} ${value}`)
          yield* until("it is in the local tier", () => Effect.map(fromLocal, (read) => read === "Local 1"))
          row = 2
          yield* other.invalidate("a")
          yield* settle
          expect(yield* fromLocal).toBe("Local 1")
          expect((yield* chaos.counts).messages.vanished).toBeGreaterThan(0)
          yield* chaos.set({ messages: { slow: { share: 1, by: "1 second" } } })
          yield* other.invalidate("a")
          yield* settle
          expect(yield* fromLocal).toBe("Local 1")
          yield* TestClock.adjust("1 second")
          yield* settle
          expect((yield* fromLocal).endsWith(" 2")).toBe(true)
        }).pipe(
          Effect.provide(Chaos.layer({ messages: { vanish: 1 } })),
          Effect.provideService(RedisClient.RedisClient, redis)
        )
      }).pipe(Effect.orDie, Effect.provide(MemoryRedis.layer()))
  )
})
