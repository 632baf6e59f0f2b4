/** Several limits in a cluster, while Redis is away, in a flood, and with a wait. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import * as RateLimiter from "../../../src/coordination/RateLimiter.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { RedisUnavailable } from "../../../src/redis/RedisError.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"
import * as Executors from "../../support/faults/Executors.js"
import { until } from "../../support/until.js"

type OnUnavailable = RateLimiter.OutagePolicy

const under = (key: string, ...limits: readonly [RateLimiter.RateLimit, ...ReadonlyArray<RateLimiter.RateLimit>]) => {
  const [first, ...others] = limits
  return [{ key, limit: first }, ...others.map((limit) => ({ key, limit }))] as const
}

/** A client in memory whose scripts are counted, and fail where the test says so, by their keys. */
const counted = (nodes: boolean) =>
  Effect.gen(function* () {
    const redis = yield* RedisClient
    const runs: Array<ReadonlyArray<string>> = []
    const away: Array<string> = []
    const client = Executors.replacing(redis, (executor) => ({
      nodes: nodes ? RedisExecutor.nodesOf(executor) : undefined,
      script: (script, input) =>
        Effect.suspend(() => {
          const keys = script.keys(input)
          runs.push(keys)
          return keys.some((key) => away.some((part) => key.includes(part)))
            ? Effect.fail(new RedisUnavailable({ reason: "Disconnected" }))
            : executor.script(script, input)
        })
    }))
    const limiter = yield* Effect.provideService(RateLimiter.make, RedisClient, client)
    return { away, limiter, runs }
  })

const onMemory = Effect.provide(MemoryRedis.layer())

const window = (limit: number, onUnavailable: OnUnavailable = "deny", name?: string) =>
  RateLimiter.fixedWindow({ limit, name, window: "1 minute", onUnavailable })

describe("several limits in a cluster", () => {
  it.effect("are one step where their keys are in one slot", () =>
    Effect.gen(function* () {
      const { limiter, runs } = yield* counted(true)
      const bucket = RateLimiter.tokenBucket({ limit: 5, window: "1 minute", onUnavailable: "deny" })
      yield* limiter.consumeAll(under("one", window(5), bucket, window(9, "deny", "day")))
      yield* limiter.consumeAll([
        { key: "{tag}:a", limit: window(5) },
        { key: "{tag}:b", limit: window(5) }
      ])
      expect(runs.map((keys) => keys.length)).toEqual([3, 2])
    }).pipe(onMemory)
  )

  it.effect("of several slots are taken in order, and given back when a later one rejects", () =>
    Effect.gen(function* () {
      const { limiter, runs } = yield* counted(true)
      const call = limiter.consumeAll([
        { key: "a", limit: window(5), cost: 2 },
        { key: "b", limit: window(1) },
        { key: "c", limit: window(5) }
      ])
      expect((yield* call).each.map(({ remaining }) => remaining)).toEqual([3, 0, 4])
      runs.length = 0
      const rejected = yield* call
      expect(rejected).toMatchObject({ allowed: false, tightest: 1 })
      // what is given back is reported as left, and the slot after the rejection is asked without taking
      expect(rejected.each.map(({ remaining }) => remaining)).toEqual([3, 0, 4])
      expect(runs.map(([key = ""]) => key)).toEqual(["ratelimit:a", "ratelimit:b", "ratelimit:c", "ratelimit:a"])
      expect([
        (yield* limiter.peek("a", window(5))).remaining,
        (yield* limiter.peek("c", window(5))).remaining
      ]).toEqual([3, 4])
    }).pipe(onMemory)
  )

  it.effect("are given back when a later slot fails or its policy rejects", () =>
    Effect.gen(function* () {
      const { away, limiter } = yield* counted(true)
      away.push("ratelimit:b")
      const both = (onUnavailable: OnUnavailable) =>
        limiter.consumeAll([
          { key: "a", limit: window(5) },
          { key: "b", limit: window(5, onUnavailable) }
        ])
      const rejected = yield* both("deny")
      expect(rejected.each.map(({ allowed, decision }) => [allowed, decision._tag])).toEqual([
        [true, "Redis"],
        [false, "Outage"]
      ])
      expect((yield* limiter.peek("a", window(5))).remaining).toBe(5)
      expect((yield* both("allow")).allowed).toBe(true)
      expect((yield* limiter.peek("a", window(5))).remaining).toBe(4)
    }).pipe(onMemory)
  )
})

