/** The commands of a RedisClient, each with what it answers and rejects. */
import type { Vitest } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { expect } from "vitest"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisError } from "../../../src/redis/RedisError.js"
import { fresh } from "./fresh.js"

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.effect("reads back what was set, and none where nothing was", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("text")
      expect(yield* redis.get(key)).toEqual(Option.none())
      expect(yield* redis.set(key, "grüße 🎲")).toBe(true)
      expect(yield* redis.get(key)).toEqual(Option.some("grüße 🎲"))
    })
  )

  it.effect("keeps an empty text apart from no text", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("empty")
      yield* redis.set(key, "")
      expect(yield* redis.get(key)).toEqual(Option.some(""))
    })
  )

  it.effect("sets only where its condition holds, and says whether it did", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("condition")
      expect(yield* redis.set(key, "1", { condition: "XX" })).toBe(false)
      expect(yield* redis.set(key, "2", { condition: "NX" })).toBe(true)
      expect(yield* redis.set(key, "3", { condition: "NX" })).toBe(false)
      expect(yield* redis.set(key, "4", { condition: "XX" })).toBe(true)
      expect(yield* redis.get(key)).toEqual(Option.some("4"))
    })
  )

  it.effect("tells a key that never expires from one that does and from none", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("ttl")
      expect(yield* redis.ttl(key)).toEqual(Option.none())
      yield* redis.set(key, "x")
      expect(yield* redis.ttl(key)).toEqual(Option.some(Duration.infinity))
      expect(yield* redis.expire(key, "1 hour")).toBe(true)
      const left = Option.getOrThrow(yield* redis.ttl(key))
      expect(Duration.toMinutes(left)).toBeGreaterThan(50)
      expect(Duration.toMinutes(left)).toBeLessThanOrEqual(60)
      expect(yield* redis.expire(fresh("absent"), "1 hour")).toBe(false)
    })
  )

  it.effect("drops the time to live with a plain set and keeps it with keepTimeToLive", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("keep")
      yield* redis.set(key, "1", { timeToLive: "1 hour" })
      yield* redis.set(key, "2", { keepTimeToLive: true })
      expect(Duration.isFinite(Option.getOrThrow(yield* redis.ttl(key)))).toBe(true)
      yield* redis.set(key, "3")
      expect(yield* redis.ttl(key)).toEqual(Option.some(Duration.infinity))
    })
  )

  it.effect("rejects a time to live that is not positive or that no server keeps", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      for (const ttl of ["0 seconds", "-1 seconds", "10000 days", "Infinity"] as const) {
        const input = ttl === "Infinity" ? Duration.infinity : (ttl as Duration.DurationInput)
        const failure = yield* Effect.flip(redis.set(fresh("wrong"), "x", { timeToLive: input }))
        expect(failure).toMatchObject({ _tag: "InvalidArgument", command: "SET", argument: "timeToLive" })
      }
    })
  )

  it.effect("deletes several keys at once and counts those that existed", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const [first, second] = [fresh("a"), fresh("b")]
      yield* redis.set(first, "1")
      yield* redis.set(second, "2")
      expect(yield* redis.del(first, second, fresh("c"))).toBe(2)
      expect(yield* redis.del()).toBe(0)
      expect(yield* redis.get(first)).toEqual(Option.none())
    })
  )

  it.effect("answers many keys in their order, across more than one round", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const prefix = fresh("many")
      const keys = Array.from({ length: 1200 }, (_, i) => `${prefix}:${i}`)
      yield* Effect.forEach(
        keys.filter((_, i) => i % 2 === 0),
        (key) => redis.set(key, key),
        { concurrency: "unbounded" }
      )
      expect(yield* redis.mget(keys)).toEqual(keys.map((key, i) => (i % 2 === 0 ? Option.some(key) : Option.none())))
      expect(yield* redis.mget([])).toEqual([])
    })
  )

  it.effect("deletes by pattern only what matches it", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const prefix = fresh("pattern")
      for (const name of ["user:1:cache", "user:2:cache", "user:1:other", "user[3]:cache"]) {
        yield* redis.set(`${prefix}:${name}`, "x")
      }
      expect(yield* redis.delPattern(`${prefix}:user:*:cache`)).toBe(2)
      expect(yield* redis.delPattern(`${prefix}:user:*:cache`)).toBe(0)
      expect(yield* redis.delPattern(`${prefix}:user\\[3\\]:cache`)).toBe(1)
      expect(yield* redis.get(`${prefix}:user:1:other`)).toEqual(Option.some("x"))
    })
  )

  it.effect("deletes by pattern only keys of a type, and only keys that a predicate accepts", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const prefix = fresh("chosen")
      yield* redis.zadd(`${prefix}:board`, 1, "ada")
      for (const name of ["one", "two"]) yield* redis.set(`${prefix}:${name}`, "x")
      expect(yield* redis.delPattern(`${prefix}:*`, { type: "string", where: (key) => !key.endsWith("two") })).toBe(1)
      expect(yield* redis.mget([`${prefix}:one`, `${prefix}:two`])).toEqual([Option.none(), Option.some("x")])
      expect(yield* redis.zcard(`${prefix}:board`)).toBe(1)
    })
  )

  it.effect("rejects lone surrogates in keys, members and channels, two of which would be one to the server", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("surrogates")
      const other = yield* Effect.all([redis.zadd(key, 1, "a\ufffd"), redis.set(`${key}\ufffd`, "other")])
      expect(other).toEqual([true, true])
      for (const unit of ["\ud800", "\udfff"]) {
        const odd = `${key}${unit}`
        const member = `a${unit}`
        for (const rejected of [
          redis.get(odd),
          redis.getBuffer(odd),
          redis.mget([key, odd]),
          redis.set(odd, "x"),
          redis.set(odd, "x", { condition: "NX" }),
          redis.setBuffer(odd, new Uint8Array(1)),
          redis.del(key, odd),
          redis.delPattern(odd),
          redis.incr(odd),
          redis.decr(odd),
          redis.expire(odd, "1 minute"),
          redis.ttl(odd),
          redis.zadd(odd, 1, "a"),
          redis.zadd(key, 2, member),
          redis.zincrby(key, 2, member),
          redis.zrem(key, member),
          redis.zcard(odd),
          redis.zrevrange(odd, 0, 1),
          redis.zrevrangeWithScores(odd, 0, 1),
          redis.zrevrangebyscore(odd, 1, 0),
          redis.zrevrank(key, member),
          redis.zscore(key, member),
          redis.publish(odd, "x"),
          Stream.runDrain(redis.subscribe(odd)),
          redis.send("SADD", key, member)
        ]) {
          expect(yield* Effect.flip<unknown, RedisError, never>(rejected)).toMatchObject({
            _tag: "InvalidArgument",
            allowed: "well-formed Unicode text"
          })
        }
      }
      expect(yield* redis.zrevrangeWithScores(key, 0, -1)).toEqual([{ member: "a\ufffd", score: 1 }])
      expect(yield* redis.get(`${key}\ufffd`)).toEqual(Option.some("other"))
      expect(yield* redis.get(`${key}😀`)).toEqual(Option.none())
    })
  )

  it.effect("keeps bytes as they are", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("bytes")
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
      yield* redis.setBuffer(key, bytes, { timeToLive: "1 minute" })
      expect(Array.from(Option.getOrThrow(yield* redis.getBuffer(key)))).toEqual(Array.from(bytes))
      expect(yield* redis.getBuffer(fresh("none"))).toEqual(Option.none())
    })
  )

  it.effect("counts up and down, from nothing and below zero", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("counter")
      expect(yield* redis.incr(key)).toBe(1)
      expect(yield* redis.decr(key)).toBe(0)
      expect(yield* redis.decr(key)).toBe(-1)
      yield* redis.set(key, "no number")
      const failure = yield* Effect.flip(redis.incr(key))
      expect(failure).toMatchObject({ _tag: "RedisServerError", code: "ERR" })
    })
  )

  it.effect("orders members by score and then by name, from the highest down", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("board")
      expect(yield* redis.zadd(key, 10, "b")).toBe(true)
      yield* redis.zadd(key, 10, "a")
      yield* redis.zadd(key, -2.5, "low")
      yield* redis.zadd(key, Infinity, "top")
      expect(yield* redis.zadd(key, 11, "b")).toBe(false)
      expect(yield* redis.zrevrange(key, 0, -1)).toEqual(["top", "b", "a", "low"])
      expect(yield* redis.zrevrangeWithScores(key, 1, 3)).toEqual([
        { member: "b", score: 11 },
        { member: "a", score: 10 },
        { member: "low", score: -2.5 }
      ])
      expect(yield* redis.zrevrangebyscore(key, 11, 10)).toEqual([
        { member: "b", score: 11 },
        { member: "a", score: 10 }
      ])
      expect(yield* redis.zrevrangebyscore(key, Infinity, -Infinity, { offset: 1, count: 1 })).toEqual([
        { member: "b", score: 11 }
      ])
      expect(yield* redis.zrevrank(key, "a")).toEqual(Option.some(2))
      expect(yield* redis.zrevrank(key, "nobody")).toEqual(Option.none())
      expect(yield* redis.zscore(key, "low")).toEqual(Option.some(-2.5))
      expect(yield* redis.zscore(key, "nobody")).toEqual(Option.none())
      expect(yield* redis.zincrby(key, 0.5, "low")).toBe(-2)
      expect(yield* redis.zcard(key)).toBe(4)
      expect(yield* redis.zrem(key, "top")).toBe(true)
      expect(yield* redis.zrem(key, "top")).toBe(false)
      expect(yield* redis.zrevrange(fresh("none"), 0, -1)).toEqual([])
    })
  )

  it.effect("reads a key of another type as absent, and rejects a write as what it is not", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("typed")
      yield* redis.zadd(key, 1, "member")
      expect(yield* redis.get(key)).toEqual(Option.none())
      expect(yield* redis.mget([key])).toEqual([Option.none()])
      expect(yield* Effect.flip(redis.incr(key))).toMatchObject({ _tag: "RedisServerError", code: "WRONGTYPE" })
    })
  )

  it.effect("expires a key when its time is over", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("expiring")
      yield* redis.set(key, "x", { timeToLive: "20 millis" })
      yield* redis.get(key).pipe(Effect.repeat({ until: Option.isNone }))
    })
  )
}
