/**
 * Changes by other programs on a server without BCAST. It pushes the change of a key to the connection that has read the key, once,
 * and of no other key.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as CapturedLog from "../../support/CapturedLog.js"
import * as TrackedCache from "../../support/cache/TrackedCache.js"
import { runs } from "../../support/effort.js"
import * as WithoutBroadcast from "../../support/faults/WithoutBroadcast.js"
import * as AdminConnection from "../../support/server/AdminConnection.js"
import { driverNames } from "../../support/server/drivers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { settle, until } from "../../support/until.js"

const reason = RedisServer.skipReasonFor("CLIENT TRACKING by prefix")

/** A server, and a process whose connections lead through the proxy. */
const make = Effect.gen(function* () {
  const server = yield* RedisServer.make()
  const port = yield* WithoutBroadcast.make(server.port)
  const redis = yield* TrackedCache.clientOf("SocketRedis", { port })
  const process = yield* TrackedCache.make(redis)
  yield* isActive(process)
  return { server, port, redis, process }
})

const isActive = (process: TrackedCache.TrackedCache) =>
  until("changes are heard", () => Effect.map(process.cache.stats, ({ tracking }) => tracking === "Active"))

/** Expects that a value that this process has not read is not in its local tier, and comes there when it was read. */
const isReadFirst = (process: TrackedCache.TrackedCache, id: string) =>
  Effect.gen(function* () {
    // what keeps the value would have done so by now
    yield* settle
    expect(yield* process.isLocal(id)).toBe(false)
    yield* TrackedCache.keepLocally(process, id)
  })

