/** Changes of keys by other programs, as a server pushes them to the caches that ask for it. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Tracking from "../../../src/cache/invalidation/Tracking.js"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import type { ClientOptions } from "../../../src/redis/connection/SupervisedExecutor.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisAddress } from "../../../src/redis/RedisConfig.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import * as AdminConnection from "../../support/server/AdminConnection.js"
import { onMemory } from "../../support/server/clientLayers.js"
import { type DriverName, driverNames, load } from "../../support/server/drivers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { settle, until } from "../../support/until.js"

const soon = { reconnect: Schedule.spaced("20 millis"), probe: Schedule.spaced("20 millis") }

const clientOf = (driver: DriverName, address: RedisAddress, options: ClientOptions = {}) =>
  Effect.flatMap(
    Effect.promise(() => load(driver)),
    ({ layer }) =>
      Effect.map(Layer.build(layer(address, { ...soon, ...options })), (context) => Context.get(context, RedisClient))
  )

/** A cache of one process, and how often its source was asked. */
const cacheOf = (redis: RedisClient.Service, options: { readonly name?: string; readonly tracking?: boolean } = {}) =>
  Effect.gen(function* () {
    const { name = "user", tracking = true } = options
    let lookups = 0
    const cache = yield* TypedCache.make({
      name,
      key: Schema.String,
      value: Schema.String,
      timeToLive: "1 hour",
      local: { capacity: 10, timeToLive: "1 hour", tracking },
      lookup: (id) => Effect.sync(() => `${id} ${++lookups}`)
    }).pipe(Effect.provideService(RedisClient, redis))
    return {
      cache,
      lookups: () => lookups,
      isLocal: (id: string) => Effect.map(cache.getResult(id), ({ source }) => source === "Local")
    }
  })

/** The connections that track, by their ids. */
const trackers = (server: RedisServer.RedisServer) =>
  Effect.map(server.send("CLIENT", "LIST"), (list) =>
    Array.from(String(list).matchAll(/^id=(\d+) .* flags=[A-Za-z]*t/gm), ([, id = ""]) => id)
  )

const tracks = (server: RedisServer.RedisServer, count = 1) =>
  until("the connection tracks", () => Effect.map(trackers(server), ({ length }) => length === count))

/** Reads a key until it stays in the local tier: a push of the process's own write drops it once. */
const keepLocally = (process: Effect.Effect.Success<ReturnType<typeof cacheOf>>, id: string) =>
  until("the local tier has the value", () =>
    Effect.gen(function* () {
      yield* process.cache.get(id)
      yield* settle
      return yield* process.isLocal(id)
    })
  )

const reason = RedisServer.skipReasonFor("CLIENT TRACKING by prefix")

