/** The rights that docs/servers.md asks for: each is used, and no more are needed. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { afterAll, describe, expect, it } from "vitest"
import * as Counter from "../../src/coordination/Counter.js"
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import * as DistributedSemaphore from "../../src/coordination/DistributedSemaphore.js"
import * as Leaderboard from "../../src/coordination/Leaderboard.js"
import * as Presence from "../../src/coordination/Presence.js"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import * as Keyspace from "../../src/redis/memory/Keyspace.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { cacheServiceSuite } from "../suites/CacheServiceSuite.js"
import { contract as loading } from "../suites/typedCache/Loading.js"
import { contract as settings } from "../suites/typedCache/Settings.js"
import { contract as tags } from "../suites/typedCache/Tags.js"
import { contract as writing } from "../suites/typedCache/Writing.js"
import { countingListeners } from "../support/cache/Listening.js"
import { root } from "../support/root.js"
import { connected } from "../support/server/clientLayers.js"
import * as RedisServer from "../support/server/RedisServer.js"

const page = readFileSync(join(root, "docs", "servers.md"), "utf8")
const [, password = "", text = ""] = /^ACL SETUSER toolkit on >(\S+) (.*)$/m.exec(page) ?? []
const rights = text.split(" ")
const commands = rights.flatMap((right) => (right.startsWith("+") ? [right.slice(1).toUpperCase()] : []))

/** The commands that the client sends on its own account: for a connection, for scripts and for subscriptions. */
const ofTheClient = [
  ...["CLIENT|ID", "CLIENT|KILL", "CLIENT|SETNAME", "INFO", "ROLE", "TIME", "PING", "SELECT"],
  ...["EVAL", "EVALSHA", "SUBSCRIBE", "UNSUBSCRIBE"]
]

const source = (path: string) => readFileSync(join(root, "src", path), "utf8")

/** What the sources send: the commands of scripts, and those that the client's own methods name. */
const sent = [
  ...readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) => [...source(path).matchAll(/\bredis\.p?call\(\s*"([A-Z]+)"/g)]),
  ...[
    "redis/RedisCommands.ts",
    "settings/SettingStore.ts",
    ...readdirSync(join(root, "src/redis/commands")).map((file) => `redis/commands/${file}`)
  ].flatMap((file) => [...source(file).matchAll(/"([A-Z]+)"/g)])
].flatMap(([, word = ""]) => (Keyspace.commands.includes(word) ? [word] : []))

describe("the rights in docs/servers.md", () => {
  it("are those to the commands that the sources send", () => {
    expect(sent.length).toBeGreaterThan(80)
    expect([...commands].sort()).toEqual([...new Set([...sent, ...ofTheClient])].sort())
  })
})

const reason = RedisServer.skipReasonFor("rights by subcommand")
/** What the servers of this file have denied the user. */
const rejected: Array<unknown> = []

/** A client of a server of its own, as the user with these rights. */
const asToolkit = (): Layer.Layer<RedisClient> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      yield* server.send("ACL", "SETUSER", "toolkit", "on", `>${password}`, ...rights)
      // a server without CLIENT SETINFO rejects the right to it
      yield* Effect.exit(server.send("ACL", "SETUSER", "toolkit", "+client|setinfo"))
      yield* Effect.addFinalizer(() => Effect.map(server.send("ACL", "LOG"), (log) => void rejected.push(log)))
      return connected({ port: server.port, username: "toolkit", password: Redacted.make(password), database: 3 })
    })
  )

describe.skipIf(reason !== undefined)(`a user with these rights alone (${reason ?? "on a server"})`, () => {
  afterAll(() => {
    expect(rejected).toEqual([[], []])
  })

  cacheServiceSuite("has the cache service", asToolkit())

  layer(countingListeners(asToolkit()), { excludeTestServices: true })("has", (it) => {
    describe("caches", () => {
      loading(it)
      settings(it)
      tags(it)
      writing(it)
    })

    it.scoped("locks and semaphores", () =>
      Effect.gen(function* () {
        const lock = yield* DistributedLock.make
        const semaphore = yield* DistributedSemaphore.make
        const options = { timeToLive: "10 seconds", maxWait: "10 seconds" } as const
        const both = Effect.all([
          lock.withLock("lock", options)(() => Effect.sleep("20 millis")),
          lock.withLocks(["lock", "other"], options)(() => Effect.void),
          semaphore.withPermit("permit", { ...options, permits: 1 })(Effect.sleep("20 millis"))
        ])
        yield* Effect.all([both, both], { concurrency: "unbounded" })
      })
    )

    it.scoped("limits of every algorithm", () =>
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        const options = { limit: 1, window: "1 minute", onUnavailable: "deny" } as const
        const { fixedWindow, slidingCounter, slidingLog, tokenBucket } = RateLimiter
        for (const [i, make] of [fixedWindow, slidingCounter, slidingLog, tokenBucket].entries()) {
          const limit = make(options)
          const [first, second] = [yield* limiter.consume(`k${i}`, limit), yield* limiter.consume(`k${i}`, limit)]
          expect([first.allowed, second.allowed]).toEqual([true, false])
          yield* limiter.peek(`k${i}`, limit)
          yield* limiter.reset(`k${i}`, limit)
          expect((yield* limiter.consume(`k${i}`, limit)).allowed).toBe(true)
        }
      })
    )

    it.scoped("boards, presence and counters", () =>
      Effect.gen(function* () {
        for (const keeps of ["best", "last", "sum"] as const) {
          const board = yield* Leaderboard.make({ key: `board:${keeps}`, keeps, timeToLive: "1 hour" })
          yield* Effect.forEach(["ada", "bob", "cyd"], (member, i) => board.submit(member, i))
          expect(yield* board.top({ offset: 0, limit: 10 })).toHaveLength(3)
          yield* Effect.all([
            board.around("bob", { above: 1, below: 1 }),
            board.rankOf("bob"),
            board.percentileOf("bob")
          ])
          yield* board.remove("ada")
          expect(yield* board.size).toBe(2)
          yield* board.clear
        }
        const online = yield* Presence.make({ key: "online", timeToLive: "1 minute" })
        yield* online.beat("ada")
        expect(yield* online.list({ offset: 0, limit: 10 })).toHaveLength(1)
        expect([yield* online.count, yield* online.isOnline("ada"), yield* online.leave("ada")]).toEqual([1, true, 0])
        const counter = yield* Counter.make({ key: "count", minimum: 0, timeToLive: "1 minute" })
        expect([yield* counter.increment, yield* counter.get, yield* counter.decrement]).toEqual([1, 1, 0])
      })
    )

    it.scoped("the commands of the client", () =>
      Effect.gen(function* () {
        const redis = yield* RedisClient
        yield* redis.zadd("scores", 1, "ada")
        yield* redis.zincrby("scores", 1, "ada")
        yield* Effect.all([redis.zcard("scores"), redis.zscore("scores", "ada"), redis.zrevrank("scores", "ada")])
        yield* Effect.all([redis.zrevrange("scores", 0, 1), redis.zrevrangebyscore("scores", 9, 0)])
        yield* redis.zrem("scores", "ada")
        yield* Effect.all([redis.incr("number"), redis.decr("number"), redis.mget(["number", "other"])])
        yield* Effect.all([redis.expire("number", "1 minute"), redis.ttl("number"), redis.del("number")])
        yield* redis.delPattern("*")
        yield* redis.flushDb
      })
    )
  })
})
