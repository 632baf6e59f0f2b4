/** Changes of keys by other programs, as a server pushes them to the caches that ask for it. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Tracking from "../../../src/cache/invalidation/Tracking.js"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import * as TrackedCache from "../../support/cache/TrackedCache.js"
import * as AdminConnection from "../../support/server/AdminConnection.js"
import { onMemory } from "../../support/server/clientLayers.js"
import { driverNames } from "../../support/server/drivers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { settle, until } from "../../support/until.js"

const reason = RedisServer.skipReasonFor("CLIENT TRACKING by prefix")

for (const driver of TrackedCache.drivers) {
  describe.skipIf(reason !== undefined)(
    `local.tracking on ${driver}${reason === undefined ? "" : ` (${reason})`}`,
    () => {
      it.scopedLive("drops a value that another program removes, replaces or flushes, and no other", () =>
        Effect.gen(function* () {
          const server = yield* RedisServer.make()
          const { port } = server
          const tracked = yield* Effect.flatMap(TrackedCache.clientOf(driver, { port }), (redis) =>
            TrackedCache.make(redis)
          )
          const untracked = yield* Effect.flatMap(TrackedCache.clientOf(driver, { port }), (redis) =>
            TrackedCache.make(redis, { tracking: false })
          )
          yield* TrackedCache.tracks(server)
          for (const id of ["ada", "bob"]) {
            yield* TrackedCache.keepLocally(tracked, id)
            yield* TrackedCache.keepLocally(untracked, id)
          }

          yield* server.send("DEL", "user:ada")
          yield* until("the value is looked up again", () =>
            Effect.map(tracked.cache.get("ada"), (name) => name === "ada 3")
          )
          expect([yield* tracked.isLocal("bob"), yield* untracked.cache.get("ada")]).toEqual([true, "ada 1"])
          expect(yield* untracked.isLocal("ada")).toBe(true)

          yield* TrackedCache.keepLocally(tracked, "ada")
          yield* server.send("SET", "user:ada", String(yield* server.send("GET", "user:bob")))
          yield* until("the new value is read", () => Effect.map(tracked.cache.get("ada"), (name) => name === "bob 2"))

          // one push for both
          for (const id of ["ada", "bob"]) yield* TrackedCache.keepLocally(tracked, id)
          yield* server.send("DEL", "user:ada", "user:bob")
          for (const [id, value] of [
            ["ada", "ada 4"],
            ["bob", "bob 5"]
          ] as const) {
            yield* until("both are looked up again", () => Effect.map(tracked.cache.get(id), (name) => name === value))
          }

          yield* TrackedCache.keepLocally(tracked, "bob")
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
          const process = yield* Effect.flatMap(TrackedCache.clientOf(driver, { port: server.port }), (redis) =>
            TrackedCache.make(redis)
          )
          yield* TrackedCache.tracks(server)
          yield* TrackedCache.keepLocally(process, "ada")
          const [id = ""] = yield* TrackedCache.trackers(server)
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
          yield* TrackedCache.tracks(server)
        })
      )

      it.scopedLive("hears keys with the prefix of the client, whatever the database", () =>
        Effect.gen(function* () {
          const server = yield* RedisServer.make()
          const { port } = server
          const process = yield* Effect.flatMap(
            TrackedCache.clientOf(driver, { port, database: 3 }, { keyPrefix: "shop:" }),
            (redis) => TrackedCache.make(redis)
          )
          yield* TrackedCache.tracks(server)
          yield* TrackedCache.keepLocally(process, "ada")
          // of others: not heard
          yield* server.send("SET", "user:ada", "another shop's")
          expect(yield* process.isLocal("ada")).toBe(true)
          // of another database: heard, and the value is read from Redis again
          yield* server.send("SET", "shop:user:ada", "in database 0")
          yield* until("the value is read again", () =>
            Effect.map(process.cache.getResult("ada"), ({ source }) => source === "Redis")
          )
          yield* TrackedCache.keepLocally(process, "ada")
          yield* AdminConnection.use(`${server.url}/3`, (send) => send("DEL", "shop:user:ada"))
          yield* until("the value is looked up again", () =>
            Effect.map(process.cache.get("ada"), (name) => name === "ada 2")
          )
        })
      )

      it.scopedLive("takes one connection for all caches of a client, also where a name begins with another one", () =>
        Effect.gen(function* () {
          const server = yield* RedisServer.make()
          const redis = yield* TrackedCache.clientOf(driver, { port: server.port })
          const profiles = yield* TrackedCache.make(redis, { name: "user:profile" })
          yield* TrackedCache.tracks(server)
          const users = yield* TrackedCache.make(redis, { name: "user" })
          const games = yield* TrackedCache.make(redis, { name: "game" })
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
          expect(yield* TrackedCache.trackers(server)).toHaveLength(1)
        })
      )
    }
  )
}

describe.skipIf(reason !== undefined)("a load that runs while another program removes a key", () => {
  it.scopedLive("keeps what it has looked up nowhere if the lease is removed too", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* TrackedCache.clientOf("SocketRedis", { port: server.port })
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
      yield* TrackedCache.tracks(server)
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

  it.scopedLive.skipIf(rights !== undefined)(
    "warns once for each cache of the right that is missing, and hears once it is granted",
    () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        for (const [missing, words] of [
          [["-client|tracking"], /\+client\|tracking/],
          [["resetchannels", "&effect-cache-toolkit:*"], /&__redis__:invalidate/]
        ] as const) {
          yield* server.send("FLUSHALL")
          yield* server.send("ACL", "SETUSER", "app", "reset", "on", ">secret", "~*", "&*", "+@all", ...missing)
          const log = yield* CapturedLog.make
          const linesOf = (wanted: string) =>
            log.lines.filter(({ level, text }) => level === wanted && text.includes("local.tracking"))
          const warnings = () => linesOf("WARN")
          const news = () => linesOf("INFO")
          const denials = Effect.map(server.send("INFO", "commandstats"), (info) =>
            Array.from(
              String(info).matchAll(/^cmdstat_(?:client\|tracking|subscribe):.*rejected_calls=(\d+)/gm)
            ).reduce((sum, [, count]) => sum + Number(count), 0)
          )
          yield* Effect.gen(function* () {
            const redis = yield* TrackedCache.clientOf("SocketRedis", {
              port: server.port,
              username: "app",
              password: Redacted.make("secret")
            })
            const users = yield* TrackedCache.make(redis)
            yield* TrackedCache.make(redis, { name: "game" })
            yield* until("both have warned", () => warnings().length === 2)
            // one that is made later hears the same
            yield* TrackedCache.make(redis, { name: "late" })
            yield* until("it has warned", () => warnings().length === 3)
            yield* TrackedCache.keepLocally(users, "ada")
            expect(users.lookups()).toBe(1)
            expect((yield* users.cache.stats).tracking).toBe("Refused")
            yield* server.send("DEL", "user:ada")

            // it is tried again and again, and nothing more is said
            const attempts = yield* denials
            yield* until("it has tried again", () => Effect.map(denials, (count) => count > attempts + 2))
            expect(warnings()).toHaveLength(3)

            yield* server.send("ACL", "SETUSER", "app", "+@all", "&*")
            yield* until("all hear of it", () => news().length === 3)
            expect((yield* users.cache.stats).tracking).toBe("Active")
            yield* TrackedCache.keepLocally(users, "ada")
            const before = users.lookups()
            yield* server.send("DEL", "user:ada")
            yield* TrackedCache.isLookedUpAgain(users, "ada", before)
            expect([warnings().length, news().length]).toEqual([3, 3])

            // taken away again: the server ends what a user may not hear, or the next connection is refused
            yield* server.send("ACL", "SETUSER", "app", ...missing)
            for (const id of yield* TrackedCache.trackers(server)) yield* server.send("CLIENT", "KILL", "ID", id)
            yield* until("all are refused again", () => warnings().length === 6)
            expect((yield* users.cache.stats).tracking).toBe("Refused")
          }).pipe(Effect.scoped, Effect.provide(log.layer))
          for (const { text } of warnings()) expect(text).toMatch(words)
          expect(yield* TrackedCache.trackers(server)).toEqual([])
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
          const process = yield* Effect.flatMap(TrackedCache.clientOf("BunRedis", { port: server.port }), (redis) =>
            TrackedCache.make(redis)
          )
          yield* until("it has warned", () => log.lines.some(({ text }) => /local\.tracking.*\/SocketRedis/.test(text)))
          yield* TrackedCache.keepLocally(process, "ada")
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

  it.effect("warns where the executor has none", () =>
    Effect.map(heard({ track: undefined }), (levels) => expect(levels).toEqual(["WARN"]))
  )

  it.effect("says nothing in memory, which no other program reaches", () =>
    Effect.map(heard({}), (levels) => expect(levels).toEqual([]))
  )
})
