/** The programs before a migration run beside those after it, and what docs/migrations says of both side by side. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { PersistedCache } from "@effect/experimental"
import * as RedisPersistence from "@effect/experimental/Persistence/Redis"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PrimaryKey from "effect/PrimaryKey"
import * as Schema from "effect/Schema"
import { Redis } from "ioredis"
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible"
import Redlock from "redlock"
import * as TypedCache from "../../src/cache/TypedCache.js"
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import * as SocketRedis from "../../src/redis/driver/SocketRedis.js"
import { root } from "../support/root.js"
import * as RedisServer from "../support/server/RedisServer.js"
import { until } from "../support/until.js"
import { run } from "./support/program.js"

const folder = join("examples", "docs", "migrations")

/** What each program prints first, before and after. */
const printed: Record<string, readonly [before: string, after: string]> = {
  "bentocache.ts": ["Snow\nRain\n", "Snow\nRain\n"],
  "cacheable.ts": ["Snow\nRain\n", "Snow\nRain\n"],
  "effect-cache.ts": ["2 queries\nRain\n100 hits", "2 queries\nRain\n100 hits"],
  "ioredis.ts": ["100 readers of a cold article: 100 queries", "100 readers of a cold article: 1 query"],
  "persisted-cache.ts": ["Snow\nArticleNotFound\nRain\n", "Snow\nArticleNotFound\nRain\n"],
  "rate-limiter-flexible.ts": [
    "4 left\n3 left\n2 left\n1 left\n0 left\nwait 300 s",
    "4 left\n3 left\n2 left\n1 left\n0 left\nwait 300 s"
  ],
  "redlock.ts": ["6\n", "6\n"]
}

const outputOf = (file: string, url: string) =>
  Effect.map(run(join(folder, file), { REDIS_URL: url }), ({ code, output }) => {
    expect(code, output).toBe(0)
    return output.replace(/^timestamp=.*\n/gm, "")
  })

const ioredis = (url: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new Redis(url)),
    (redis) => Effect.promise(() => redis.quit())
  )

const client = (port: number) => Layer.build(SocketRedis.layer({ host: "127.0.0.1", port }))

it("every migration has a program before and one after", () => {
  const files = (path: string) =>
    readdirSync(join(root, path))
      .filter((name) => name.endsWith(".ts"))
      .sort()
  expect(files(folder)).toEqual(Object.keys(printed))
  expect(files(join(folder, "before"))).toEqual(Object.keys(printed))
})

describe.skipIf(RedisServer.skipReason !== undefined)("a migration", () => {
  for (const [file, [before, after]] of Object.entries(printed)) {
    it.scopedLive(`${file} does before and after what the page says`, () =>
      Effect.gen(function* () {
        const { url } = yield* RedisServer.make()
        expect(yield* outputOf(join("before", file), url)).toContain(before)
        expect(yield* outputOf(file, url)).toContain(after)
      })
    )
  }

  it.scopedLive("from redlock: a resource lock:<key> and the lock <key> exclude each other on one server", () =>
    Effect.gen(function* () {
      const { port, url } = yield* RedisServer.make()
      const servers = [(yield* ioredis(url)) as unknown as Redlock.CompatibleRedisClient]
      const redlock = new Redlock(servers, { retryCount: 0 })
      const lock = yield* Effect.provide(DistributedLock.make, yield* client(port))
      const once = lock.withLock("account:7", { timeToLive: "10 seconds", maxWait: 0 })

      const old = yield* Effect.promise(() => redlock.lock("lock:account:7", 10_000))
      expect(yield* Effect.flip(once(Effect.void))).toMatchObject({ _tag: "LockNotAcquired" })
      yield* Effect.promise(() => old.unlock())

      const meanwhile = Effect.tryPromise(() => redlock.lock("lock:account:7", 10_000))
      expect((yield* once(Effect.either(meanwhile)))._tag).toBe("Left")
      yield* meanwhile
    })
  )

  it.scopedLive("from rate-limiter-flexible: with the prefix ratelimit:<action> both count in one window", () =>
    Effect.gen(function* () {
      const { port, url } = yield* RedisServer.make()
      const storeClient = yield* ioredis(url)
      const old = new RateLimiterRedis({ storeClient, keyPrefix: "ratelimit:login", points: 5, duration: 60 })
      const limiter = yield* Effect.provide(RateLimiter.make, yield* client(port))
      const limit = RateLimiter.fixedWindow({ limit: 5, window: "1 minute", onUnavailable: "deny" })
      const key = yield* RateLimiter.key("login", "ada")

      yield* Effect.promise(() => old.consume("ada", 3))
      expect((yield* limiter.consume(key, limit)).remaining).toBe(1)
      expect((yield* Effect.promise(() => old.consume("ada"))).remainingPoints).toBe(0)
      expect((yield* limiter.consume(key, limit)).allowed).toBe(false)
      const rejected = yield* Effect.promise(() => old.consume("ada").catch((rejection: unknown) => rejection))
      expect(rejected).toBeInstanceOf(RateLimiterRes)

      const other = yield* RateLimiter.key("login", "grace")
      yield* Effect.promise(() => old.block("grace", 300))
      expect((yield* limiter.consume(other, limit)).allowed).toBe(false)
      yield* limiter.reset(other, limit)
      yield* limiter.block(other, limit, "5 minutes")
      const failed = yield* Effect.promise(() => old.consume("grace").catch((rejection: unknown) => rejection))
      expect(String(failed)).toMatch(/WRONGTYPE/)
    })
  )

  it.scopedLive("from PersistedCache: under one name its readers fail on what a TypedCache has stored", () =>
    Effect.gen(function* () {
      const { port } = yield* RedisServer.make()
      class ById extends Schema.TaggedRequest<ById>()("ById", {
        payload: { id: Schema.Int },
        success: Schema.String,
        failure: Schema.String
      }) {
        [PrimaryKey.symbol]() {
          return String(this.id)
        }
      }
      const typed = yield* Effect.provide(
        TypedCache.make({
          name: "article",
          key: Schema.Int,
          value: Schema.String,
          timeToLive: "10 minutes",
          lookup: () => Effect.succeed("Snow")
        }),
        yield* client(port)
      )
      const persisted = yield* Effect.provide(
        PersistedCache.make({
          storeId: "article",
          lookup: (_: ById) => Effect.succeed("Snow"),
          timeToLive: () => 600_000
        }),
        yield* Layer.build(RedisPersistence.layerResult({ host: "127.0.0.1", port }))
      )
      yield* until("Redis has the value", () => Effect.map(typed.getResult(7), ({ source }) => source === "Redis"))
      expect(yield* Effect.flip(persisted.get(new ById({ id: 7 })))).toMatchObject({ _tag: "PersistenceError" })
      // the other way round it is a miss
      expect(yield* persisted.get(new ById({ id: 8 }))).toBe("Snow")
      expect((yield* typed.getResult(8)).source).toBe("Lookup")
    })
  )
})
