/** Values of megabytes over a slow line: a set and an update store them as a lookup does, and so does what follows them. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as FaultProxy from "../../support/faults/FaultProxy.js"
import { connect, test, title } from "../../support/faults/FaultSuite.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { settle } from "../../support/until.js"

const megabyte = 2 ** 20
const large = "x".repeat(4 * megabyte)

const make = (name: string, options: { readonly lease?: TypedCache.LeaseOptions } = {}) =>
  TypedCache.make({
    name,
    key: Schema.String,
    value: Schema.String,
    timeToLive: "1 minute",
    lookup: (id: string) => Effect.succeed(id === "large" ? large : "small"),
    ...options
  })

describe("a cache of large values over a slow line", () => {
  /** A line on which 4 MB take two seconds. */
  const slowLine = Effect.gen(function* () {
    const server = yield* RedisServer.make()
    const proxy = yield* FaultProxy.make(server.port)
    const address = { host: "127.0.0.1", port: proxy.port }
    const redis = yield* connect(address, { commandTimeout: "30 seconds", heartbeatInterval: "5 seconds" })
    const direct = yield* connect({ host: "127.0.0.1", port: server.port }, { commandTimeout: "30 seconds" })
    const cache = yield* Effect.provideService(make("slow", { lease: { timeToLive: "1 second" } }), RedisClient, redis)
    const other = yield* Effect.provideService(make("slow"), RedisClient, direct)
    yield* cache.set("warm", "up")
    yield* proxy.become({ _tag: "Throttle", bytesPerMilli: 2 * 1024 })
    const sourceOf = (id: string) => Effect.map(other.getResult(id), ({ source, value }) => [source, value.length])
    return { cache, sourceOf }
  })

  test(title("stores what is set, and what is set behind it"), () =>
    Effect.gen(function* () {
      const { cache, sourceOf } = yield* slowLine
      const set = Effect.all([cache.set("large", large), cache.set("small", "s")], { concurrency: "unbounded" })
      expect(yield* set).toEqual([true, true])
      expect(yield* sourceOf("large")).toEqual(["Redis", large.length])
      expect(yield* sourceOf("small")).toEqual(["Redis", 1])
    })
  )

  test(title("stores what an update has written, though it takes longer than a lease"), () =>
    Effect.gen(function* () {
      const { cache, sourceOf } = yield* slowLine
      expect((yield* cache.update("large", Effect.succeed(large))).length).toBe(large.length)
      expect(yield* sourceOf("large")).toEqual(["Redis", large.length])
    })
  )

  test(title("stores what it has looked up, though it takes longer than a lease"), () =>
    Effect.gen(function* () {
      const { cache, sourceOf } = yield* slowLine
      expect((yield* cache.getResult("large")).source).toBe("Lookup")
      expect(yield* sourceOf("large")).toEqual(["Redis", large.length])
    })
  )
})

describe("the caller of a set of unknown outcome", () => {
  for (const [name, value, millis] of [
    ["a small value", "x", 500],
    ["a value of a megabyte", "x".repeat(megabyte), 2_548]
  ] as const) {
    it.scoped(`waits until the set can no longer arrive: ${name}`, () =>
      Effect.gen(function* () {
        const server = yield* OutageRedis.make
        const connection = yield* server.connect
        const cache = yield* Effect.provideService(make("kept"), RedisClient, connection.redis)
        yield* settle
        connection.loseReplies(true)
        const setting = yield* Effect.fork(cache.set("a", value))
        yield* settle
        yield* Effect.zipRight(TestClock.adjust(millis - 1), settle)
        expect(yield* Fiber.poll(setting)).toEqual(Option.none())
        yield* TestClock.adjust("1 millis")
        expect(yield* Fiber.join(setting)).toBe(false)
      })
    )
  }
})
