/** What a process remembers of rejections. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import * as RateLimiter from "../../../src/coordination/RateLimiter.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"

const { Decision } = RateLimiter
const limitOf = (limit: number, window: Duration.DurationInput = "1 minute") =>
  RateLimiter.slidingLog({ limit, window, onUnavailable: "deny" })

/** How many scripts have reached Redis, and a way to hold what it answers. */
const watched = Effect.gen(function* () {
  const asked = yield* Ref.make(0)
  const answers = yield* Effect.makeLatch(true)
  const layer = Layer.effect(
    RedisClient,
    Effect.map(RedisClient, (client) =>
      RedisClient.of({
        ...client,
        run: (script) => {
          const run = client.run(script)
          return (input) =>
            Ref.update(asked, (n) => n + 1).pipe(
              Effect.zipRight(run(input)),
              Effect.tap(() => (script.name.endsWith(".consume") ? answers.await : Effect.void))
            )
        }
      })
    )
  ).pipe(Layer.provide(MemoryRedis.layer()))
  const client = yield* Effect.map(Layer.build(layer), (context) => context)
  return { asked: Ref.get(asked), answers, process: Effect.provide(RateLimiter.make, client) }
})

describe("a flood on an exhausted limit", () => {
  it.scoped("reaches Redis once a second", () =>
    Effect.gen(function* () {
      const { asked, process } = yield* watched
      const limiter = yield* process
      const call = limiter.consume("key", limitOf(2))
      yield* Effect.replicateEffect(call, 3)
      const before = yield* asked
      for (let second = 0; second < 10; second++) {
        const rejected = yield* Effect.replicateEffect(call, 1_000)
        expect(rejected.every(({ allowed }) => !allowed)).toBe(true)
        yield* TestClock.adjust("1 second")
      }
      expect((yield* asked) - before).toBe(9)
    })
  )

  it.scoped("is answered as Redis would answer, and allowed when it said", () =>
    Effect.gen(function* () {
      const { asked, process } = yield* watched
      const limiter = yield* process
      const call = limiter.consume("key", limitOf(1, "500 millis"))
      yield* call
      yield* TestClock.adjust("100 millis")
      const rejected = yield* call
      expect(rejected).toMatchObject({ allowed: false, retryAfter: Duration.millis(400), decision: Decision.Redis() })
      const before = yield* asked
      yield* TestClock.adjust("399 millis")
      expect(yield* call).toEqual({
        ...rejected,
        retryAfter: Duration.millis(1),
        resetAfter: Duration.millis(1),
        decision: Decision.Cached()
      })
      expect(yield* asked).toBe(before)
      yield* TestClock.adjust("1 millis")
      expect(yield* call).toMatchObject({ allowed: true })
    })
  )

  it.scoped("does not reject a cheaper call, nor one of another key or another limit", () =>
    Effect.gen(function* () {
      const { process } = yield* watched
      const limiter = yield* process
      yield* limiter.consume("key", limitOf(5), { cost: 3 })
      expect(yield* limiter.consume("key", limitOf(5), { cost: 3 })).toMatchObject({ allowed: false })
      expect(yield* limiter.consume("key", limitOf(5), { cost: 2 })).toMatchObject({ allowed: true })
      expect(yield* limiter.consume("other", limitOf(5), { cost: 3 })).toMatchObject({ allowed: true })
      expect(yield* limiter.consume("key", limitOf(9), { cost: 3 })).toMatchObject({ allowed: true })
    })
  )

  it.scoped("gives each cost its own time to retry", () =>
    Effect.gen(function* () {
      const { process } = yield* watched
      const limiter = yield* process
      const consume = (cost: number) => limiter.consume("key", limitOf(2), { cost })
      yield* consume(1)
      yield* TestClock.adjust("10 seconds")
      yield* consume(1)
      for (const _ of ["asked", "remembered"]) {
        expect(yield* consume(1)).toMatchObject({ retryAfter: Duration.seconds(50) })
        expect(yield* consume(2)).toMatchObject({ retryAfter: Duration.seconds(60) })
        expect(yield* consume(3)).toMatchObject({ retryAfter: Duration.infinity })
      }
    })
  )

  it.scoped("ends at once with a refund or a reset of this process, a second late with one of another", () =>
    Effect.gen(function* () {
      const { process } = yield* watched
      const limiter = yield* process
      const elsewhere = yield* process
      const limit = limitOf(1)
      const call = limiter.consume("key", limit)
      const allowed = Effect.map(call, (result) => result.allowed)
      expect([yield* allowed, yield* allowed]).toEqual([true, false])
      yield* limiter.refund("key", limit)
      expect([yield* allowed, yield* allowed]).toEqual([true, false])
      yield* limiter.reset("key", limit)
      expect([yield* allowed, yield* allowed]).toEqual([true, false])
      yield* elsewhere.refund("key", limit)
      expect(yield* call).toMatchObject({ allowed: false, decision: Decision.Cached() })
      yield* TestClock.adjust("1 second")
      expect(yield* allowed).toBe(true)
    })
  )

  it.scoped("does not remember a rejection whose answer a refund has overtaken", () =>
    Effect.gen(function* () {
      const { answers, asked, process } = yield* watched
      const limiter = yield* process
      const limit = limitOf(1)
      yield* limiter.consume("key", limit)
      yield* answers.close
      const before = yield* asked
      const slow = yield* Effect.fork(limiter.consume("key", limit))
      while ((yield* asked) === before) yield* Effect.yieldNow()
      yield* limiter.refund("key", limit)
      yield* answers.open
      expect(yield* Fiber.join(slow)).toMatchObject({ allowed: false })
      expect(yield* limiter.consume("key", limit)).toMatchObject({ allowed: true })
    })
  )

  it.scoped("leaves nothing behind when it is interrupted, and is remembered for at most 20,000 keys", () =>
    Effect.gen(function* () {
      const { answers, asked, process } = yield* watched
      const limiter = yield* process
      const limit = limitOf(1)
      yield* answers.close
      const begun = yield* Deferred.make<void>()
      const waiting = yield* Effect.fork(
        Effect.zipRight(Deferred.succeed(begun, undefined), limiter.consume("key", limit))
      )
      yield* Deferred.await(begun)
      while ((yield* asked) === 0) yield* Effect.yieldNow()
      yield* Fiber.interrupt(waiting)
      yield* answers.open
      // the first call has counted, and its interruption does not keep the next rejection from being remembered
      yield* limiter.consume("key", limit)
      expect(yield* limiter.consume("key", limit)).toMatchObject({ decision: Decision.Cached() })

      const zero = limitOf(0)
      const keys = Array.from({ length: 20_001 }, (_, i) => `flood:${i}`)
      yield* Effect.forEach(keys, (key) => limiter.consume(key, zero), { discard: true })
      expect(yield* limiter.consume("flood:20000", zero)).toMatchObject({ decision: Decision.Cached() })
      expect(yield* limiter.consume("flood:0", zero)).toMatchObject({ decision: Decision.Redis() })
    })
  )
})
