/** Clients with different prefixes on one server: none of them reaches what another one keeps. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import * as PrefixedExecutor from "../../../src/redis/prefix/PrefixedExecutor.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisCommands from "../../../src/redis/RedisCommands.js"
import { connected } from "../../support/server/clientLayers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { type ClientOf, copyOver, prefixes, suite } from "./TenantSuite.js"

const onMemory: Effect.Effect<ClientOf, never, Scope.Scope> = Effect.map(
  MemoryRedis.makeExecutor(),
  (server) => (keyPrefix) => Effect.sync(() => RedisCommands.fromExecutor(PrefixedExecutor.make(server, keyPrefix)))
)

const onServer: Effect.Effect<ClientOf, never, Scope.Scope> = Effect.map(
  RedisServer.make(),
  ({ port }) =>
    (keyPrefix) =>
      Effect.map(Layer.build(connected({ port }, { keyPrefix })), (context) => Context.get(context, RedisClient))
)

const keys = (clientOf: Effect.Effect<ClientOf, never, Scope.Scope>, test: typeof it.scopedLive) => {
  for (const prefix of prefixes) {
    test(`stands before every key on the server, and nowhere in what a client reads: ${JSON.stringify(prefix)}`, () =>
      Effect.gen(function* () {
        const make = yield* clientOf
        const [redis, server] = [yield* make(prefix), yield* make()]
        yield* server.set("user:1", "of another")
        yield* redis.set("user:1", "text")
        yield* redis.set("{user:1}:lease", "token")
        yield* redis.send("SET", new TextEncoder().encode("user:2"), "by bytes")
        yield* redis.run(copyOver)({ from: "user:1", to: "user:3" })
        expect(yield* redis.mget(["user:1", "user:2", "user:3", "user:4"])).toEqual([
          Option.some("text"),
          Option.some("by bytes"),
          Option.some("text"),
          Option.none()
        ])
        expect(Option.map(yield* redis.getBuffer("user:1"), (bytes) => new TextDecoder().decode(bytes))).toEqual(
          Option.some("text")
        )
        const [, all] = (yield* server.send("SCAN", "0", "COUNT", 1000)) as readonly [string, ReadonlyArray<string>]
        expect([...all].sort()).toEqual(
          ["user:1", `${prefix}user:1`, `${prefix}user:2`, `${prefix}user:3`, `{${prefix}user:1}:lease`].sort()
        )
        for (const [pattern, own] of [
          ["*", ["user:1", "user:2", "user:3", "{user:1}:lease"]],
          ["user:*", ["user:1", "user:2", "user:3"]],
          ["?ser:[12]", ["user:1", "user:2"]],
          ["[{]*", ["{user:1}:lease"]],
          ["{*}:lease", ["{user:1}:lease"]],
          ["\\{user*", ["{user:1}:lease"]],
          ["*lease", ["{user:1}:lease"]]
        ] as const) {
          const reply = (yield* redis.send("SCAN", "0", "match", pattern, "COUNT", 1000)) as readonly [string, unknown]
          expect([...(reply[1] as ReadonlyArray<string>)].sort(), pattern).toEqual(own)
        }
        expect(yield* redis.delPattern("user:[12]")).toBe(2)
        expect(yield* server.get(`${prefix}user:3`)).toEqual(Option.some("text"))
        yield* redis.flushDb
        const [, left] = (yield* server.send("SCAN", "0", "COUNT", 1000)) as readonly [string, ReadonlyArray<string>]
        expect(left).toEqual(["user:1"])
      }))
  }
}

describe("a key prefix on the memory layer", () => {
  keys(onMemory, it.scopedLive)
  suite(onMemory, it.scopedLive)
})

const reason = RedisServer.skipReason
describe(`a key prefix on a server${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const test = it.scopedLive.skipIf(reason !== undefined) as typeof it.scopedLive
  keys(onServer, test)
  suite(onServer, test)
})

describe("the option keyPrefix", () => {
  for (const prefix of ["{shop}:", "shop}", "line\nbreak", "\ud800"]) {
    it.effect(`is a defect that names it where it is ${JSON.stringify(prefix)}`, () =>
      Effect.gen(function* () {
        const cause = yield* Effect.sandbox(Layer.build(MemoryRedis.layer({ keyPrefix: prefix }))).pipe(
          Effect.scoped,
          Effect.flip
        )
        expect(String(cause)).toMatch(/keyPrefix/)
      })
    )
  }

  it.scoped("costs nothing where it is empty: the executor is the same", () =>
    Effect.gen(function* () {
      const executor = yield* MemoryRedis.makeExecutor()
      expect(PrefixedExecutor.make(executor, "")).toBe(executor)
      expect(PrefixedExecutor.make(executor, undefined)).toBe(executor)
    })
  )
})
