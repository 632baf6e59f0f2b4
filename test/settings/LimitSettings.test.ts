/** Numbers of limits that change while they count: two processes on one server, each with a connection of its own. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import * as RuntimeSettings from "../../src/settings/RuntimeSettings.js"
import * as CapturedLog from "../support/CapturedLog.js"
import * as OutageRedis from "../support/faults/OutageRedis.js"
import { pass, settle } from "../support/until.js"

const by = "ada"
const hash = "{effect-cache-toolkit}:settings"
const on = (redis: RedisClient.Service) => Effect.provideService(RedisClient, redis)
const hourly = { window: "1 hour", onUnavailable: "deny" } as const
const mails = RateLimiter.fixedWindow({ name: "mails", limit: 2, ...hourly })

/** Two processes that listen to settings, and what they log. The operator has a connection of their own. */
const processes = Effect.gen(function* () {
  const server = yield* OutageRedis.make
  const log = yield* CapturedLog.make
  const start = Effect.gen(function* () {
    const connection = yield* server.connect
    const limiter = yield* on(connection.redis)(RateLimiter.make)
    yield* on(connection.redis)(Layer.build(Layer.provide(RuntimeSettings.layer, log.layer)))
    return { connection, limiter }
  })
  const [one, other] = [yield* start, yield* start]
  yield* settle
  yield* TestClock.adjust("1 second")
  const operator = (yield* server.connect).redis
  const set = (
    values: RuntimeSettings.LimitValues,
    options: Partial<RuntimeSettings.ChangeOptions> = {},
    name = "mails"
  ) => Effect.zipLeft(on(operator)(RuntimeSettings.setLimit(name, values, { by, ...options })), settle)
  const unset = Effect.zipLeft(on(operator)(RuntimeSettings.unsetLimit("mails", { by: "bob" })), settle)
  const lines = (part: string) => log.lines.filter(({ text }) => text.includes(part))
  return { server, log, lines, start, one, other, operator, set, unset }
})

const limitOf = ({ limiter }: { readonly limiter: RateLimiter.RateLimiter.Service }, limit = mails) =>
  Effect.map(limiter.peek("key", limit), (usage) => usage.limit)

