import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Counter from "../../src/coordination/Counter.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { age, onEveryLayer } from "../support/server/clientLayers.js"

const forever = Option.some(Duration.infinity)

describe("a counter", () => {
  onEveryLayer((it) => {
    it.effect("counts up and down and reads the count", () =>
      Effect.gen(function* () {
        const counter = yield* Counter.make({ key: "updown" })
        expect(yield* counter.get).toBe(0)
        expect(yield* counter.increment).toBe(1)
        expect(yield* counter.increment).toBe(2)
        expect(yield* counter.decrement).toBe(1)
        expect(yield* counter.get).toBe(1)
      })
    )

    it.effect("fails when the key holds a number that is not exact, also when it counts", () =>
      Effect.gen(function* () {
        const redis = yield* RedisClient
        const counter = yield* Counter.make({ key: "beyond" })
        for (const stored of ["9007199254740992", "-9007199254740992", "99999999999999999999", "1e400", "many"]) {
          yield* redis.set("counters:beyond", stored)
          expect([stored, yield* Effect.flip(counter.get)]).toMatchObject([stored, { _tag: "RedisProtocolError" }])
          if (stored.startsWith("-")) continue
          const counted = yield* Effect.flip(counter.increment)
          expect(counted._tag).toMatch(/^Redis(Protocol|Server)Error$/)
        }
        yield* redis.set("counters:beyond", String(Number.MAX_SAFE_INTEGER))
        expect(yield* counter.get).toBe(Number.MAX_SAFE_INTEGER)
      })
    )

    it.effect("loses no increment of many at once", () =>
      Effect.gen(function* () {
        const counter = yield* Counter.make({ key: "concurrent" })
        const seen = yield* Effect.replicateEffect(counter.increment, 200, { concurrency: "unbounded" })
        expect(new Set(seen).size).toBe(200)
        expect(yield* counter.get).toBe(200)
      })
    )

    it.effect("never falls below zero, however many callers decrement at once", () =>
      Effect.gen(function* () {
        const counter = yield* Counter.make({ key: "floor" })
        yield* counter.increment
        const seen = yield* Effect.replicateEffect(counter.decrement, 20, { concurrency: "unbounded" })
        expect(seen.every((count) => count === 0)).toBe(true)
        expect(yield* counter.increment).toBe(1)
      })
    )

    it.effect("starts at its minimum when that is above zero, and at zero when it is below", () =>
      Effect.gen(function* () {
        const above = yield* Counter.make({ key: "above", minimum: 5 })
        expect(yield* above.get).toBe(5)
        expect(yield* above.decrement).toBe(5)
        expect(yield* above.increment).toBe(6)

        const below = yield* Counter.make({ key: "below", minimum: -2 })
        expect(yield* below.get).toBe(0)
        expect(yield* Effect.replicateEffect(below.decrement, 3)).toEqual([-1, -2, -2])
        expect(yield* below.get).toBe(-2)
      })
    )

    it.effect("lifts a number that another program left below the minimum, and keeps its time to live", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const counter = yield* Counter.make({ key: "lifted" })
        yield* client.set("counters:lifted", "-7", { timeToLive: "1 hour" })
        expect(yield* counter.get).toBe(0)
        expect(yield* counter.increment).toBe(1)
        const left = Option.getOrThrow(yield* client.ttl("counters:lifted"))
        expect(Duration.lessThanOrEqualTo(left, "1 hour")).toBe(true)
      })
    )

    it.effect("is permanent unless it is given a time to live", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const counter = yield* Counter.make({ key: "permanent" })
        yield* counter.increment
        yield* counter.decrement
        yield* counter.decrement
        expect(yield* client.ttl("counters:permanent")).toEqual(forever)
      })
    )

    it.effect("is forgotten when nothing was counted for its time to live", () =>
      Effect.gen(function* () {
        const counter = yield* Counter.make({ key: "expiring", timeToLive: "1 hour" })
        yield* counter.increment
        yield* age("counters:expiring", 50 * 60_000)
        expect(yield* counter.increment).toBe(2)
        yield* age("counters:expiring", 50 * 60_000)
        expect(yield* counter.get).toBe(2)
        yield* age("counters:expiring", 10 * 60_000)
        expect(yield* counter.get).toBe(0)
        expect(yield* counter.increment).toBe(1)
      })
    )

    it.effect("fails when its key holds something else", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const counter = yield* Counter.make({ key: "text" })
        yield* client.set("counters:text", "many")
        expect(yield* Effect.flip(counter.increment)).toMatchObject({ _tag: "RedisServerError", code: "ERR" })
        expect(yield* Effect.flip(counter.get)).toMatchObject({ _tag: "RedisProtocolError" })

        const set = yield* Counter.make({ key: "set" })
        yield* client.zadd("counters:set", 1, "member")
        expect(yield* Effect.flip(set.decrement)).toMatchObject({ _tag: "RedisServerError", code: "WRONGTYPE" })
        expect(yield* client.zcard("counters:set")).toBe(1)
      })
    )
  })
})
