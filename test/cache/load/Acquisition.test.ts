/** Taking the lease of a load, and the time at which its entry is created. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { CreationTime } from "../../../src/cache/invalidation/CreationTime.js"
import * as Acquisition from "../../../src/cache/load/Acquisition.js"
import * as Callback from "../../../src/internal/effect/Callback.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { type RedisError, RedisUnavailable } from "../../../src/redis/RedisError.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"

const request = { key: "c:a", lease: "{c:a}:lease", channel: "c", token: "mine", newerThan: 0 }

const markersTime = { now: 5_000, clear: 10, generation: 7, sentAt: 0, receivedAt: 0 }

/** The keys of a server at the time 0, and a guard that lets reads use the connections of a test. */
const world = (ask?: CreationTime["ask"]) =>
  Effect.map(RedisClient, (redis) => {
    const usable = { entries: 1, markers: 1 }
    const floor = { value: 0 }
    const acquisition = Acquisition.make({
      executor: RedisExecutor.of(redis),
      guard: {
        isUsable: (generation) => generation === usable.entries,
        areMarkersUsable: (generation) => generation === usable.markers
      },
      markers: { floor: () => floor.value },
      creation: ask === undefined ? undefined : { ask },
      leaseMillis: 1_000
    })
    const acquire = (request: Acquisition.AcquireRequest) =>
      Callback.make<Acquisition.AcquireReply, RedisError>((resume) => acquisition.acquire(request, resume))
    return { redis, usable, floor, isUsable: acquisition.isUsable, acquire }
  })

const test = (name: string, body: Effect.Effect<void, unknown, RedisClient>) =>
  it.effect(name, () => Effect.provide(body, MemoryRedis.layer()))

describe("the lease of a load on one server", () => {
  test(
    "is granted with a creation time after the clear marker, by the one connection",
    Effect.gen(function* () {
      const { acquire, floor, redis } = yield* world()
      floor.value = 9_000_000_000_000
      const { acquired, lease } = yield* acquire(request)
      expect(acquired).toEqual(["granted", 9_000_000_000_001])
      expect(lease.markerGeneration).toBe(lease.generation)
      expect(yield* redis.get(request.lease)).toMatchObject({ value: "mine" })
    })
  )

  test(
    "is not granted while another token holds it, nor where a newer value is stored",
    Effect.gen(function* () {
      const { acquire, redis } = yield* world()
      yield* acquire({ ...request, token: "another's" })
      expect((yield* acquire(request)).acquired).toEqual(["held"])
      yield* redis.set(request.key, '{"created":20,"ttl":60000,"value":1}', { timeToLive: "1 minute" })
      expect((yield* acquire({ ...request, newerThan: 19 })).acquired).toEqual(["value", 20])
      expect((yield* acquire({ ...request, newerThan: 20 })).acquired).toEqual(["held"])
    })
  )
})

describe("the lease of a load whose markers lie on another server", () => {
  test(
    "has the creation time of the markers' server, after their clear marker, and both connections",
    Effect.gen(function* () {
      let answer = markersTime
      const { acquire, isUsable, usable } = yield* world((onReply) => onReply(Exit.succeed(answer)))
      const granted = yield* acquire(request)
      expect(granted.acquired).toEqual(["granted", 5_000])
      expect(granted.lease.markerGeneration).toBe(7)
      usable.entries = granted.lease.generation
      for (const [markers, expected] of [
        [7, true],
        [8, false]
      ] as const) {
        usable.markers = markers
        expect(isUsable(granted.lease, request.key)).toBe(expected)
      }
      usable.markers = 7
      usable.entries++
      expect(isUsable(granted.lease, request.key)).toBe(false)
      answer = { ...markersTime, clear: 5_000 }
      expect((yield* acquire(request)).acquired).toEqual(["granted", 5_001])
    })
  )

  test(
    "does not change the creation time of a value that is stored",
    Effect.gen(function* () {
      const { acquire, redis } = yield* world((onReply) => onReply(Exit.succeed(markersTime)))
      yield* redis.set(request.key, '{"created":20,"ttl":60000,"value":1}', { timeToLive: "1 minute" })
      expect((yield* acquire(request)).acquired).toEqual(["value", 20])
    })
  )

  test(
    "fails where the markers' server does not answer",
    Effect.gen(function* () {
      const away = new RedisUnavailable({ reason: "Disconnected" })
      const { acquire } = yield* world((onReply) => onReply(Exit.fail(away)))
      expect(yield* Effect.flip(acquire(request))).toBe(away)
    })
  )
})
