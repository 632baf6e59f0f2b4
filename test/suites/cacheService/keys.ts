/** Plain keys, and deletions that may reach the caches' keys. */
import { expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { UserId } from "../../../src/game/Player.js"
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
      yield* redis.set("user:*", "plain", { ttl: "1 minute" })
      expect(yield* cache.delPattern("user:\\*")).toEqual(Option.some(1))
      expect(yield* held).toEqual([true, false, true, true])
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

  test("refuses a time to live that no server keeps", (cache, redis) =>
    Effect.gen(function* () {
      for (const ttl of [Duration.zero, Duration.infinity, Duration.days(36_500)]) {
        expect(yield* cache.set("my-key", Schema.String, "value", ttl)).toBe(false)
      }
      expect(yield* redis.get("my-key")).toEqual(Option.none())
    }))
}