describe("a limit that is set at run time", () => {
  it.scoped("holds from the next call on in every process, beside what was counted", () =>
    Effect.gen(function* () {
      const { one, other, set, unset } = yield* processes
      yield* Effect.replicateEffect(one.limiter.consume("key", mails), 2)
      expect((yield* other.limiter.consume("key", mails)).allowed).toBe(false)
      yield* set({ limit: 3 })
      expect(yield* other.limiter.consume("key", mails)).toMatchObject({ allowed: true, limit: 3, remaining: 0 })
      expect((yield* one.limiter.consume("key", mails)).allowed).toBe(false)
      yield* set({ limit: 0 })
      expect(yield* one.limiter.consume("another", mails)).toMatchObject({ allowed: false, limit: 0 })
      yield* unset
      expect(yield* one.limiter.consume("another", mails)).toMatchObject({ allowed: true, limit: 2, remaining: 1 })
    })
  )

  it.scoped("leaves limits of another name and those without one alone", () =>
    Effect.gen(function* () {
      const { one, set } = yield* processes
      yield* set({ limit: 3, window: "2 hours" })
      for (const name of [undefined, "mail", "mails:"]) {
        expect(yield* limitOf(one, RateLimiter.fixedWindow({ name, limit: 2, ...hourly }))).toBe(2)
      }
      expect(yield* limitOf(one)).toBe(3)
    })
  )

  it.scoped("is logged by each process with its operator, both numbers and its end", () =>
    Effect.gen(function* () {
      const { lines, set, unset } = yield* processes
      yield* set({ limit: 3, window: "30 minutes" }, { for: "1 hour" })
      const made = lines("setting of the limit mails: ")
      expect(made.map(({ level }) => level)).toEqual(["INFO", "INFO", "INFO", "INFO"])
      expect(lines("limit is 3, before as built, by ada, until 1970-01-01T01:00:01")).toHaveLength(2)
      expect(lines("window is 30m, before as built, by ada, until 1970-01-01T01:00:01")).toHaveLength(2)
      yield* unset
      expect(lines(`limit is as built, before 3, by "bob"`)).toHaveLength(2)
    })
  )

  it.scoped("ends at its time, is gone from Redis then, and is there after a restart until then", () =>
    Effect.gen(function* () {
      const { one, operator, set, start } = yield* processes
      yield* set({ limit: 3 }, { for: "10 seconds" })
      expect(yield* limitOf(yield* start)).toBe(3)
      yield* pass("10 seconds")
      expect(yield* limitOf(one)).toBe(2)
      expect(yield* operator.send("EXISTS", hash)).toBe(0)
    })
  )

  it.scoped("is gone after a restart where it is not stored, and its numbers arrive together", () =>
    Effect.gen(function* () {
      const { one, operator, set, start } = yield* processes
      const published = yield* operator.subscribe(hash).pipe(
        Stream.filter(({ _tag }) => _tag === "Message"),
        Stream.take(1),
        Stream.runCollect,
        Effect.fork
      )
      yield* settle
      yield* set({ limit: 3, window: "30 minutes" }, { stored: false })
      expect(String((yield* Fiber.join(published)).pipe(JSON.stringify))).toMatch(/limit.*window/)
      const { limit, window } = yield* one.limiter.applied(mails)
      expect([limit, Duration.toMinutes(window)]).toEqual([3, 30])
      expect(yield* operator.send("EXISTS", hash)).toBe(0)
      expect(yield* limitOf(yield* start)).toBe(2)
    })
  )

  it.scoped("is applied to the share of a process while Redis is away", () =>
    Effect.gen(function* () {
      const { one, set } = yield* processes
      const shared = RateLimiter.fixedWindow({
        name: "mails",
        limit: 2,
        window: "1 hour",
        onUnavailable: { local: { processes: 2 } }
      })
      yield* set({ limit: 6 })
      yield* one.connection.cut
      const calls = yield* Effect.replicateEffect(one.limiter.consume("key", shared), 4)
      expect(calls.map(({ allowed, decision }) => [allowed, decision._tag])).toEqual([
        ...[1, 2, 3].map(() => [true, "Outage"]),
        [false, "Outage"]
      ])
    })
  )

  it.scoped("is rejected where no limit would accept it, before anything is sent", () =>
    Effect.gen(function* () {
      const { operator, set } = yield* processes
      const problem = (
        values: RuntimeSettings.LimitValues,
        options: Partial<RuntimeSettings.ChangeOptions> = {},
        name?: string
      ) => Effect.map(Effect.flip(set(values, options, name)), ({ _tag, message }) => `${_tag} ${message}`)
      expect(yield* problem({ limit: -1 })).toBe(
        'InvalidSetting the limit "mails" was not changed: RateLimiter: option `limit` is -1; it must be a whole number of at least 0'
      )
      expect(yield* problem({ limit: 1.5 })).toContain("option `limit` is 1.5")
      expect(yield* problem({ burst: Number.NaN })).toContain("option `burst` is NaN")
      expect(yield* problem({ window: 0 })).toContain("option `window` is 0")
      expect(yield* problem({ window: Number.POSITIVE_INFINITY })).toContain("option `window` is")
      expect(yield* problem({ window: "3650 days" })).toContain("the longest time of a server")
      expect(yield* problem({})).toContain("none of limit, window and burst is given")
      expect(yield* problem({ limit: 3 }, { for: 0 })).toContain("`for` is 0; it must be more than 0")
      expect(yield* problem({ limit: 3 }, { by: "" })).toContain("an operator's name")
      expect(yield* problem({ limit: 3 }, {}, "")).toContain("a limit's name is printable ASCII")
      expect(yield* problem({ limit: 3 }, {}, "{mails}")).toContain("a limit's name is printable ASCII")
      expect(yield* problem({ limit: 3 }, {}, "m".repeat(513))).toContain("at most 512 characters")
      expect(yield* operator.send("EXISTS", hash)).toBe(0)
    })
  )

  it.scoped("is rejected in a process whose limit does not accept it, and beside what is set already", () =>
    Effect.gen(function* () {
      const { one, set } = yield* processes
      const bucket = RateLimiter.tokenBucket({ name: "calls", limit: 5, ...hourly })
      yield* one.limiter.consume("key", mails)
      yield* one.limiter.consume("key", bucket)
      const problem = (name: string, values: RuntimeSettings.LimitValues) =>
        Effect.map(
          Effect.flip(on(one.connection.redis)(RuntimeSettings.setLimit(name, values, { by }))),
          ({ _tag, message }) => `${_tag} ${message}`
        )
      expect(yield* problem("mails", { burst: 3 })).toContain(
        "option `burst` is 3; it must be left out: only a token bucket has one"
      )
      expect(yield* problem("calls", { limit: 0 })).toContain("RateLimiter.tokenBucket: option `limit` is 0")
      yield* set({ limit: 2 ** 26 }, {}, "calls")
      expect(yield* problem("calls", { burst: 2 ** 26 })).toContain("option `burst` is 67108864")
    })
  )

  it.scoped("leaves a limit as it was built that does not accept it, and each process says so once", () =>
    Effect.gen(function* () {
      const { lines, one, set } = yield* processes
      const calls = (name = "calls") => RateLimiter.tokenBucket({ name, limit: 5, ...hourly })
      const built = calls()
      yield* one.limiter.consume("key", built)
      yield* set({ limit: 0 }, {}, "calls")
      const rejected = "setting of the limit calls is not applied: RateLimiter.tokenBucket: option `limit` is 0"
      expect(lines(rejected)).toHaveLength(1)
      expect(yield* limitOf(one, built)).toBe(5)
      // made anew, as by a program that takes the numbers of each user from elsewhere
      for (let call = 0; call < 3; call++) expect(yield* limitOf(one, calls())).toBe(5)
      yield* pass("2 minutes")
      expect(lines(rejected).map(({ level }) => level)).toEqual(["WARN"])
      yield* set({ limit: 0 }, {}, "later")
      for (let call = 0; call < 3; call++) expect(yield* limitOf(one, calls("later"))).toBe(5)
      yield* settle
      expect(lines("setting of the limit later is not applied")).toHaveLength(1)
    })
  )

  it.scoped("keeps the burst of a bucket that was given one, and otherwise moves it with the limit", () =>
    Effect.gen(function* () {
      const { one, set } = yield* processes
      const bucket = RateLimiter.tokenBucket({ name: "calls", limit: 100, ...hourly })
      const small = RateLimiter.tokenBucket({ name: "calls", limit: 100, burst: 20, ...hourly })
      yield* set({ limit: 50 }, {}, "calls")
      expect([yield* limitOf(one, bucket), yield* limitOf(one, small)]).toEqual([50, 20])
      yield* set({ burst: 10 }, {}, "calls")
      expect([yield* limitOf(one, bucket), yield* limitOf(one, small)]).toEqual([10, 10])
      expect((yield* one.limiter.applied(bucket)).limit).toBe(50)
    })
  )

  it.scoped("is that of a call's own limit, also where the caller keeps the one that was applied", () =>
    Effect.gen(function* () {
      const { one, set, unset } = yield* processes
      yield* set({ limit: 3 })
      const applied = yield* one.limiter.applied(mails)
      expect(yield* limitOf(one, applied)).toBe(3)
      yield* set({ limit: 4 })
      expect(yield* limitOf(one, applied)).toBe(4)
      yield* unset
      expect(yield* limitOf(one, applied)).toBe(2)
    })
  )

  it.scoped("decides a caller that waits when its time is over", () =>
    Effect.gen(function* () {
      const { one, set } = yield* processes
      yield* one.limiter.consume("key", mails, { cost: 2 })
      const waiting = yield* Effect.fork(
        Effect.flip(one.limiter.withLimit("key", mails, { onExceeded: "delay", maxWait: "2 hours" })(Effect.void))
      )
      yield* settle
      yield* set({ limit: 0 })
      yield* pass("50 minutes")
      expect(yield* Fiber.poll(waiting)).toMatchObject({ _tag: "None" })
      yield* pass("10 minutes")
      expect(yield* Fiber.join(waiting)).toMatchObject({ _tag: "RateLimitExceeded", limit: 0 })
    })
  )

  it.scoped("is none where the hash holds something else: that is logged once, without its content", () =>
    Effect.gen(function* () {
      const { log, one, operator } = yield* processes
      const setting = { limit: "mails", option: "limit", value: 3, by, at: 0 }
      const hostile: ReadonlyArray<readonly [field: string, text: string]> = [
        ["limit:mails:limit", JSON.stringify({ ...setting, value: -1 })],
        ["limit:mails:window", JSON.stringify({ ...setting, option: "window", value: 0 })],
        ["limit:mails:burst", JSON.stringify({ ...setting, option: "burst", value: "secret" })],
        ["limit:other:limit", JSON.stringify(setting)],
        ["limit:{braces}:limit", JSON.stringify({ ...setting, limit: "{braces}" })],
        ["cache:mails:limit", JSON.stringify({ ...setting, cache: "mails" })]
      ]
      yield* operator.send("HSET", hash, ...hostile.flat())
      yield* operator.publish(hash, JSON.stringify({ _tag: "Unset", kind: "secret", name: "mails", options: [], by }))
      yield* pass("2 minutes")
      expect(yield* limitOf(one)).toBe(2)
      const rejected = log.lines.filter(({ text }) => text.startsWith("setting rejected"))
      expect(rejected).toHaveLength(2 * (hostile.length + 1))
      expect(log.lines.filter(({ text }) => text.includes("secret")).map(({ text }) => text)).toEqual([])
    })
  )

  it.scoped("of the program is weaker than one of an operator, number by number", () =>
    Effect.gen(function* () {
      const { lines, log, one, set, unset } = yield* processes
      const changes = yield* Queue.unbounded<RuntimeSettings.ValuesByName>()
      yield* on(one.connection.redis)(
        Layer.build(Layer.provide(RuntimeSettings.fromStream(Stream.fromQueue(changes)), log.layer))
      )
      yield* Queue.offer(changes, { limits: { mails: { limit: 7, window: "2 hours" }, broken: { limit: -1 } } })
      yield* settle
      expect(yield* limitOf(one)).toBe(7)
      expect(lines('setting rejected, of the program: the limit "broken" was not changed')).toHaveLength(1)
      yield* set({ limit: 3 })
      const { limit, window } = yield* one.limiter.applied(mails)
      expect([limit, Duration.toHours(window)]).toEqual([3, 2])
      yield* unset
      expect(yield* limitOf(one)).toBe(7)
      yield* Queue.offer(changes, {})
      yield* settle
      expect(yield* limitOf(one)).toBe(2)
    })
  )
})
