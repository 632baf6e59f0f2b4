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
  it.effect("is refused where it belongs to something else", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      for (const key of [
        "lock:it",
        "lock",
        "semaphore:it",
        "ratelimit:login:ada",
        "{lock:it}:fence",
        "{a}:clear",
        "{a}:tags",
        "{a}:tag",
        "{a}:tag:b",
        "{a}:tag:b:ranked",
        "{a:b}:lease",
        "{a}:ranked",
        "a{b}:ranked",
        "a{b}c:arrivals",
        "{a}",
        "a\ud800"
      ]) {
        expect(KeyOwner.wholeKeyProblem(client, key), key).toBeDefined()
      }
      for (const key of [
        "a",
        "a:b",
        "locks:a",
        "{a}:b",
        "a:{b}",
        "board:ranked",
        "{counters:players_online}:present"
      ]) {
        expect(KeyOwner.wholeKeyProblem(client, key), key).toBeUndefined()
      }
      expect(KeyOwner.wholeKeyProblem(client, "ratelimit:login:ada", "ratelimit")).toBeUndefined()
      expect(KeyOwner.wholeKeyProblem(client, "lock:it", "ratelimit")).toBeDefined()
    }).pipe(Effect.provide(MemoryRedis.layer))
  )

  it.effect("is refused while a cache of its name lives on the same client, the last of several", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      const problem = Effect.sync(() => KeyOwner.wholeKeyProblem(client, "user:ada"))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* KeyOwner.claim(client, "user")
          yield* Effect.scoped(KeyOwner.claim(client, "user"))
          expect(yield* problem).toContain("the cache user")
          expect(KeyOwner.wholeKeyProblem(client, "user:a:b")).toBeUndefined()
        })
      )
      expect(yield* problem).toBeUndefined()
    }).pipe(Effect.provide(MemoryRedis.layer))
  )
})
