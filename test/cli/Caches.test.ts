import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Encryption from "../../src/cache/entry/Encryption.js"
import type { CacheResult } from "../../src/cache/read/CacheResult.js"
import * as TypedCache from "../../src/cache/TypedCache.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import * as RunCli from "../support/cli/RunCli.js"
import { clientOf } from "../support/server/ClusterLayers.js"
import { driverUnderTest } from "../support/server/drivers.js"
import * as RedisCluster from "../support/server/RedisCluster.js"
import * as RedisServer from "../support/server/RedisServer.js"
import { until } from "../support/until.js"

const Seat = Schema.Struct({ row: Schema.String, number: Schema.Int })

/** The application, with a local tier that only a message of another process empties. */
const users = TypedCache.make({
  name: "user",
  key: Schema.String,
  value: Schema.Struct({ name: Schema.String }),
  timeToLive: "1 hour",
  jitter: 0,
  tags: ({ name }) => [`team:${name}`],
  local: { timeToLive: "1 hour", capacity: 100 },
  lookup: (id) => Effect.succeed({ name: id })
})

/** Whether a read of the application is answered by this source. */
const isFrom = (cache: Effect.Effect.Success<typeof users>, wanted: CacheResult<unknown>["source"]) =>
  Effect.map(cache.getResult("ada"), ({ source }) => source === wanted)

/** Runs a test beside an application on a server. */
const beside = <A, E>(
  test: (variables: RunCli.Variables, server: RedisServer.RedisServer) => Effect.Effect<A, E, RedisClient>
) =>
  Effect.gen(function* () {
    const server = yield* RedisServer.make()
    const variables = { REDIS_URL: server.url, REDIS_KEY_PREFIX: "shop:" }
    yield* Effect.provide(
      test(variables, server),
      driverUnderTest.layer({ host: "127.0.0.1", port: server.port }, { keyPrefix: "shop:" })
    )
  })

const serverTest = (title: string, test: Parameters<typeof beside>[0]) =>
  it.scopedLive(title, (context) =>
    RedisServer.skipReason === undefined
      ? Effect.asVoid(beside(test))
      : Effect.sync(() => context.skip(RedisServer.skipReason))
  )

describe("effect-cache inspect", () => {
  serverTest("shows value, age, time left, tags, encoding and size of an entry, as text and as JSON", (variables) =>
    Effect.scoped(
      Effect.gen(function* () {
        const cache = yield* users
        yield* cache.get("ada")
        const text = yield* RunCli.run(variables, "inspect", "user", "ada")
        expect(text.exitCode).toBe(0)
        for (const words of [
          /^key +user:ada$/m,
          /^state +fresh$/m,
          /^created +20.+ ago\)$/m,
          /^fresh for +(1h|59m 59s)/m,
          /^kept for +(1h|59m 59s)/m,
          /^tags +team:ada$/m,
          /^encoding +plain JSON$/m,
          /^size +\d+ bytes$/m,
          /^value +\{"name":"ada"\}$/m
        ]) {
          expect(text.all).toMatch(words)
        }
        expect(RunCli.json(yield* RunCli.run(variables, "inspect", "user", "ada", "--json"))).toMatchObject({
          key: "user:ada",
          found: true,
          state: "fresh",
          value: { name: "ada" },
          tags: ["team:ada"]
        })
      })
    )
  )

  serverTest("says that an entry is invalidated, and by what", (variables) =>
    Effect.scoped(
      Effect.gen(function* () {
        const cache = yield* users
        yield* cache.get("ada")
        yield* cache.invalidateTag("team:ada")
        const byTag = yield* RunCli.run(variables, "inspect", "user", "ada")
        expect(byTag.all).toMatch(/state +invalidated: the tag team:ada was invalidated at 20/)
        yield* cache.clear
        const byClear = yield* RunCli.run(variables, "inspect", "user", "ada")
        expect(byClear.all).toMatch(/state +invalidated: the cache was cleared at 20/)
      })
    )
  )

  serverTest("finds a key of JSON whatever the order of its fields, and reads a compressed value", (variables) =>
    Effect.scoped(
      Effect.gen(function* () {
        const seats = yield* TypedCache.make({
          name: "seat",
          key: Seat,
          value: Schema.String,
          timeToLive: "1 hour",
          compression: { above: 100 },
          lookup: ({ row }) => Effect.succeed(row.repeat(1000))
        })
        yield* seats.get({ row: "a:b", number: 7 })
        const output = yield* RunCli.run(variables, "inspect", "seat", '{"row":"a:b","number":7}', "--json")
        expect(RunCli.json(output)).toMatchObject({ state: "fresh", encoding: "gzip", value: "a:b".repeat(1000) })
      })
    )
  )

  serverTest("names the key that encrypts a value, and does not show the value", (variables) =>
    Effect.scoped(
      Effect.gen(function* () {
        const encryption = yield* Encryption.make([
          { id: "2026-01", key: Redacted.make(Buffer.alloc(32, 1).toString("base64")) }
        ])
        const secrets = yield* TypedCache.make({
          name: "secret",
          key: Schema.String,
          value: Schema.String,
          timeToLive: "1 hour",
          encryption,
          lookup: () => Effect.succeed("nobody reads this")
        })
        yield* secrets.get("ada")
        const { all } = yield* RunCli.run(variables, "inspect", "secret", "ada")
        expect(all).toMatch(/encoding +encrypted with the key 2026-01/)
        expect(all).toMatch(/value +not readable here/)
        expect(all).not.toContain("nobody reads this")
      })
    )
  )

  serverTest("ends with 1 where there is no entry, and calls a foreign value by its type", (variables, { send }) =>
    Effect.gen(function* () {
      const missing = yield* RunCli.run(variables, "inspect", "user", "nobody")
      expect(missing.exitCode).toBe(1)
      expect(missing.all).toContain("not in Redis")
      yield* send("SADD", "shop:user:list", "a")
      expect((yield* RunCli.run(variables, "inspect", "user", "list")).all).toContain("no entry of a cache, but a set")
    })
  )

  it.live("ends with 2 for a name or a key that no cache can have, and with 3 where no server is reached", () =>
    Effect.gen(function* () {
      const nowhere = { REDIS_URL: "redis://127.0.0.1:1" }
      expect((yield* RunCli.run(nowhere, "inspect", "lock:user", "ada")).exitCode).toBe(2)
      expect((yield* RunCli.run(nowhere, "inspect", "user", '{"broken')).exitCode).toBe(2)
      const away = yield* RunCli.run(nowhere, "inspect", "user", "ada")
      expect(away.exitCode).toBe(3)
      expect(away.all).toContain("nothing accepts connections there")
    })
  )
})

