/** The log of outages, which all callers share. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as TestClock from "effect/TestClock"
import * as FailureLog from "../../../src/cache/observe/FailureLog.js"
import * as ThrottledLog from "../../../src/internal/ThrottledLog.js"
import { InvalidArgument, RedisUnavailable } from "../../../src/redis/RedisError.js"

describe("a log line that a cache writes once for all callers", () => {
  it.effect(
    "has the level and the annotations of the place where the cache was made, and not those of a caller",
    () => {
      const lines: Array<string> = []
      const logger = Logger.make(({ annotations, message }) => {
        lines.push(`${Array.from(HashMap.keys(annotations)).join()} ${String(message).split(":")[0]}`)
      })
      const asCaller = <A, E>(effect: Effect.Effect<A, E>) =>
        effect.pipe(Effect.annotateLogs("request", 1), Logger.withMinimumLogLevel(LogLevel.None))
      return Effect.gen(function* () {
        const [failures, misfits] = yield* Effect.annotateLogs(
          Effect.all([FailureLog.make, ThrottledLog.make("cache user")]),
          "made",
          "here"
        )
        yield* asCaller(failures.failed(new RedisUnavailable({ reason: "Disconnected" })))
        yield* asCaller(failures.succeeded)
        yield* asCaller(misfits.note({ what: "a value is not stored", why: "it does not fit" }) ?? Effect.void)
        expect(lines).toEqual(["made Redis is away", "made Redis answers again", "made cache user"])
      }).pipe(Effect.provide(Layer.merge(Logger.remove(Logger.defaultLogger), Logger.add(logger))))
    }
  )
})

describe("the log of failures", () => {
  it.effect("counts an argument that cannot be right neither as an outage nor as a failure of Redis", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message).split(":")[0] ?? ""))
    return Effect.gen(function* () {
      const log = yield* FailureLog.make
      const invalid = (argument: string) => new InvalidArgument({ command: "SET", argument, value: "-1", allowed: "0" })
      yield* log.failed(invalid("timeToLive"))
      yield* log.failed(invalid("timeToLive"))
      yield* log.failed(invalid("key"))
      expect(log.isAway()).toBe(false)
      const line = "A command of a cache was not sent; further failures of this kind are only counted"
      expect(lines).toEqual([line, line])
    }).pipe(Effect.provide(Layer.merge(Logger.remove(Logger.defaultLogger), Logger.add(logger))))
  })

  it.effect(
    "does not repeat itself while one server is away and others answer, and tells of the next outage of all",
    () => {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message).split(":")[0] ?? ""))
      return Effect.gen(function* () {
        const log = yield* FailureLog.make
        const away = log.failed(new RedisUnavailable({ reason: "Disconnected" }))
        for (let i = 0; i < 100; i++) yield* Effect.zipRight(away, log.succeeded)
        expect(lines).toEqual([
          "Redis is away",
          "Redis answers again",
          "Redis is away for some keys and answers for others"
        ])
        yield* TestClock.adjust("2 seconds")
        yield* Effect.zipRight(away, log.succeeded)
        expect(lines.slice(3)).toEqual(["Redis is away", "Redis answers again"])
      }).pipe(Effect.provide(Layer.merge(Logger.remove(Logger.defaultLogger), Logger.add(logger))))
    }
  )

  /** Logs one failure, and what follows the first colon of the line. */
  const lineOf = (error: RedisUnavailable, caches: ReadonlyArray<FailureLog.LoggedCache>) => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    return Effect.gen(function* () {
      const log = yield* FailureLog.make
      for (const cache of caches) yield* log.register(cache)
      for (let i = 0; i < 3; i++) yield* log.failed(error)
      return lines
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(Logger.remove(Logger.defaultLogger), Logger.add(logger))))
  }
  const profiles = { name: "user:profile", onUnavailable: "lookup" } as const
  const prices = { name: "price", onUnavailable: "fail" } as const

  it.effect("names the caches in one line, and says what their reads do meanwhile", () =>
    Effect.gen(function* () {
      const away = new RedisUnavailable({ reason: "Disconnected" })
      expect(yield* lineOf(away, [profiles, { ...profiles, name: "user:stats" }])).toEqual([
        `Redis is away: reads go to the lookup (user:profile, user:stats): ${away.message}`
      ])
      expect(yield* lineOf(away, [profiles, prices])).toEqual([
        `Redis is away: reads go to the lookup (user:profile): reads fail (price): ${away.message}`
      ])
      const many = Array.from({ length: 7 }, (_, index) => ({ ...profiles, name: `cache${index}` }))
      expect((yield* lineOf(away, many))[0]).toContain("(cache0, cache1, cache2, cache3, cache4 and 2 more)")
    })
  )

  it.effect("says that Redis is switched off where it is", () =>
    Effect.gen(function* () {
      const off = new RedisUnavailable({ reason: "Disabled" })
      expect(yield* lineOf(off, [profiles])).toEqual([
        `Redis is switched off: reads go to the lookup (user:profile): ${off.message}`
      ])
    })
  )

  it.effect("forgets a cache whose scope is closed", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      yield* Effect.gen(function* () {
        const log = yield* FailureLog.make
        yield* Effect.scoped(log.register(profiles))
        yield* log.failed(new RedisUnavailable({ reason: "Disconnected" }))
      }).pipe(Effect.provide(Layer.merge(Logger.remove(Logger.defaultLogger), Logger.add(logger))))
      expect(lines.length).toBe(1)
      expect(lines[0]).not.toContain("user:profile")
    })
  )
})
