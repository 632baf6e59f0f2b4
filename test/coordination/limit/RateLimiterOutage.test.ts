/** The decisions of limits while Redis is unavailable. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import * as RateLimiter from "../../../src/coordination/RateLimiter.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import {
  InvalidArgument,
  RedisAuthError,
  RedisConnectionLost,
  type RedisError,
  RedisProtocolError,
  RedisServerError,
  RedisTimeout,
  RedisUnavailable
} from "../../../src/redis/RedisError.js"
import * as FailingRedis from "../../support/faults/FailingRedis.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { until } from "../../support/until.js"

const { Decision } = RateLimiter

const algorithms = {
  FixedWindow: RateLimiter.fixedWindow,
  SlidingLog: RateLimiter.slidingLog,
  SlidingCounter: RateLimiter.slidingCounter,
  TokenBucket: RateLimiter.tokenBucket
}

const policies = {
  allow: "allow",
  deny: "deny",
  local: { local: { processes: 4 } }
} as const satisfies Record<string, RateLimiter.OutagePolicy>

/** A limiter whose Redis fails with what the test says. */
const failing = Effect.gen(function* () {
  const failure = yield* FailingRedis.failure
  const context = yield* Layer.build(FailingRedis.layer(failure, MemoryRedis.layer()))
  const limiter = yield* Effect.provide(RateLimiter.make, context)
  return {
    limiter,
    elsewhere: yield* Effect.provide(RateLimiter.make, context),
    fail: (error: RedisError) => Ref.set(failure, Option.some(error)),
    heal: Ref.set(failure, Option.none())
  }
})

const away = new RedisUnavailable({ reason: "Disconnected" })

/** What each policy answers to so many calls of cost 1 under a limit of 10. */
const answersOf = (limiter: RateLimiter.RateLimiter.Service, limit: RateLimiter.RateLimit, calls: number) =>
  Effect.replicateEffect(limiter.consume("key", limit), calls)

for (const [algorithm, of] of Object.entries(algorithms)) {
  describe(`while Redis is unavailable (${algorithm})`, () => {
    const limitOf = (onUnavailable: RateLimiter.OutagePolicy) => of({ limit: 10, window: "1 minute", onUnavailable })

    it.scoped("`allow` allows every call that the limit could ever allow, and says that it was not counted", () =>
      Effect.gen(function* () {
        const { fail, heal, limiter } = yield* failing
        const limit = limitOf("allow")
        yield* fail(away)
        for (const answer of yield* answersOf(limiter, limit, 30)) {
          expect(answer).toEqual({
            allowed: true,
            limit: 10,
            remaining: 10,
            resetAfter: Duration.zero,
            retryAfter: Duration.zero,
            decision: Decision.Outage({ error: away })
          })
        }
        expect(yield* limiter.consume("key", limit, { cost: 11 })).toMatchObject({
          allowed: false,
          retryAfter: Duration.infinity
        })
        yield* heal
        expect(yield* limiter.peek("key", limit)).toMatchObject({ remaining: 10, decision: Decision.Redis() })
      })
    )

    it.scoped("`deny` allows nothing, and says when to retry", () =>
      Effect.gen(function* () {
        const { fail, limiter } = yield* failing
        const limit = limitOf("deny")
        yield* fail(away)
        for (const answer of yield* answersOf(limiter, limit, 3)) {
          expect(answer).toEqual({
            allowed: false,
            limit: 10,
            remaining: 0,
            resetAfter: Duration.seconds(1),
            retryAfter: Duration.seconds(1),
            decision: Decision.Outage({ error: away })
          })
        }
        expect(yield* limiter.peek("key", limit)).toMatchObject({ remaining: 0 })
        expect(yield* limiter.refund("key", limit)).toMatchObject({ remaining: 0 })
      })
    )

    it.scoped("`local` allows each process its share, by the same algorithm", () =>
      Effect.gen(function* () {
        const { elsewhere, fail, limiter } = yield* failing
        const limit = limitOf({ local: { processes: 4 } })
        yield* fail(away)
        for (const process of [limiter, elsewhere]) {
          const answers = yield* answersOf(process, limit, 5)
          expect(answers.map(({ allowed }) => allowed)).toEqual([true, true, false, false, false])
          expect(answers[0]).toMatchObject({ remaining: 1, decision: Decision.Outage({ error: away }) })
          expect(yield* process.peek("key", limit)).toMatchObject({ remaining: 0 })
          const wait = answers[4]?.retryAfter ?? 0
          expect(Duration.between(wait, { minimum: "1 millis", maximum: "2 minutes" })).toBe(true)
          expect(yield* process.refund("key", limit)).toMatchObject({ remaining: 1 })
          expect((yield* answersOf(process, limit, 2)).map(({ allowed }) => allowed)).toEqual([true, false])
        }
        const { retryAfter } = yield* limiter.consume("key", limit)
        yield* TestClock.adjust(retryAfter)
        expect(yield* limiter.consume("key", limit)).toMatchObject({ allowed: true })
      })
    )

    it.scoped("`local` rejects a call above its share during the outage, and one above the limit for ever", () =>
      Effect.gen(function* () {
        const { fail, limiter } = yield* failing
        yield* fail(away)
        const cost = (cost: number, processes: number) =>
          limiter.consume("key", limitOf({ local: { processes } }), { cost })
        expect(yield* cost(3, 4)).toMatchObject({ allowed: false, retryAfter: Duration.seconds(1) })
        expect(yield* cost(1, 11)).toMatchObject({ allowed: false, retryAfter: Duration.seconds(1) })
        expect(yield* cost(11, 4)).toMatchObject({ allowed: false, retryAfter: Duration.infinity })
      })
    )

    for (const [name, onUnavailable] of Object.entries(policies)) {
      it.scoped(`\`${name}\` does not overrule a rejection by Redis`, () =>
        Effect.gen(function* () {
          const { elsewhere, fail, limiter } = yield* failing
          const limit = limitOf(onUnavailable)
          yield* answersOf(limiter, limit, 10)
          for (const process of [limiter, elsewhere]) {
            const rejected = yield* answersOf(process, limit, 50)
            expect(rejected.filter(({ allowed }) => allowed)).toEqual([])
            expect(rejected[0]).toMatchObject({ remaining: 0, decision: Decision.Redis() })
          }
          // it is known to be exceeded a moment longer than Redis is there
          yield* fail(away)
          expect(yield* limiter.consume("key", limit)).toMatchObject({ allowed: false, decision: Decision.Cached() })
        })
      )
    }
  })
}

