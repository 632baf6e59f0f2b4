/** Plain keys, and deletions that may reach the caches' keys. */
import { expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import * as DistributedSemaphore from "../../../src/coordination/DistributedSemaphore.js"
import * as Leaderboard from "../../../src/coordination/Leaderboard.js"
import * as Presence from "../../../src/coordination/Presence.js"
import * as RateLimiter from "../../../src/coordination/RateLimiter.js"
import { UserId } from "../../../src/game/Player.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { ada, bob, createdAt, game, profile, state, type Test } from "./fixtures.js"

export const keysSuite = (test: Test): void => {
  test("stores any value under any key, for an hour when nothing else is said", (cache, redis) =>
    Effect.gen(function* () {
      const Data = Schema.Struct({ data: Schema.String, at: Schema.DateTimeUtc })
      const value = { data: "value", at: createdAt }
      expect(yield* cache.get("my-key", Data)).toEqual(Option.none())
      expect(yield* cache.set("my-key", Data, value)).toBe(true)
      expect(yield* cache.get("my-key", Data)).toEqual(Option.some(value))
      const left = Duration.toSeconds(Option.getOrThrow(yield* redis.ttl("my-key")))
      expect(left).toBeLessThanOrEqual(3600)
      expect(left).toBeGreaterThan(1800)

      expect(yield* cache.set("my-key", Data, value, "5 minutes")).toBe(true)
      expect(Duration.toSeconds(Option.getOrThrow(yield* redis.ttl("my-key")))).toBeLessThanOrEqual(300)

      expect(yield* cache.get("my-key", Schema.Number)).toEqual(Option.none())
      expect(yield* cache.del("my-key")).toBe(true)
      expect(yield* cache.get("my-key", Data)).toEqual(Option.none())
    }))

  test("stores no value whose schema throws, and reads none; NaN is stored as what it is", (cache, redis) =>
    Effect.gen(function* () {
      const unlucky = (n: number) => {
        if (n === 13) throw new Error("unlucky")
        return n
      }
      const Lucky = Schema.transform(Schema.Number, Schema.Number, { strict: true, decode: unlucky, encode: unlucky })
      expect(yield* cache.set("my-key", Lucky, 13)).toBe(false)
      expect(yield* redis.get("my-key")).toEqual(Option.none())
      expect(yield* cache.set("my-key", Lucky, Number.NaN)).toBe(true)
      expect(yield* cache.get("my-key", Lucky)).toEqual(Option.some(Number.NaN))
      yield* redis.set("my-key", "13")
      expect(yield* cache.get("my-key", Lucky)).toEqual(Option.none())
      const Row = Schema.Struct({ at: Schema.DateFromSelf })
      expect(yield* cache.set("my-key", Row, { at: new Date(0) })).toBe(true)
      expect(yield* cache.get("my-key", Row)).toEqual(Option.some({ at: new Date(0) }))
    }))

  test("keeps generic reads and writes away from the keys of the caches", (cache, redis) =>
    Effect.gen(function* () {
      yield* cache.setUserBalance(ada, 5)
      for (const key of ["user:balance:ada", "{user:balance:ada}:lease", "{user:balance}:clear"]) {
        const stored = yield* redis.get(key)
        expect(yield* cache.set(key, Schema.String, "value"), key).toBe(false)
        expect(yield* cache.get(key, Schema.Unknown), key).toEqual(Option.none())
        expect(yield* redis.get(key), key).toEqual(stored)
      }
      expect(yield* cache.getUserBalance(ada)).toEqual(Option.some(5))
      expect(yield* cache.set("user:balances", Schema.String, "value")).toBe(true)
    }))

  test("deletes a key, one of a cache by its id, however that is spelt in the key", (cache) =>
    Effect.gen(function* () {
      const braces = UserId.make("{a%}")
      for (const [id, key] of [
        [ada, "user:balance:ada"],
        [braces, "user:balance:%7Ba%25%7D"]
      ] as const) {
        yield* cache.setUserBalance(id, 5)
        expect(yield* cache.del(key)).toBe(true)
        expect(yield* cache.getUserBalance(id), key).toEqual(Option.none())
      }
      yield* cache.setUserBalance(bob, 6)
      yield* cache.set("my-key", Schema.String, "value")
      expect(yield* cache.del("my-key")).toBe(true)
      expect(yield* cache.get("my-key", Schema.String)).toEqual(Option.none())
      expect(yield* cache.getUserBalance(bob)).toEqual(Option.some(6))
    }))

  test("deletes the keys that match a pattern, and clears a cache only if it can have such keys", (cache, redis) =>
    Effect.gen(function* () {
      const store = Effect.gen(function* () {
        yield* cache.setUserProfile(ada, profile(ada))
        yield* cache.setUserBalance(ada, 5)
        yield* cache.setGameState(game, state)
        yield* cache.set("session:1", Schema.String, "one")
        yield* cache.set("session:2", Schema.String, "two")
      })
      const held = Effect.map(
        Effect.all([
          cache.getUserProfile(ada),
          cache.getUserBalance(ada),
          cache.getGameState(game),
          cache.get("session:1", Schema.String)
        ]),
        (values) => values.map((value) => Option.isSome<unknown>(value))
      )
      yield* store
      expect(yield* held).toEqual([true, true, true, true])
      expect(yield* cache.delPattern("session:*")).toEqual(Option.some(2))
      expect(yield* held).toEqual([true, true, true, false])
      // matches the values of both, and clears their caches
      for (const pattern of ["user:*", "user:*:ada", "[u]ser:*a", "user:[bp]*", "?ser:*"]) {
        yield* store
        expect(Option.isSome(yield* cache.delPattern(pattern)), pattern).toBe(true)
        expect((yield* held).slice(0, 2), pattern).toEqual([false, false])
      }
      yield* store
      expect(yield* cache.delPattern("user:balance:a*")).toEqual(Option.some(1))
      expect(yield* held).toEqual([true, false, true, true])
      // escaped, a pattern is the text of one key
      yield* redis.set("user:*", "plain", { timeToLive: "1 minute" })
      expect(yield* cache.delPattern("user:\\*")).toEqual(Option.some(1))
      expect(yield* held).toEqual([true, false, true, true])
    }))

  test("reaches nothing of locks, limits, counters, presence, boards and markers, by key or by pattern", (cache, redis) =>
    Effect.gen(function* () {
      const lock = yield* DistributedLock.make
      const semaphore = yield* DistributedSemaphore.make
      const limiter = yield* RateLimiter.make
      const board = yield* Leaderboard.make({ key: "season" })
      const online = yield* Presence.make({ key: "room:1", timeToLive: "1 minute" })
      const options = { limit: 2, window: "1 minute", onUnavailable: "deny" } as const
      const algorithms = [
        RateLimiter.fixedWindow(options),
        RateLimiter.slidingLog(options),
        RateLimiter.slidingCounter(options),
        RateLimiter.tokenBucket(options)
      ]
      const limit = yield* RateLimiter.key("login", "ada")

      yield* lock.tryAcquire("it:self", { timeToLive: "1 minute" })
      yield* semaphore.tryAcquire("it", { timeToLive: "1 minute", permits: 1 })
      yield* Effect.forEach(algorithms, (algorithm) => limiter.consume(limit, algorithm))
      yield* board.submit("ada", 1)
      yield* online.beat("ada")
      yield* cache.submitScore(ada, 5)
      yield* cache.rebuildLeaderboard(Stream.make({ userId: ada, score: 5 }))
      yield* cache.incrementActiveGames
      yield* cache.incrementOnlinePlayers
      yield* cache.playerOnline(ada)
      yield* cache.setUserBalance(ada, 5)
      yield* cache.invalidateUser(bob)

      const keysOf = Effect.map(redis.send("SCAN", "0", "COUNT", 1_000), (reply) =>
        Array.isArray(reply) && Array.isArray(reply[1]) ? reply[1].map(String) : []
      )
      const held = (yield* keysOf).filter((key) => key !== "user:balance:ada")
      // one of each kind
      for (const key of [
        ...["lock:it:self", "{lock:it:self}:fence", "semaphore:it", "ratelimit:login:ada"],
        ...["log", "counter", "bucket"].map((state) => `{ratelimit:login:ada}:${state}`),
        ...["leaderboard:season", "{leaderboard:season}:ranked", "{leaderboard:season}:arrivals"],
        ...[
          "presence:room:1",
          "leaderboard:global",
          "{leaderboard:global}:whole",
          "counters:active_games",
          "counters:players_online"
        ],
        ...["presence:players_online", "{user:balance}:clear"]
      ]) {
        expect(held).toContain(key)
      }
      const type = Effect.forEach(held, (key) => redis.send("TYPE", key))
      const before = yield* redis.mget(held)
      const types = yield* type
      for (const key of [...held, "lock:free", "{lock:free}:fence", "{user:balance}:tag:a", "counters:other"]) {
        expect(yield* cache.get(key, Schema.Unknown), key).toEqual(Option.none())
        expect(yield* cache.set(key, Schema.String, "value"), key).toBe(false)
        expect(yield* cache.del(key), key).toBe(false)
      }
      for (const pattern of [
        "lock:*",
        "*lock*",
        "{*",
        "ratelimit:*",
        "leaderboard:season",
        "presence:*",
        "counters:*",
        "leaderboard:*"
      ]) {
        expect(yield* cache.delPattern(pattern), pattern).toEqual(Option.some(0))
      }
      yield* cache.set("my-key", Schema.String, "value")
      expect(yield* cache.delPattern("*")).toEqual(Option.some(2))
      expect(yield* cache.getUserBalance(ada)).toEqual(Option.none())
      expect(yield* type).toEqual(types)
      // the caches were cleared, and so their markers have moved
      const unmoved = (values: typeof before) => values.filter((_, index) => !held[index]?.endsWith("}:clear"))
      expect(unmoved(yield* redis.mget(held))).toEqual(unmoved(before))
      expect(Option.isNone(yield* lock.tryAcquire("it:self", { timeToLive: "1 minute" }))).toBe(true)
    }).pipe(Effect.scoped, Effect.orDie, Effect.provideService(RedisClient, redis)))

  test("takes a key under a cache's name for one of its ids, also where it holds a plain colon", (cache, redis) =>
    Effect.gen(function* () {
      const id = UserId.make("a:b")
      yield* cache.setUserBalance(id, 5)
      expect(Option.isSome(yield* redis.get("user:balance:a%3Ab"))).toBe(true)
      expect(yield* cache.set("user:balance:a:b", Schema.String, "value")).toBe(false)
      expect(yield* cache.del("user:balance:a:b")).toBe(true)
      expect(yield* cache.getUserBalance(id)).toEqual(Option.none())
      yield* cache.setUserBalance(id, 5)
      expect(yield* cache.del("user:balance:a%3Ab")).toBe(true)
      expect(yield* cache.getUserBalance(id)).toEqual(Option.none())
    }))

  test("flushes the database and every cache", (cache, redis) =>
    Effect.gen(function* () {
      yield* cache.setUserProfile(ada, profile(ada))
      yield* cache.set("my-key", Schema.String, "value")
      yield* cache.incrementOnlinePlayers
      expect(yield* cache.flushDb).toBe(true)
      expect(yield* cache.getUserProfile(ada)).toEqual(Option.none())
      expect(yield* cache.get("my-key", Schema.String)).toEqual(Option.none())
      expect(yield* cache.getOnlinePlayers).toBe(0)
      expect(yield* redis.get("user:profile:ada")).toEqual(Option.none())
      // and what is stored from then on is kept
      yield* cache.setUserProfile(ada, profile(ada))
      expect(yield* cache.getUserProfile(ada)).toEqual(Option.some(profile(ada)))
    }))

  test("rejects a time to live that no server keeps", (cache, redis) =>
    Effect.gen(function* () {
      for (const ttl of [Duration.zero, Duration.infinity, Duration.days(36_500)]) {
        expect(yield* cache.set("my-key", Schema.String, "value", ttl)).toBe(false)
      }
      expect(yield* redis.get("my-key")).toEqual(Option.none())
    }))
}
