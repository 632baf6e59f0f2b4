import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as KeyOwner from "../../src/redis/KeyOwner.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../src/redis/RedisClient.js"

describe("a key under a prefix of one kind", () => {
  it("keeps its colons, and nothing else that an id does not keep", () => {
    expect(KeyOwner.under("lock", "settle:user-1")).toEqual(Either.right("lock:settle:user-1"))
    expect(KeyOwner.under("ratelimit:a%3Ab", "::1")).toEqual(Either.right("ratelimit:a%3Ab:::1"))
    expect(KeyOwner.under("lock", "{a}:%3A")).toEqual(Either.right("lock:%7Ba%7D:%253A"))
    expect(Either.isLeft(KeyOwner.under("lock", "\ud800"))).toBe(true)
  })
})

describe("the name of the cache whose entry a key would be", () => {
  it("ends before the last colon, or before the last that no quotation mark precedes", () => {
    expect(KeyOwner.nameOf("user:profile:ada")).toBe("user:profile")
    expect(KeyOwner.nameOf('seat:%7B"at":"a:b"%7D')).toBe("seat")
    expect(KeyOwner.nameOf('a:b:"c":"d"')).toBe("a:b")
    expect(KeyOwner.nameOf("plain")).toBe("")
    expect(KeyOwner.nameOf('"a:b')).toBe("")
  })
})

describe("a key that its caller names", () => {
  it.effect("stands under the prefix of its module, as it is", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      expect(KeyOwner.named(client, "counters", "players:online")).toEqual(Either.right("counters:players:online"))
      expect(KeyOwner.named(client, "ratelimit", "login:a%7B")).toEqual(Either.right("ratelimit:login:a%7B"))
      expect(KeyOwner.named(client, "leaderboard", "{guild}:b")).toEqual(Either.right("leaderboard:{guild}:b"))
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.effect("is rejected when it is empty, no Unicode, or a key of a board with a hash tag of its own", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      for (const name of ["", "a\ud800", "a{b}:ranked", "{b}c:arrivals"]) {
        expect(Either.isLeft(KeyOwner.named(client, "leaderboard", name)), name).toBe(true)
      }
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.effect("is rejected while a cache with that entry lives on the same client, the last of several", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      const key = Effect.sync(() => KeyOwner.named(client, "counters", "user:ada"))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* KeyOwner.claim(client, "counters:user")
          yield* Effect.scoped(KeyOwner.claim(client, "counters:user"))
          expect(Either.flip(yield* key)).toMatchObject({ right: expect.stringContaining("the cache counters:user") })
          expect(Either.isRight(KeyOwner.named(client, "counters", "user:a:b"))).toBe(true)
          expect(Either.isRight(KeyOwner.named(client, "presence", "user:ada"))).toBe(true)
        })
      )
      expect(Either.isRight(yield* key)).toBe(true)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})
