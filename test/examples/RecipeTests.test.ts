import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Schema, TestClock } from "effect"
import { MemoryRedis, RateLimiter, TypedCache } from "effect-cache-toolkit"
import { TestCache, TestRedis } from "effect-cache-toolkit/testing"

class PriceNotFound extends Schema.TaggedError<PriceNotFound>()("PriceNotFound", { article: Schema.String }) {}

class Prices extends TypedCache.Tag("app/Prices")<Prices, PriceNotFound>()({
  name: "price",
  key: Schema.String,
  value: Schema.Number,
  timeToLive: "1 minute",
  staleFor: "1 hour"
}) {}

const getPrice = (article: string) => Effect.flatMap(Prices, (prices) => prices.get(article))

// the real cache over a source and a Redis in memory: each test has its own
const prices = TestCache.layer(Prices, {
  seed: [["lamp", 10]],
  missing: (article) => new PriceNotFound({ article })
})

it.effect("a price is answered from the cache", () =>
  Effect.gen(function* () {
    const { lookups } = yield* TestCache.of(Prices)
    expect(yield* getPrice("lamp")).toBe(10)
    expect(yield* lookups("lamp")).toBe(0)
  }).pipe(Effect.provide(prices))
)

it.effect("an unknown article fails with the error of the lookup", () =>
  Effect.gen(function* () {
    const failure = yield* Effect.flip(getPrice("chair"))
    expect(failure).toMatchObject({ _tag: "PriceNotFound", article: "chair" })
  }).pipe(Effect.provide(prices))
)

it.effect("a price past its time is served while it is refreshed", () =>
  Effect.gen(function* () {
    const { change, goStale } = yield* TestCache.of(Prices)
    yield* change("lamp", 12)
    yield* goStale("lamp")
    expect(yield* getPrice("lamp")).toBe(10)
    yield* TestClock.adjust("1 second")
    expect(yield* getPrice("lamp")).toBe(12)
  }).pipe(Effect.provide(prices))
)

it.effect("a hundred readers of a cold price are one lookup", () =>
  Effect.gen(function* () {
    const { lookups, miss } = yield* TestCache.of(Prices)
    yield* miss("lamp")
    yield* Effect.replicateEffect(getPrice("lamp"), 100, { concurrency: "unbounded" })
    expect(yield* lookups("lamp")).toBe(1)
  }).pipe(Effect.provide(prices))
)

it.effect("without Redis prices come from the source, and nobody is limited", () =>
  Effect.gen(function* () {
    const { loseRedis } = yield* TestCache.of(Prices)
    const limiter = yield* RateLimiter.make // on the Redis of the cache
    const limit = RateLimiter.fixedWindow({ limit: 1, window: "1 minute", onUnavailable: "allow" })
    yield* loseRedis
    expect(yield* getPrice("lamp")).toBe(10)
    const results = yield* Effect.replicateEffect(limiter.consume("ada", limit), 3)
    expect(results.every(({ allowed }) => allowed)).toBe(true)
  }).pipe(Effect.provide(prices))
)

it.effect("a limit is free again after its window, under the clock of the test", () =>
  Effect.gen(function* () {
    const limiter = yield* RateLimiter.make
    const limit = RateLimiter.slidingLog({ limit: 1, window: "1 minute", onUnavailable: "deny" })
    const patient = limiter.withLimit("mail", limit, { onExceeded: "delay", maxWait: "2 minutes" })
    yield* patient(Effect.void)
    const second = yield* Effect.fork(patient(Effect.succeed("sent")))
    yield* TestClock.adjust("59 seconds")
    expect(second.unsafePoll()).toBeNull()
    yield* TestClock.adjust("1 second")
    expect(yield* Fiber.join(second)).toBe("sent")
  }).pipe(Effect.provide(MemoryRedis.layer()))
)

it.effect("a write whose reply is lost answers false, and the price is looked up", () =>
  Effect.gen(function* () {
    const redis = yield* TestRedis.TestRedis
    const { change } = yield* TestCache.of(Prices)
    yield* redis.loseReplies // commands are applied, and answered by RedisConnectionLost
    const stored = yield* Effect.fork(Effect.flatMap(Prices, (prices) => prices.set("lamp", 12)))
    yield* TestClock.adjust("1 second") // a set of unknown outcome waits until it can no longer arrive
    expect(yield* Fiber.join(stored)).toBe(false)
    yield* redis.restore
    yield* change("lamp", 13)
    expect(yield* getPrice("lamp")).toBe(13)
  }).pipe(Effect.provide(prices))
)