for (const driver of driverNames.filter((name) => name !== "BunRedis")) {
  describe.skipIf(reason !== undefined)(
    `local.tracking on ${driver}${reason === undefined ? "" : ` (${reason})`}`,
    () => {
      it.scopedLive("drops a value that another program removes, replaces or flushes, and no other", () =>
        Effect.gen(function* () {
          const server = yield* RedisServer.make()
          const { port } = server
          const tracked = yield* Effect.flatMap(clientOf(driver, { port }), (redis) => cacheOf(redis))
          const untracked = yield* Effect.flatMap(clientOf(driver, { port }), (redis) =>
            cacheOf(redis, { tracking: false })
          )
          yield* tracks(server)
          for (const id of ["ada", "bob"]) {
            yield* keepLocally(tracked, id)
            yield* keepLocally(untracked, id)
          }

          yield* server.send("DEL", "user:ada")
          yield* until("the value is looked up again", () =>
            Effect.map(tracked.cache.get("ada"), (name) => name === "ada 3")
          )
          expect([yield* tracked.isLocal("bob"), yield* untracked.cache.get("ada")]).toEqual([true, "ada 1"])
          expect(yield* untracked.isLocal("ada")).toBe(true)

          yield* keepLocally(tracked, "ada")
          yield* server.send("SET", "user:ada", String(yield* server.send("GET", "user:bob")))
          yield* until("the new value is read", () => Effect.map(tracked.cache.get("ada"), (name) => name === "bob 2"))

          // one push for both
          for (const id of ["ada", "bob"]) yield* keepLocally(tracked, id)
          yield* server.send("DEL", "user:ada", "user:bob")
          for (const [id, value] of [
            ["ada", "ada 4"],
            ["bob", "bob 5"]
          ] as const) {
            yield* until("both are looked up again", () => Effect.map(tracked.cache.get(id), (name) => name === value))
          }

          yield* keepLocally(tracked, "bob")
          const before = tracked.lookups()
          yield* server.send("FLUSHALL")
          yield* until("the value is looked up again", () =>
            Effect.map(tracked.cache.get("bob"), () => tracked.lookups() > before)
          )
          expect(yield* untracked.isLocal("bob")).toBe(true)
        })
      )

      it.scopedLive("drops everything when its connection was lost, since a change may have been missed", () =>
        Effect.gen(function* () {
          const server = yield* RedisServer.make()
          const process = yield* Effect.flatMap(clientOf(driver, { port: server.port }), (redis) => cacheOf(redis))
          yield* tracks(server)
          yield* keepLocally(process, "ada")
          const [id = ""] = yield* trackers(server)
          // in one step, so that the change is pushed to nobody
          yield* AdminConnection.use(server.url, async (send) => {
            await send("MULTI")
            await send("CLIENT", "KILL", "ID", id)
            await send("DEL", "user:ada")
            await send("EXEC")
          })
          yield* until("the value is looked up again", () =>
            Effect.map(process.cache.get("ada"), (name) => name === "ada 2")
          )
          yield* tracks(server)
        })
      )

      it.scopedLive("hears keys with the prefix of the client, whatever the database", () =>
        Effect.gen(function* () {
          const server = yield* RedisServer.make()
          const { port } = server
          const process = yield* Effect.flatMap(
            clientOf(driver, { port, database: 3 }, { keyPrefix: "shop:" }),
            (redis) => cacheOf(redis)
          )
          yield* tracks(server)
          yield* keepLocally(process, "ada")
          // of others: not heard
          yield* server.send("SET", "user:ada", "another shop's")
          expect(yield* process.isLocal("ada")).toBe(true)
          // of another database: heard, and the value is read from Redis again
          yield* server.send("SET", "shop:user:ada", "in database 0")
          yield* until("the value is read again", () =>
            Effect.map(process.cache.getResult("ada"), ({ source }) => source === "Redis")
          )
          yield* keepLocally(process, "ada")
          yield* AdminConnection.use(`${server.url}/3`, (send) => send("DEL", "shop:user:ada"))
          yield* until("the value is looked up again", () =>
            Effect.map(process.cache.get("ada"), (name) => name === "ada 2")
          )
        })
      )

      it.scopedLive("takes one connection for all caches of a client, also where a name begins with another one", () =>
        Effect.gen(function* () {
          const server = yield* RedisServer.make()
          const redis = yield* clientOf(driver, { port: server.port })
          const profiles = yield* cacheOf(redis, { name: "user:profile" })
          yield* tracks(server)
          const users = yield* cacheOf(redis, { name: "user" })
          const games = yield* cacheOf(redis, { name: "game" })
          for (const [process, key] of [
            [profiles, "user:profile:ada"],
            [users, "user:ada"],
            [games, "game:ada"]
          ] as const) {
            yield* until("the change is heard", () =>
              Effect.gen(function* () {
                yield* process.cache.get("ada")
                const before = process.lookups()
                yield* server.send("DEL", key)
                yield* settle
                yield* process.cache.get("ada")
                return process.lookups() > before
              })
            )
          }
          expect(yield* trackers(server)).toHaveLength(1)
        })
      )
    }
  )
}

