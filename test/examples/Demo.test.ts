import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as RedisServer from "../support/server/RedisServer.js"
import { run } from "./support/program.js"

const demo = (variables: Record<string, string> = {}) => run("examples/demo.ts", variables)

/** Without the caches' clear markers: other processes depend on them, and they expire. */
const keysOf = (server: RedisServer.RedisServer) =>
  Effect.map(server.send("KEYS", "*"), (keys) =>
    (keys as ReadonlyArray<string>).filter((key) => !/^{.*}:clear$/.test(key))
  )

describe("the demo without a server", () => {
  it.live("goes from cold to warm reads, writes, a leaderboard, and to the database alone", () =>
    Effect.gen(function* () {
      const { code, output } = yield* demo()
      expect(output).toMatch(/cold .*warm[\s\S]*miss .* ms .*hit .* ms/)
      expect(output).toMatch(/write-through .*250/)
      expect(output).toMatch(/invalidation .*miss/)
      expect(output).toMatch(/first claim granted[\s\S]*second claim rejected/)
      expect(output).toMatch(/1\. Grace +2200/)
      expect(output).toMatch(/bypass \(Disabled\).*the same, from the database/)
      expect(output).toMatch(/Set REDIS_URL/)
      expect(code).toBe(0)
    })
  )

  it.live("says why when the server of REDIS_URL cannot be used, and ends with 1", () =>
    Effect.gen(function* () {
      const port = yield* RedisServer.freePort
      const { code, output } = yield* demo({ REDIS_URL: `redis://:sesame@127.0.0.1:${port}` })
      expect(output).toMatch(
        /The demo failed: redis:\/\/127\.0\.0\.1:\d+\/0 cannot be used: nothing accepts connections/
      )
      expect(output).not.toMatch(/sesame/)
      expect(code).toBe(1)
    })
  )
})

describe.skipIf(RedisServer.skipReason !== undefined)("the demo on a server", () => {
  const password = "p@ss/wo:rd"

  it.scopedLive("cuts its own connection, continues with the database, hits again, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make({ password })
      const { code, output } = yield* demo({ REDIS_URL: server.url })
      expect(output).toMatch(/bypass \(Disconnected\).*the same, from the database/)
      expect(output).toMatch(/The connection is mended: .* hits the cache again/)
      expect(output).not.toContain(password)
      expect(output).not.toContain(encodeURIComponent(password))
      expect(code).toBe(0)
      expect(yield* keysOf(server)).toEqual([])
    })
  )

  it.scopedLive("leaves a leaderboard alone that is there already", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      yield* server.send("ZADD", "leaderboard:global", "7", "somebody")
      const { code, output } = yield* demo({ REDIS_URL: server.url })
      expect(output).toMatch(/leaderboard:global exists on this server already/)
      expect(code).toBe(0)
      expect(yield* keysOf(server)).toEqual(["leaderboard:global"])
      expect(yield* server.send("ZRANGE", "leaderboard:global", "0", "-1")).toEqual(["somebody"])
    })
  )
})
