/** Clients with different prefixes on one cluster: none of them reaches what another one keeps, on any of its servers. */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as Slots from "../../../src/redis/topology/Slots.js"
import { clientOf } from "../../support/server/ClusterLayers.js"
import * as RedisCluster from "../../support/server/RedisCluster.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { copyOver, prefixes, suite } from "./TenantSuite.js"

const reason = RedisServer.skipReasonFor("cluster mode")
const test = it.scopedLive.skipIf(reason !== undefined) as typeof it.scopedLive

const scope = Effect.runSync(Scope.make())
let started: RedisCluster.RedisCluster | undefined
beforeAll(async () => {
  if (reason !== undefined) return
  started = await Effect.runPromise(Scope.extend(RedisCluster.make({ nodeTimeoutMillis: 30_000 }), scope))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/** The cluster of this file, without a key. */
const onCluster = Effect.gen(function* () {
  const cluster = started ?? (yield* Effect.dieMessage("the cluster was not started"))
  const onPrimaries = (...command: readonly [string, ...ReadonlyArray<string>]) =>
    Effect.flatMap(cluster.view, (nodes) =>
      Effect.forEach(
        nodes.filter(({ role }) => role === "primary"),
        ({ node }) => node.send(...command)
      )
    )
  yield* onPrimaries("FLUSHALL")
  /** The keys as the servers have them. */
  const all = Effect.map(onPrimaries("KEYS", "*"), (found) =>
    found.flatMap((keys) => (Array.isArray(keys) ? keys.map(String) : [])).sort()
  )
  const make = (keyPrefix?: string) =>
    Effect.map(Layer.build(clientOf(cluster, { keyPrefix, commandTimeout: "20 seconds" })), (context) =>
      Context.get(context, RedisClient)
    )
  return { all, make }
})

const ids = Array.from({ length: 60 }, (_, i) => `user:${i}`)

describe(`a key prefix on a cluster${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  for (const prefix of prefixes) {
    test(`stands before every key on its server, and nowhere in what a client reads: ${JSON.stringify(prefix)}`, () =>
      Effect.gen(function* () {
        const { all, make } = yield* onCluster
        const redis = yield* make(prefix)
        yield* redis.set("user:1", "text")
        yield* redis.set("{user:1}:lease", "token")
        yield* redis.send("SET", new TextEncoder().encode("user:2"), "by bytes")
        yield* redis.run(copyOver)({ from: "user:1", to: "{user:1}:copy" })
        expect(yield* redis.mget(["user:1", "user:2", "{user:1}:copy", "user:4"])).toEqual([
          Option.some("text"),
          Option.some("by bytes"),
          Option.some("text"),
          Option.none()
        ])
        const own = [`${prefix}user:1`, `${prefix}user:2`, `{${prefix}user:1}:copy`, `{${prefix}user:1}:lease`]
        expect(yield* all).toEqual(own.sort())
        expect(yield* redis.delPattern("{*}:lease")).toBe(1)
        expect(yield* redis.delPattern("user:[12]")).toBe(2)
        expect(yield* all).toEqual([`{${prefix}user:1}:copy`])
        yield* redis.flushDb
        expect(yield* all).toEqual([])
      }))
  }

  test("keeps the keys of two prefixes apart on every server, also from flushDb and from patterns", () =>
    Effect.gen(function* () {
      const { all, make } = yield* onCluster
      const [shop, blog, server] = [yield* make("shop:"), yield* make("blog:"), yield* make()]
      expect(new Set(ids.map((id) => Math.floor((Slots.of(`shop:${id}`) * 3) / Slots.slotCount))).size).toBe(3)
      for (const redis of [blog, server]) {
        yield* Effect.forEach(ids, (id) => redis.set(id, "kept"), { concurrency: "unbounded" })
        yield* redis.set("{user:1}:lease", "kept")
      }
      const kept = yield* all
      expect(kept).toHaveLength(2 * (ids.length + 1))
      yield* Effect.forEach([...ids, "{user:1}:lease"], (id) => shop.set(id, "own"), { concurrency: "unbounded" })
      expect(yield* blog.mget(ids)).toEqual(ids.map(() => Option.some("kept")))
      expect(yield* shop.delPattern("user:1*")).toBe(11)
      yield* shop.del("user:2", "user:3", "{user:1}:lease")
      expect(yield* shop.mget(ids)).toEqual(
        ids.map((id) => (/^user:(1\d?|2|3)$/.test(id) ? Option.none() : Option.some("own")))
      )
      expect((yield* all).filter((key) => kept.includes(key))).toEqual(kept)
      yield* shop.flushDb
      expect(yield* all).toEqual(kept)
    }))

  suite(
    Effect.map(onCluster, ({ make }) => make),
    test
  )
})
