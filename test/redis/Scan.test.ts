import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { RedisReply } from "../../src/redis/RedisConnection.js"
import { connect, make, reply, type ScriptedServer } from "../support/faults/ScriptedDriver.js"

/** What the n-th SCAN, counted from 0, is answered. */
const scanning = (server: ScriptedServer, page: (round: number) => RedisReply, keys = 0) => {
  let round = 0
  server.answer = ({ command }) => {
    if (command === "SCAN") return reply(page(round++))
    if (command === "UNLINK") return reply(1)
    if (command === "DBSIZE") return reply(keys)
    return undefined
  }
}

describe("deleting by a pattern", () => {
  it.scoped("follows the cursor to its end, over pages without keys too", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      scanning(server, (round) => (round === 3 ? ["0", ["c"]] : [`${round + 1}`, round === 1 ? ["a"] : []]))
      expect(yield* redis.delPattern("*")).toBe(2)
      expect(server.count("SCAN")).toBe(4)
    })
  )

  for (const [what, page] of [
    ["a cursor that is no number", ["abc", []]],
    ["a negative cursor", ["-1", []]],
    ["a cursor of nothing", [null, []]],
    ["a cursor beyond 64 bits", ["9".repeat(30), []]],
    ["no keys", ["0", null]],
    ["keys that are no texts", ["0", [7]]],
    ["a cursor alone", ["0"]],
    ["no list", "OK"]
  ] as const) {
    it.scoped(`fails with a protocol error at ${what}`, () =>
      Effect.gen(function* () {
        const server = yield* make
        const redis = yield* connect(server)
        scanning(server, () => page)
        expect(yield* Effect.flip(redis.delPattern("*"))).toMatchObject({ _tag: "RedisProtocolError", command: "SCAN" })
        expect(server.count("SCAN")).toBe(1)
      })
    )
  }

  it.scoped("ends at once where the cursor stands still", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      scanning(server, () => ["5", []])
      expect(yield* Effect.flip(redis.delPattern("*"))).toMatchObject({ _tag: "RedisProtocolError", command: "SCAN" })
      expect(server.count("SCAN")).toBe(2)
    })
  )

  it.scopedLive("ends where the cursor never does, after rounds that only a far larger database could need", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { commandTimeout: "1 minute" })
      scanning(server, (round) => [`${(round % 2) + 1}`, []], 1000)
      expect(yield* Effect.flip(redis.delPattern("*"))).toMatchObject({ _tag: "RedisProtocolError", command: "SCAN" })
      expect(server.count("SCAN")).toBeLessThan(20_000)
    })
  )

  it.scopedLive("takes as many rounds as a large database needs", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { commandTimeout: "1 minute" })
      const rounds = 20_000
      scanning(server, (round) => [round === rounds ? "0" : `${round + 1}`, []], rounds * 512)
      expect(yield* redis.delPattern("*")).toBe(0)
      expect(server.count("SCAN")).toBe(rounds + 1)
    })
  )
})
