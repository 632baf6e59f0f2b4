/** What clients with different prefixes promise each other, wherever their keys are. */
import { expect, type it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import * as Counter from "../../../src/coordination/Counter.js"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import * as DistributedSemaphore from "../../../src/coordination/DistributedSemaphore.js"
import * as Leaderboard from "../../../src/coordination/Leaderboard.js"
import * as Presence from "../../../src/coordination/Presence.js"
import * as RateLimiter from "../../../src/coordination/RateLimiter.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisScript from "../../../src/redis/RedisScript.js"
import { counted, whenListening } from "../../support/cache/Listening.js"
import { until } from "../../support/until.js"

/** Makes clients of one server by their prefixes; without one, the client sees the keys as the server has them. */
export type ClientOf = (keyPrefix?: string) => Effect.Effect<RedisClient.Service, never, Scope.Scope>

/** Copies a text from one key to another, which has the same slot. */
export const copyOver = RedisScript.make({
  name: "copyOver",
  idempotent: true,
  keys: ({ from, to }: { readonly from: string; readonly to: string }) => [from, to],
  args: () => [],
  lua: `return redis.call("SET", KEYS[2], redis.call("GET", KEYS[1]))`,
  reply: Schema.Literal("OK"),
  model: ({ call, keys: [from = "", to = ""] }) => call("SET", to, String(call("GET", from)))
})

/** Each holds what a pattern, a slot or a byte could take for something else. */
export const prefixes = ["shop:", "a*b?[c]\\:", "two words ", "zażółć:🎲:"]

const provide =
  (redis: RedisClient.Service) =>
  <A, E>(effect: Effect.Effect<A, E, RedisClient | Scope.Scope>) =>
    Effect.provideService(effect, RedisClient, redis)

const perMinute = RateLimiter.fixedWindow({ limit: 1, window: "1 minute", onUnavailable: "deny" })

export const suite = (clientOf: Effect.Effect<ClientOf, never, Scope.Scope>, test: typeof it.scopedLive) => {
  test("hides the messages of others, and delivers its own under the names that it knows", () =>
    Effect.gen(function* () {
      const make = yield* clientOf
      const [shop, blog] = [yield* make("shop:"), yield* make("blog:")]
      const listens = yield* Deferred.make<void>()
      const events = yield* Effect.fork(
        shop.subscribe("news").pipe(
          Stream.tap(({ _tag }) => (_tag === "Gap" ? Deferred.succeed(listens, undefined) : Effect.void)),
          Stream.filter(({ _tag }) => _tag === "Message"),
          Stream.take(1),
          Stream.runCollect
        )
      )
      yield* Deferred.await(listens)
      expect(yield* blog.publish("news", "of the blog")).toBe(0)
      yield* shop.publish("news", "of the shop")
      expect(Chunk.toReadonlyArray(yield* Fiber.join(events))).toEqual([
        { _tag: "Message", channel: "news", message: "of the shop" }
      ])
    }))

  test("rejects what would reach the keys of others, and sends nothing", () =>
    Effect.gen(function* () {
      const make = yield* clientOf
      const [redis, server] = [yield* make("shop:"), yield* make()]
      yield* server.set("user:1", "of another")
      for (const [command, ...args] of [
        ["FLUSHDB"],
        ["flushall", "ASYNC"],
        ["RANDOMKEY"],
        ["PUBSUB", "CHANNELS"],
        ["SORT", "list", "BY", "user:*"],
        ["SORT", "list", "GET", "user:*"],
        ["JSON.SET", "user:1", "$", "1"]
      ] as const) {
        expect(yield* Effect.flip(redis.send(command, ...args)), command).toMatchObject({ _tag: "InvalidArgument" })
      }
      expect(yield* server.get("user:1")).toEqual(Option.some("of another"))
    }))

  test("keeps entries and invalidations apart: a cache of the same name elsewhere hears and loses nothing", () =>
    Effect.gen(function* () {
      const make = yield* clientOf
      let lookups = 0
      const cacheOf = (prefix: string) =>
        Effect.flatMap(make(prefix), (redis) =>
          TypedCache.make({
            name: "user",
            key: Schema.String,
            value: Schema.String,
            timeToLive: "1 minute",
            local: { capacity: 10, timeToLive: "1 minute" },
            lookup: (id) => Effect.sync(() => `${prefix}${id} ${++lookups}`)
          }).pipe(whenListening, provide(counted(redis)))
        )
      const [shop, again, blog] = [yield* cacheOf("shop:"), yield* cacheOf("shop:"), yield* cacheOf("blog:")]
      expect(yield* shop.get("ada")).toBe("shop:ada 1")
      expect(yield* again.get("ada")).toBe("shop:ada 1")
      expect(yield* blog.get("ada")).toBe("blog:ada 2")
      // by the channel: the other process has the value in its local tier
      yield* shop.invalidate("ada")
      yield* until("the other process has heard it", () =>
        Effect.map(again.get("ada"), (value) => value === "shop:ada 3")
      )
      expect((yield* blog.getResult("ada")).source).toBe("Local")
      yield* shop.clear
      expect((yield* blog.getResult("ada")).source).toBe("Local")
      expect(yield* blog.get("ada")).toBe("blog:ada 2")
    }))

  test("keeps locks, permits, limits, counters, boards and presence apart", () =>
    Effect.gen(function* () {
      const make = yield* clientOf
      const useOf = (prefix: string) =>
        Effect.gen(function* () {
          const redis = yield* make(prefix)
          const locks = yield* DistributedLock.make.pipe(provide(redis))
          const semaphores = yield* DistributedSemaphore.make.pipe(provide(redis))
          const limiter = yield* RateLimiter.make.pipe(provide(redis))
          const counter = yield* Counter.make({ key: "visits" }).pipe(provide(redis))
          const board = yield* Leaderboard.make({ key: "week", member: Schema.String }).pipe(provide(redis))
          const presence = yield* Presence.make({ key: "room", member: Schema.String, timeToLive: "1 minute" }).pipe(
            provide(redis)
          )
          const lock = yield* locks.tryAcquire("door", { timeToLive: "1 minute" })
          const permit = yield* semaphores.tryAcquire("door", { permits: 1, timeToLive: "1 minute" })
          const limited = yield* limiter.consume("ada", perMinute)
          yield* board.submit("ada", 1)
          yield* presence.beat("ada")
          return {
            isLocked: Option.isSome(lock) && Option.isSome(permit),
            isAdmitted: limited.allowed,
            visits: yield* counter.increment,
            members: yield* board.size,
            present: yield* presence.count
          }
        })
      const first = { isLocked: true, isAdmitted: true, visits: 1, members: 1, present: 1 }
      expect(yield* useOf("shop:")).toEqual(first)
      expect(yield* useOf("blog:")).toEqual(first)
      expect(yield* useOf("shop:")).toEqual({ ...first, isLocked: false, isAdmitted: false, visits: 2 })
    }))

  test("announces the release of a lock on the channel with the prefix, on which its own callers wait", () =>
    Effect.gen(function* () {
      const make = yield* clientOf
      const [redis, server] = [yield* make("shop:"), yield* make()]
      const locks = yield* DistributedLock.make.pipe(provide(redis))
      const listenOn = (client: RedisClient.Service, channel: string) =>
        Effect.gen(function* () {
          const listens = yield* Deferred.make<void>()
          const message = yield* client.subscribe(channel).pipe(
            Stream.tap(({ _tag }) => (_tag === "Gap" ? Deferred.succeed(listens, undefined) : Effect.void)),
            Stream.filter(({ _tag }) => _tag === "Message"),
            Stream.runHead,
            Effect.fork
          )
          yield* Deferred.await(listens)
          return message
        })
      const listeners = [
        yield* listenOn(server, "shop:{lock:door}:released"),
        yield* listenOn(redis, "{lock:door}:released")
      ]
      const token = Option.getOrThrow(yield* locks.acquireLock("door", "1 minute"))
      const waiter = yield* Effect.fork(
        locks.withLock("door", { timeToLive: "1 minute", maxWait: "1 minute" })(Effect.void)
      )
      // a release is announced where a caller waits
      yield* until("a caller waits", () => Effect.map(redis.get("{lock:door}:waiting"), Option.isSome))
      expect(yield* locks.releaseLock("door", token)).toBe(true)
      yield* Fiber.join(waiter)
      for (const listener of listeners) expect(Option.isSome(yield* Fiber.join(listener))).toBe(true)
    }))
}