describe("an outage", () => {
  const limit = RateLimiter.fixedWindow({ limit: 5, window: "1 minute", onUnavailable: "allow" })
  const server = (code: string) => new RedisServerError({ command: "EVALSHA", code, detail: code })

  const outages: ReadonlyArray<RedisError> = [
    ...(["Disabled", "Connecting", "Disconnected", "CircuitOpen", "Overloaded"] as const).map(
      (reason) => new RedisUnavailable({ reason })
    ),
    new RedisTimeout({ command: "EVALSHA", waitedMillis: 1_000 }),
    new RedisConnectionLost({ command: "EVALSHA" }),
    new RedisProtocolError({ command: "EVALSHA", detail: "?" }),
    ...["LOADING", "BUSY", "OOM", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "MISCONF", "NOREPLICAS", "TRYAGAIN"].map(
      server
    )
  ]
  for (const error of outages) {
    const name = "reason" in error ? error.reason : "code" in error ? error.code : ""
    it.scoped(`is an error without a decision of Redis: ${error._tag} ${name}`, () =>
      Effect.gen(function* () {
        const { fail, limiter } = yield* failing
        yield* fail(error)
        for (const answer of [
          yield* limiter.consume("key", limit),
          yield* limiter.peek("key", limit),
          yield* limiter.refund("key", limit)
        ]) {
          expect(answer.decision).toEqual(Decision.Outage({ error }))
        }
      })
    )
  }

  const mistakes: ReadonlyArray<RedisError> = [
    new RedisAuthError({ reason: "NoPermission", detail: "NOPERM" }),
    new InvalidArgument({
      command: "RateLimiter.consume",
      argument: "cost",
      value: "0",
      allowed: "an integer of at least 1"
    }),
    server("WRONGTYPE"),
    server("ERR")
  ]
  for (const error of mistakes) {
    it.scoped(`is not a mistake of the program: ${error._tag} ${"code" in error ? error.code : ""}`, () =>
      Effect.gen(function* () {
        const { fail, limiter } = yield* failing
        yield* fail(error)
        expect(yield* Effect.flip(limiter.consume("key", limit))).toEqual(error)
        expect(yield* Effect.flip(limiter.peek("key", limit))).toEqual(error)
      })
    )
  }
})