describe("several limits while Redis is away", () => {
  it.effect("decide each by its policy, and take a share only where all allow the call", () =>
    Effect.gen(function* () {
      const { away, limiter } = yield* counted(false)
      away.push("ratelimit")
      const local = { local: { processes: 2 } }
      const call = (second: OnUnavailable) =>
        limiter.consumeAll(under("key", window(8, local), window(4, second, "second")))
      for (const _ of [1, 2, 3]) expect((yield* call("deny")).allowed).toBe(false)
      expect((yield* limiter.peek("key", window(8, local))).remaining).toBe(4)
      const allowed = yield* call("allow")
      expect(allowed.each.map(({ remaining }) => remaining)).toEqual([3, 4])
      // both count: the second has a share of two
      expect([yield* call(local), yield* call(local)].map(({ allowed }) => allowed)).toEqual([true, true])
      const rejected = yield* call(local)
      expect(rejected).toMatchObject({ allowed: false, tightest: 1, decision: { _tag: "Outage" } })
      expect(rejected.each[0]).toMatchObject({ allowed: true, remaining: 1 })
      expect((yield* limiter.peek("key", window(8, local))).remaining).toBe(1)
    }).pipe(onMemory)
  )
})

describe("a flood of calls under several limits", () => {
  it.effect("reaches Redis once a second, and at once after a refund of this process", () =>
    Effect.gen(function* () {
      const { limiter, runs } = yield* counted(false)
      const call = limiter.consumeAll(under("key", window(5), window(1, "deny", "one")))
      yield* call
      expect(yield* call).toMatchObject({ allowed: false, decision: { _tag: "Redis" } })
      runs.length = 0
      yield* TestClock.adjust("400 millis")
      const [first] = yield* Effect.replicateEffect(call, 50)
      expect(first).toMatchObject({ allowed: false, decision: { _tag: "Cached" } })
      expect(first?.each[0]).toMatchObject({ allowed: true, remaining: 4 })
      expect([runs.length, first && Duration.toMillis(first.retryAfter)]).toEqual([0, 59_600])
      yield* TestClock.adjust("600 millis")
      yield* Effect.replicateEffect(call, 50)
      expect(runs.length).toBe(1)
      yield* limiter.refund("key", window(1, "deny", "one"))
      expect((yield* call).allowed).toBe(true)
    }).pipe(onMemory)
  )
})

describe("an effect under several limits", () => {
  it.scoped("waits for the one that takes longest, and fails with its key where that is too long", () =>
    Effect.gen(function* () {
      const { limiter } = yield* counted(false)
      const log = RateLimiter.slidingLog({ limit: 1, window: "10 seconds", onUnavailable: "deny" })
      const day = RateLimiter.slidingLog({ limit: 2, window: "1 day", onUnavailable: "deny" })
      const ran = yield* Ref.make(0)
      const limited = limiter.withLimits(
        [
          { key: "second", limit: log },
          { key: "day", limit: day }
        ],
        { onExceeded: "delay", maxWait: "1 minute" }
      )(Ref.update(ran, (n) => n + 1))
      yield* limited
      yield* Effect.forkScoped(limited)
      yield* TestClock.adjust("9999 millis")
      expect(yield* Ref.get(ran)).toBe(1)
      yield* TestClock.adjust("1 millis")
      yield* until("it ran", () => Effect.map(Ref.get(ran), (count) => count === 2))
      expect(yield* Effect.flip(limited)).toMatchObject({ _tag: "RateLimitExceeded", key: "day", limit: 2 })
    }).pipe(onMemory)
  )
})
