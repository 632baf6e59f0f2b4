/** Reads that lag behind scripts, such as those that a proxy sends to a replica: every read ends after few commands. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisReply } from "../../../src/redis/RedisConnection.js"
import { RedisConnectionLost } from "../../../src/redis/RedisError.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import * as Executors from "../../support/faults/Executors.js"
import { connect, eventually, testWith } from "../../support/faults/FaultSuite.js"
import * as AdminConnection from "../../support/server/AdminConnection.js"
import { onEveryLayer } from "../../support/server/clientLayers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { until } from "../../support/until.js"

/** A client whose MGET answers old values from a moment on, until it catches up. */
const lagging = (redis: RedisClient.Service) => {
  const state = { lagsBehind: new Map<string, string>(), isLagging: true, questions: 0, catchesUpAfter: Infinity }
  const client = Executors.replacing(redis, ({ unsafeMget, unsafeScript }) => ({
    unsafeScript: (which, input, onReply) => {
      if (which.name === "cache.acquire") state.questions++
      unsafeScript(which, input, onReply)
    },
    unsafeMget: (keys, onReply) => {
      let asked: ReadonlyArray<string> = []
      unsafeMget(
        () => (asked = keys()),
        (exit) => {
          if (state.questions >= state.catchesUpAfter) state.isLagging = false
          const seen = (texts: RedisReply): RedisReply =>
            Array.isArray(texts)
              ? // the markers are older than all entries of this test
                texts.map((text, i) =>
                  i === 0 || !state.isLagging ? text : (state.lagsBehind.get(asked[i] ?? "") ?? null)
                )
              : texts
          onReply(Exit.map(exit, (reply) => ({ ...reply, value: seen(reply.value) })))
        }
      )
    }
  }))
  return { client, state }
}

const read = (cache: CacheWorld.Cache, id = "a") =>
  Effect.map(cache.getResult(id), ({ reason, source, value }) => [source, value, reason] as const)

const plain = { key: Schema.String, value: Schema.Number, timeToLive: "1 minute" } as const

/** The most commands of a read: five retries and the first. */
const most = 6

describe("a cache whose reads lag behind its scripts", () => {
  onEveryLayer((it) => {
    const world = (rows: Readonly<Record<string, number>>, settings: CacheWorld.Settings = {}) =>
      Effect.gen(function* () {
        const world = CacheWorld.make(rows, settings)
        const { client, state } = lagging(yield* RedisClient)
        const log = yield* CapturedLog.make
        // its loads log like their cache
        const own = yield* world.cache().pipe(Effect.provideService(RedisClient, client), Effect.provide(log.layer))
        const redis = yield* RedisClient
        const other = yield* world.cache()
        /** Reads in the other process, and waits until its values are stored. */
        const store = (...ids: ReadonlyArray<string>) =>
          Effect.zipRight(
            other.getMany(ids),
            until("the values are stored", () =>
              Effect.map(redis.mget(ids.map(world.key)), (texts) => texts.every(Option.isSome))
            )
          )
        return { ...world, log, own, state, other, store }
      })

    it.scoped("ends a read by a lookup when the value never becomes visible, and gives the reason", () =>
      Effect.gen(function* () {
        const { log, own, state, store } = yield* world({ a: 1, b: 1 })
        yield* store("a", "b")
        const answers = yield* Effect.all([read(own, "a"), read(own, "b"), read(own, "a")])
        expect(answers).toEqual(answers.map(() => ["Degraded", 1, "ReplicaLag"]))
        expect(state.questions).toBeLessThanOrEqual(answers.length * most)
        expect(log.lines.filter(({ text }) => text.includes("replica"))).toHaveLength(1)
      })
    )

    it.scoped("ends a read by a lookup when it sees an older value", () =>
      Effect.gen(function* () {
        const redis = yield* RedisClient
        const { database, key, other, own, state, store } = yield* world({ a: 1 })
        yield* store("a")
        yield* Effect.sleep("2 millis")
        // it was invalidated, and the marker is seen: the old value is not accepted
        yield* own.clear
        state.lagsBehind.set(
          key("a"),
          Option.getOrElse(yield* redis.get(key("a")), () => "")
        )
        database.rows.set("a", 2)
        yield* other.set("a", 2)
        expect(yield* read(own)).toEqual(["Degraded", 2, "ReplicaLag"])
        expect(state.questions).toBeLessThanOrEqual(most)
      })
    )

    it.scoped("finds the value without a lookup when its reads catch up", () =>
      Effect.gen(function* () {
        const { database, own, state, store } = yield* world({ a: 1 })
        yield* store("a")
        state.catchesUpAfter = 3
        expect(yield* read(own)).toEqual(["Redis", 1, undefined])
        expect(database.lookups()).toBe(1)
        expect(state.questions).toBe(3)
      })
    )

    it.scoped("ends getMany, warm, refresh, and a get that fails instead of looking up", () =>
      Effect.gen(function* () {
        const { database, name, own, state, store } = yield* world({ a: 1, b: 2, c: 3 })
        yield* store("a", "b", "c")
        expect(yield* own.getMany(["a", "b", "c"])).toEqual([1, 2, 3])
        expect(state.questions).toBeLessThanOrEqual(3 * most)
        const warmed = yield* Effect.either(own.warm(["a", "b", "c"], { waitForRedis: "1 second" }))
        expect(Either.isLeft(warmed) && warmed.left._tag === "WarmStopped" && warmed.left.reason).toBe("ReplicaLag")
        database.rows.set("a", 4)
        expect(yield* own.refresh("a")).toBe(4)
        const failing = yield* Effect.provideService(
          TypedCache.make({ ...plain, name, lookup: database.lookup, outage: { onUnavailable: "fail" } }),
          RedisClient,
          lagging(yield* RedisClient).client
        )
        expect((yield* Effect.flip(failing.get("b")))._tag).toBe("RedisProtocolError")
      })
    )
  })

  testWith("replicas")("ends every read on a replica that no longer follows, and caches again when it does", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make({ args: ["--repl-diskless-sync-delay", "0"] })
      const replica = yield* RedisServer.make()
      const follow = Effect.zipRight(
        replica.send("REPLICAOF", "127.0.0.1", String(server.port)),
        eventually(
          "the replica follows",
          Effect.map(replica.send("INFO", "replication"), (info) => String(info).includes("master_link_status:up"))
        )
      )
      const primary = yield* connect({ host: "127.0.0.1", port: server.port })
      // a client of the toolkit would not stay connected to a replica
      const readReplica = yield* AdminConnection.open(replica.url)
      const { generation } = yield* primary.getStatus
      const split = Executors.replacing(primary, () => ({
        unsafeMget: (keys, onReply) => {
          readReplica("MGET", ...keys()).then(
            (value) => onReply(Exit.succeed({ value: value as ReadonlyArray<string | null>, generation })),
            () => onReply(Exit.fail(new RedisConnectionLost({ command: "MGET" })))
          )
        }
      }))
      const { cache, database } = CacheWorld.make({ a: 1, b: 1 })
      const other = yield* Effect.provideService(cache(), RedisClient, primary)
      yield* follow
      yield* replica.send("REPLICAOF", "NO", "ONE")
      yield* other.get("a")
      const own = yield* Effect.provideService(cache(), RedisClient, split)
      expect(yield* read(own)).toEqual(["Degraded", 1, "ReplicaLag"])
      expect(database.lookups()).toBe(2)
      yield* follow
      yield* eventually(
        "it reads from Redis",
        Effect.map(read(own), ([source]) => source === "Redis")
      )
    })
  )
})