describe("an effect under a limit", () => {
  const limit = RateLimiter.slidingLog({ limit: 2, window: "10 seconds", onUnavailable: "deny" })

  it.scoped("runs while the limit allows it, and fails with the time to wait when it does not", () =>
    Effect.gen(function* () {
      const { limiter } = yield* failing
      const ran = yield* Ref.make(0)
      const body = Ref.updateAndGet(ran, (n) => n + 1)
      const limited = limiter.withLimit("key", limit, { onExceeded: "fail" })(body)
      expect([yield* limited, yield* limited]).toEqual([1, 2])
      const error = yield* Effect.flip(limited)
      expect(error).toMatchObject({ _tag: "RateLimitExceeded", key: "key", retryAfter: Duration.seconds(10) })
      expect(error.message).toBe(`the limit of "key" is exhausted: retry in 10s`)
      expect(yield* Ref.get(ran)).toBe(2)
    })
  )

  it.scoped("waits until the limit allows it, and no longer", () =>
    Effect.gen(function* () {
      const { limiter } = yield* failing
      const ran = yield* Ref.make(0)
      const delayed = limiter.withLimit("key", limit, { onExceeded: "delay", maxWait: "30 seconds" })(
        Ref.update(ran, (n) => n + 1)
      )
      yield* Effect.forkScoped(Effect.replicateEffect(delayed, 6, { concurrency: "unbounded" }))
      for (const count of [2, 4, 6]) {
        yield* until(`${count} ran`, () => Effect.map(Ref.get(ran), (now) => now === count))
        yield* TestClock.adjust("9999 millis")
        expect(yield* Ref.get(ran)).toBe(count)
        yield* TestClock.adjust("1 millis")
      }
    })
  )

  it.scoped("fails at once when the wait would exceed `maxWait`, and takes nothing", () =>
    Effect.gen(function* () {
      const { limiter } = yield* failing
      const delayed = (maxWait: Duration.DurationInput) =>
        limiter.withLimit("key", limit, { onExceeded: "delay", maxWait })(Effect.void)
      yield* delayed(0)
      yield* TestClock.adjust("1 second")
      yield* delayed(0)
      expect(yield* Effect.flip(delayed("8999 millis"))).toMatchObject({ retryAfter: Duration.seconds(9) })
      yield* TestClock.adjust("9 seconds")
      expect(yield* limiter.peek("key", limit)).toMatchObject({ remaining: 1 })
      expect(
        yield* Effect.flip(
          limiter.withLimit("key", limit, { onExceeded: "delay", maxWait: Duration.infinity, cost: 3 })(Effect.void)
        )
      ).toMatchObject({ _tag: "RateLimitExceeded", retryAfter: Duration.infinity })
    })
  )

  it.scoped("waits out an outage under `deny`", () =>
    Effect.gen(function* () {
      const { fail, heal, limiter } = yield* failing
      const ran = yield* Ref.make(false)
      yield* fail(away)
      yield* Effect.forkScoped(
        limiter.withLimit("key", limit, { onExceeded: "delay", maxWait: "1 minute" })(Ref.set(ran, true))
      )
      yield* TestClock.adjust("20 seconds")
      expect(yield* Ref.get(ran)).toBe(false)
      yield* heal
      yield* TestClock.adjust("1 second")
      yield* until("it ran", () => Ref.get(ran))
    })
  )

  it.scoped("passes the effect's own failure, and keeps the cost", () =>
    Effect.gen(function* () {
      const { limiter } = yield* failing
      const failed = limiter.withLimit("key", limit, { onExceeded: "fail" })(Effect.fail("own" as const))
      expect(yield* Effect.flip(failed)).toBe("own")
      expect(yield* limiter.peek("key", limit)).toMatchObject({ remaining: 1 })
    })
  )
})

describe.skipIf(RedisServer.skipReason !== undefined)("a server that is killed", () => {
  it.scopedLive("is replaced by each policy at once, and decides again when it is back", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const context = yield* Layer.build(
        driverUnderTest.layer(
          { port: server.port },
          { reconnect: Schedule.spaced("50 millis"), commandTimeout: "1 minute" }
        )
      )
      const client = yield* Effect.provide(RedisClient, context)
      const limiter = yield* Effect.provide(RateLimiter.make, context)
      const connected = (expected: boolean) =>
        until(`connected: ${expected}`, () => Effect.map(client.isAvailable, (available) => available === expected))
      yield* connected(true)
      const limits = Object.entries(algorithms).flatMap(([algorithm, of]) =>
        Object.entries(policies).map(([policy, onUnavailable]) => ({
          policy,
          key: `${algorithm}:${policy}`,
          limit: of({ limit: 8, window: "1 hour", onUnavailable })
        }))
      )
      const ask = (calls: number) =>
        Effect.forEach(limits, ({ key, limit, policy }) =>
          Effect.map(Effect.replicateEffect(limiter.consume(key, limit), calls), (answers) => ({
            policy,
            allowed: answers.filter(({ allowed }) => allowed).length,
            by: Array.from(new Set(answers.map(({ decision }) => decision._tag)))
          }))
        )
      for (const { allowed, by } of yield* ask(3)) expect([allowed, by]).toEqual([3, ["Redis"]])
      yield* server.kill
      yield* connected(false)
      // with a timeout of a minute: nothing waits for it
      for (const { allowed, by, policy } of yield* ask(10)) {
        expect([policy, allowed, by]).toEqual([policy, { allow: 10, deny: 0, local: 2 }[policy], ["Outage"]])
      }
      yield* server.start()
      yield* connected(true)
      // the server came back without its data
      for (const { allowed, by } of yield* ask(9)) expect([allowed, by]).toEqual([8, ["Redis"]])
    })
  )
})
