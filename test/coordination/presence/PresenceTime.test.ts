import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Presence from "../../../src/coordination/Presence.js"
import * as PresenceScripts from "../../../src/coordination/presence/PresenceScripts.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { settle, until } from "../../support/until.js"

describe("presence over time", () => {
  it.effect("lasts for a whole time to live after a beat and not a millisecond longer", () =>
    Effect.gen(function* () {
      const online = yield* Presence.make({ key: "presence", timeToLive: "1 minute" })
      yield* online.beat("ada")
      yield* TestClock.adjust("30 seconds")
      yield* online.beat("bob")
      const seen = Effect.all([online.count, online.isOnline("ada"), online.list({ offset: 0, limit: 10 })])
      yield* TestClock.adjust(29_999)
      expect(yield* seen).toEqual([2, true, ["bob", "ada"]])
      yield* TestClock.adjust(1)
      expect(yield* seen).toEqual([1, false, ["bob"]])
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.effect("lasts as long as the scope of `stayOnline`, and ends with it", () =>
    Effect.gen(function* () {
      const online = yield* Presence.make({ key: "presence", timeToLive: "1 minute" })
      const scope = yield* Scope.make()
      yield* Scope.extend(online.stayOnline("ada"), scope)
      for (let seconds = 0; seconds < 600; seconds += 5) {
        expect(yield* online.isOnline("ada")).toBe(true)
        yield* TestClock.adjust("5 seconds")
      }
      yield* Scope.close(scope, Exit.void)
      expect(yield* online.isOnline("ada")).toBe(false)
      yield* TestClock.adjust("10 minutes")
      expect(yield* online.count).toBe(0)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.effect("survives the loss of two beats in a row, and returns with the first that arrives", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* OutageRedis.make
        const connection = yield* server.connect
        const online = yield* Effect.provideService(
          Presence.make({ key: "presence", timeToLive: "1 minute" }),
          RedisClient,
          connection.redis
        )
        const seen = yield* Effect.provideService(
          Presence.make({ key: "presence", timeToLive: "1 minute" }),
          RedisClient,
          server.direct
        )
        yield* online.stayOnline("ada")
        yield* connection.cut
        yield* TestClock.adjust("35 seconds")
        expect(yield* seen.isOnline("ada")).toBe(true)
        yield* TestClock.adjust("25 seconds")
        expect(yield* seen.isOnline("ada")).toBe(false)
        yield* connection.restore
        yield* TestClock.adjust("24 seconds")
        expect(yield* seen.isOnline("ada")).toBe(true)
      })
    )
  )

  it.effect("fails no effect while Redis is away, and costs it nothing", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* OutageRedis.make
        const connection = yield* server.connect
        yield* connection.cut
        const online = yield* Effect.provideService(
          Presence.make({ key: "presence", timeToLive: "1 minute" }),
          RedisClient,
          connection.redis
        )
        // the clock stands still: whatever waited would wait for ever
        expect(yield* Effect.succeed("done").pipe(online.whileOnline("ada"))).toBe("done")
        expect(yield* Effect.flip(online.beat("ada"))).toMatchObject({ _tag: "RedisUnavailable" })
        expect(yield* Effect.flip(online.count)).toMatchObject({ _tag: "RedisUnavailable" })
        yield* settle
      })
    )
  )
})

describe("presence among processes", () => {
  it.scopedLive.skipIf(RedisServer.skipReason !== undefined)("ends for the members of a process that was killed", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const count = Effect.map(server.send("EVAL", PresenceScripts.count.lua, "1", "presence:players", ""), (online) =>
        Number(online)
      )
      const start = Effect.acquireRelease(
        Effect.sync(() =>
          spawn(
            process.execPath,
            [fileURLToPath(new URL("../processes/onlinePlayer.ts", import.meta.url)), server.url],
            { stdio: "ignore" }
          )
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      const [one] = yield* Effect.all([start, start])
      yield* until("both are online", () => Effect.map(count, (online) => online === 2))
      one.kill("SIGKILL")
      yield* until("one of them is gone, and the other stays", () => Effect.map(count, (online) => online === 1))
    })
  )
})