describe("effect-cache invalidate and clear", () => {
  serverTest("make every process drop its copies: a key, the entries of a tag, the whole cache", (variables) =>
    Effect.scoped(
      Effect.gen(function* () {
        const cache = yield* users
        for (const words of [
          ["invalidate", "user", "ada"],
          ["invalidate", "user", "--tag", "team:ada"],
          ["clear", "user"]
        ]) {
          yield* until("the local tier holds the value", () => isFrom(cache, "Local"))
          const output = yield* RunCli.run(variables, ...words, "--yes", "--json")
          expect(output).toMatchObject({ exitCode: 0, err: [] })
          // the message of the command reaches the application
          yield* until("the value is looked up", () => isFrom(cache, "Lookup"))
        }
      })
    )
  )

  serverTest("refuse without --yes where there is no terminal, and change nothing", (variables) =>
    Effect.scoped(
      Effect.gen(function* () {
        const cache = yield* users
        yield* cache.get("ada")
        for (const words of [
          ["invalidate", "user", "ada"],
          ["clear", "user"]
        ]) {
          const refused = yield* RunCli.run(variables, ...words)
          expect(refused.exitCode).toBe(2)
          expect(refused.err).toEqual([expect.stringContaining("there is no terminal to ask at: repeat it with --yes")])
        }
        expect(RunCli.json(yield* RunCli.run(variables, "inspect", "user", "ada", "--json"))).toMatchObject({
          state: "fresh"
        })
      })
    )
  )

  serverTest("ask at a terminal, and do it for a yes alone", (variables) =>
    Effect.scoped(
      Effect.gen(function* () {
        const cache = yield* users
        yield* cache.get("ada")
        const no = yield* RunCli.runPressing(["n"], variables, "clear", "user")
        expect(no.exitCode).toBe(2)
        expect(no.all).toContain("This will invalidate every entry of the cache user. Continue?")
        expect(no.err).toEqual(["effect-cache: nothing was changed"])
        expect((yield* RunCli.run(variables, "inspect", "user", "ada")).all).toMatch(/state +fresh/)
        expect(yield* RunCli.runPressing(["y"], variables, "clear", "user")).toMatchObject({ exitCode: 0 })
        expect((yield* RunCli.run(variables, "inspect", "user", "ada")).all).toMatch(/state +invalidated/)
      })
    )
  )

  it.scopedLive("reach the processes of a cluster", (context) =>
    Effect.gen(function* () {
      const reason = RedisServer.skipReasonFor("cluster mode")
      if (reason !== undefined) return context.skip(reason)
      const cluster = yield* RedisCluster.make()
      const variables = { REDIS_CLUSTER_NODES: `127.0.0.1:${cluster.nodes[0]?.port}` }
      yield* Effect.gen(function* () {
        const cache = yield* users
        for (const words of [
          ["invalidate", "user", "ada"],
          ["clear", "user"]
        ]) {
          yield* until("the local tier holds the value", () => isFrom(cache, "Local"))
          expect((yield* RunCli.run(variables, ...words, "--yes")).all).toMatch(/^(invalidated|cleared)/)
          yield* until("the value is looked up", () => isFrom(cache, "Lookup"))
        }
        expect((yield* RunCli.run(variables, "inspect", "user", "ada")).all).toMatch(/state +fresh/)
        expect((yield* RunCli.run(variables, "tags", "user")).all).toContain("team:ada")
      }).pipe(Effect.scoped, Effect.provide(clientOf(cluster)))
    })
  )
})

describe("effect-cache tags", () => {
  serverTest("lists the tags of a cache with the time of their last invalidation", (variables) =>
    Effect.scoped(
      Effect.gen(function* () {
        const cache = yield* users
        yield* cache.get("ada")
        yield* cache.get("bob")
        yield* cache.invalidateTag("team:bob")
        const output = yield* RunCli.run(variables, "tags", "user", "--json")
        const time = expect.stringMatching(/^\d{4}-.*Z$/)
        expect(RunCli.json(output)).toMatchObject({
          cache: "user",
          clear: { invalidBefore: time },
          tags: [
            { tag: "team:ada", invalidBefore: time },
            { tag: "team:bob", invalidBefore: time }
          ],
          hasMore: false
        })
        expect((yield* RunCli.run(variables, "tags", "user", "--most", "1")).all).toContain("more than 1 tags")
        const client = yield* RedisClient
        expect(Option.isSome(yield* client.get("{user}:tag:team:bob"))).toBe(true)
        expect((yield* RunCli.run(variables, "tags", "nobody")).all).toContain("no process uses the cache nobody")
      })
    )
  )
})