describe.skipIf(reason !== undefined)("a load that runs while another program removes a key", () => {
  it.scopedLive("keeps what it has looked up nowhere if the lease is removed too", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* clientOf("SocketRedis", { port: server.port })
      const mayAnswer = yield* Deferred.make<void>()
      let lookups = 0
      const cache = yield* TypedCache.make({
        name: "user",
        key: Schema.String,
        value: Schema.Int,
        timeToLive: "1 hour",
        local: { capacity: 10, timeToLive: "1 hour", tracking: true },
        lookup: () =>
          Effect.suspend(() => (++lookups === 1 ? Effect.as(Deferred.await(mayAnswer), 1) : Effect.succeed(2)))
      }).pipe(Effect.provideService(RedisClient, redis))
      yield* tracks(server)
      const first = yield* Effect.fork(cache.get("ada"))
      yield* until("the load runs", () => lookups === 1)
      expect(yield* server.send("DEL", "user:ada", "{user:ada}:lease")).toBe(1)
      yield* Deferred.succeed(mayAnswer, undefined)
      expect(yield* Fiber.join(first)).toBe(1)
      yield* until("the value is looked up again", () => Effect.map(cache.get("ada"), (value) => value === 2))
    })
  )
})

describe.skipIf(reason !== undefined)("local.tracking where it cannot be had", () => {
  const rights = RedisServer.skipReasonFor("rights by subcommand", "rights by channel")

  it.scopedLive.skipIf(rights !== undefined)("warns once for each cache of the right that is missing, and caches", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      for (const [missing, words] of [
        [["-client|tracking"], /\+client\|tracking/],
        [["resetchannels", "&effect-cache-toolkit:*"], /the channel __redis__:invalidate/]
      ] as const) {
        yield* server.send("ACL", "SETUSER", "app", "reset", "on", ">secret", "~*", "&*", "+@all", ...missing)
        const log = yield* CapturedLog.make
        const warnings = () =>
          log.lines.filter(({ level, text }) => level === "WARN" && text.includes("local.tracking"))
        yield* Effect.gen(function* () {
          const redis = yield* clientOf("SocketRedis", {
            port: server.port,
            username: "app",
            password: Redacted.make("secret")
          })
          const users = yield* cacheOf(redis)
          yield* cacheOf(redis, { name: "game" })
          yield* until("both have warned", () => warnings().length === 2)
          // one that is made later hears the same
          yield* cacheOf(redis, { name: "late" })
          yield* until("it has warned", () => warnings().length === 3)
          yield* keepLocally(users, "ada")
          expect(users.lookups()).toBe(1)
          yield* server.send("DEL", "user:ada")
        }).pipe(Effect.scoped, Effect.provide(log.layer))
        for (const { text } of warnings()) expect(text).toMatch(words)
        expect(yield* trackers(server)).toEqual([])
      }
    })
  )

  it.scopedLive.skipIf(!driverNames.includes("BunRedis"))(
    "warns on Bun's client, and names the drivers that track",
    () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const log = yield* CapturedLog.make
        yield* Effect.gen(function* () {
          const process = yield* Effect.flatMap(clientOf("BunRedis", { port: server.port }), (redis) => cacheOf(redis))
          yield* until("it has warned", () => log.lines.some(({ text }) => /local\.tracking.*\/SocketRedis/.test(text)))
          yield* keepLocally(process, "ada")
        }).pipe(Effect.scoped, Effect.provide(log.layer))
      })
  )
})

describe("local.tracking of an executor", () => {
  const heard = (executor: Partial<RedisExecutor.RedisExecutor>) =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const base = RedisExecutor.of(yield* RedisClient)
      yield* Tracking.make({ ...base, ...executor }, "user", { invalidateLocally: () => {} }).pipe(
        Effect.zipRight(settle),
        Effect.provide(log.layer)
      )
      return log.lines.map(({ level }) => level)
    }).pipe(Effect.scoped, Effect.provide(onMemory))

  it.effect("warns where the executor has none, as that of a cluster", () =>
    Effect.map(heard({ track: undefined }), (levels) => expect(levels).toEqual(["WARN"]))
  )

  it.effect("says nothing in memory, which no other program reaches", () =>
    Effect.map(heard({}), (levels) => expect(levels).toEqual([]))
  )
})