describe.skipIf(reason !== undefined)(
  `local.tracking on a server without BCAST${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    it.scopedLive("drops a value that another program removes, replaces, lets expire or flushes", () =>
      Effect.gen(function* () {
        const { process, server } = yield* make
        const changes: ReadonlyArray<ReadonlyArray<string>> = [
          ["DEL", "user:ada"],
          ["SET", "user:ada", "something else"],
          ["PEXPIRE", "user:ada", "1"],
          ["FLUSHALL"],
          ["EVAL", "redis.call('DEL', KEYS[1])", "1", "user:ada"]
        ]
        for (const [command = "", ...args] of changes) {
          yield* TrackedCache.keepLocally(process, "ada")
          const before = process.lookups()
          yield* server.send(command, ...args)
          yield* TrackedCache.isLookedUpAgain(process, "ada", before)
        }
        // the connection of commands is the one that tracks
        expect(yield* TrackedCache.trackers(server)).toHaveLength(1)
        expect(yield* server.clientCount).toBe(2)
      })
    )

    it.scopedLive("keeps a value only after it was read from Redis, since no other change would be heard", () =>
      Effect.gen(function* () {
        const { process, server } = yield* make
        yield* process.cache.get("ada")
        yield* isReadFirst(process, "ada")
        // the value that it replaces leaves with the write
        yield* process.cache.set("ada", "written")
        yield* isReadFirst(process, "ada")
        expect(yield* process.cache.get("ada")).toBe("written")
        yield* process.cache.update("ada", Effect.succeed("updated"))
        yield* isReadFirst(process, "ada")
        yield* process.cache.refresh("ada")
        yield* isReadFirst(process, "ada")

        // of a key that this process has never read, the server pushes nothing
        yield* process.cache.set("bob", "written")
        const before = process.lookups()
        yield* server.send("DEL", "user:bob")
        yield* process.cache.get("bob")
        expect(process.lookups()).toBe(before + 1)
      })
    )

    it.scopedLive("drops everything when the connection of commands was lost", () =>
      Effect.gen(function* () {
        const { process, server } = yield* make
        for (let round = 0; round < 3; round++) {
          yield* TrackedCache.keepLocally(process, "ada")
          const before = process.lookups()
          const [id = ""] = yield* TrackedCache.trackers(server)
          // in one step, so that the change is pushed to nobody
          yield* AdminConnection.use(server.url, async (send) => {
            await send("MULTI")
            await send("CLIENT", "KILL", "ID", id)
            await send("DEL", "user:ada")
            await send("EXEC")
          })
          yield* TrackedCache.isLookedUpAgain(process, "ada", before)
          yield* isActive(process)
        }
      })
    )

    it.scopedLive("drops what it has kept while it could not track", () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        yield* server.send("ACL", "SETUSER", "default", "-client|tracking")
        const port = yield* WithoutBroadcast.make(server.port)
        const process = yield* Effect.flatMap(TrackedCache.clientOf("SocketRedis", { port }), (redis) =>
          TrackedCache.make(redis)
        )
        yield* until("it is refused", () => Effect.map(process.cache.stats, ({ tracking }) => tracking === "Refused"))
        yield* TrackedCache.keepLocally(process, "ada")
        const before = process.lookups()
        yield* server.send("DEL", "user:ada")
        expect(yield* process.isLocal("ada")).toBe(true)
        yield* server.send("ACL", "SETUSER", "default", "+client|tracking")
        yield* TrackedCache.isLookedUpAgain(process, "ada", before)
        yield* isActive(process)
      })
    )

    it.scopedLive("tracks as long as a cache asks for it", () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const redis = yield* TrackedCache.clientOf("SocketRedis", { port: yield* WithoutBroadcast.make(server.port) })
        for (const name of ["user", "game"]) {
          yield* Effect.scoped(Effect.flatMap(TrackedCache.make(redis, { name }), isActive))
          yield* TrackedCache.tracks(server, 0)
        }
      })
    )

    for (const driver of driverNames.filter((name) => name.startsWith("IoRedis"))) {
      it.scopedLive(`warns on ${driver}, which reads no pushes of RESP3, and names the driver that does`, () =>
        Effect.gen(function* () {
          const log = yield* CapturedLog.make
          yield* Effect.gen(function* () {
            const server = yield* RedisServer.make()
            const port = yield* WithoutBroadcast.make(server.port)
            const process = yield* Effect.flatMap(TrackedCache.clientOf(driver, { port }), (redis) =>
              TrackedCache.make(redis)
            )
            yield* until("it has warned", () =>
              log.lines.some(({ level, text }) => level === "WARN" && /local\.tracking.*\/SocketRedis/.test(text))
            )
            expect((yield* process.cache.stats).tracking).toBe("Refused")
            yield* TrackedCache.keepLocally(process, "ada")
            expect(process.lookups()).toBe(1)
          }).pipe(Effect.scoped, Effect.provide(log.layer))
        })
      )
    }

    /** What happens next: to one key by the process or by another program, or to the connection. */
    const step = FastCheck.record({
      what: FastCheck.oneof(
        { weight: 6, arbitrary: FastCheck.constantFrom("get", "set", "invalidate", "del", "copy") },
        { weight: 1, arbitrary: FastCheck.constantFrom("kill", "flush") }
      ),
      id: FastCheck.constantFrom("a", "b", "c"),
      /** whether the next step waits for this one */
      isAwaited: FastCheck.boolean()
    })

    it.scopedLive("serves nothing that Redis does not hold, whatever the process and another program do at once", () =>
      Effect.gen(function* () {
        const { port, process, server } = yield* make
        // it keeps nothing itself, and writes nothing that the first one hears from it
        const reader = yield* Effect.flatMap(TrackedCache.clientOf("SocketRedis", { port }), (redis) =>
          TrackedCache.make(redis, { tracking: false, isLocal: false, source: "reader " })
        )
        const admin = yield* AdminConnection.open(server.url)
        let written = 0
        const perform = (what: string, id: string): Effect.Effect<unknown, unknown> => {
          switch (what) {
            case "get":
              return process.cache.get(id)
            case "set":
              return process.cache.set(id, `written ${++written}`)
            case "invalidate":
              return process.cache.invalidate(id)
            case "copy":
              // an entry as another program may write it
              return Effect.promise(() => admin("COPY", `user:${id}`, "user:b", "REPLACE"))
            case "kill":
              return Effect.promise(() => admin("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
            case "flush":
              return Effect.promise(() => admin("FLUSHALL"))
            default:
              return Effect.promise(() => admin("DEL", `user:${id}`, `{user:${id}}:lease`))
          }
        }
        const property = FastCheck.asyncProperty(FastCheck.array(step, { minLength: 20, maxLength: 60 }), (steps) =>
          Effect.gen(function* () {
            const running = []
            for (const { id, isAwaited, what } of steps) {
              const fiber = yield* Effect.fork(Effect.exit(perform(what, id)))
              running.push(fiber)
              if (isAwaited) yield* fiber
            }
            for (const fiber of running) yield* fiber
            for (const id of ["a", "b", "c"]) {
              yield* until(`${id} is what Redis holds`, () =>
                Effect.gen(function* () {
                  const value = yield* process.cache.get(id)
                  yield* settle
                  // a key that is missing is looked up here, and gets a value of its own
                  return value === (yield* reader.cache.get(id))
                })
              )
            }
          }).pipe(Effect.runPromise)
        )
        yield* Effect.promise(() => FastCheck.assert(property, { numRuns: runs(20) }))
      })
    )
  }
)
