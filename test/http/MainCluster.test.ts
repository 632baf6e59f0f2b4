/** The server of the README as a program of its own, on a cluster. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Slots from "../../src/redis/topology/Slots.js"
import { eventually, testWith } from "../support/faults/FaultSuite.js"
import * as RedisCluster from "../support/server/RedisCluster.js"
import * as ServerProgram from "./support/ServerProgram.js"

const token = "sesame"

const User = Schema.Struct({ id: Schema.String })
const Health = Schema.Struct({
  status: Schema.String,
  redis: Schema.Struct({
    state: Schema.String,
    available: Schema.Boolean,
    nodes: Schema.Array(
      Schema.Struct({
        address: Schema.String,
        state: Schema.String,
        circuit: Schema.String,
        slots: Schema.Array(Schema.Tuple(Schema.Int, Schema.Int))
      })
    )
  }),
  cache: Schema.Struct({ failures: Schema.Int })
})

describe("the program on a cluster", () => {
  testWith("cluster mode")("answers every kind of request", () =>
    Effect.gen(function* () {
      const cluster = yield* RedisCluster.make()
      const program = yield* ServerProgram.start({
        REDIS_CLUSTER_NODES: cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(","),
        API_TOKEN: token,
        HTTP_RATE_LIMIT: "100000/60",
        CACHE_LOCAL_TTL: "0"
      })
      const port = yield* program.listening
      expect(program.output()).toMatch(/Redis: redis-cluster:\/\/127\.0\.0\.1:\d+/)
      expect(program.output()).toMatch(/(connected to \w+ \d.*\n[\s\S]*){3}/)

      const request = (method: string, path: string, body?: unknown) =>
        Effect.promise(async (signal) => {
          const response = await fetch(`http://127.0.0.1:${port}/api${path}`, {
            signal,
            method,
            headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
            body: body === undefined ? null : JSON.stringify(body)
          })
          const text = await response.text()
          return {
            status: response.status,
            cached: response.headers.get("cache-status") ?? "",
            limit: response.headers.get("ratelimit") ?? "",
            json: text === "" ? undefined : (JSON.parse(text) as unknown)
          }
        })
      const create = (i: number) =>
        Effect.map(
          request("POST", "/users", { username: `user${i}`, displayName: "U", email: `u${i}@example.com` }),
          ({ json }) => Schema.decodeUnknownSync(User)(json).id
        )
      const ids = yield* Effect.forEach(
        Array.from({ length: 12 }, (_, i) => i),
        create
      )
      const sourcesOf = (kind: string) =>
        Effect.map(
          Effect.forEach(ids, (id) => request("GET", `/users/${id}/${kind}`)),
          (answers) =>
            answers.map(({ cached }) => (/hit/.test(cached) ? "hit" : /bypass/.test(cached) ? "bypass" : "miss"))
        )

      // caches: the keys of twelve users lie on all three primaries
      for (const kind of ["profile", "stats"]) {
        expect(new Set(yield* sourcesOf(kind))).toEqual(new Set(["miss"]))
        expect(new Set(yield* sourcesOf(kind))).toEqual(new Set(["hit"]))
      }
      const [ada = "", bob = ""] = ids
      expect(yield* request("PATCH", `/users/${ada}/profile`, { displayName: "Ada" })).toMatchObject({ status: 200 })
      expect(yield* request("GET", `/users/${ada}/profile`)).toMatchObject({
        json: { displayName: "Ada" },
        cached: expect.stringContaining("fwd=miss")
      })
      expect((yield* request("PUT", `/users/${ada}/balance`, { balance: 7 })).status).toBe(200)
      expect(yield* request("GET", `/users/${ada}/balance`)).toMatchObject({
        json: { balance: 7 },
        cached: expect.stringContaining("hit")
      })
      expect((yield* request("POST", `/users/${ada}/cache`)).json).toEqual({ stored: 3 })
      expect((yield* request("DELETE", `/users/${ada}/cache`)).json).toEqual({ invalidated: true })

      // limits, boards with their rebuild under a lock, presence, counters
      const bonus = yield* request("POST", `/users/${ada}/daily-bonus`)
      expect([bonus.status, (yield* request("POST", `/users/${ada}/daily-bonus`)).status]).toEqual([200, 429])
      expect(bonus.limit).toMatch(/"requests";r=99\d+/)
      for (const [id, score] of [
        [ada, 5],
        [bob, 9]
      ] as const) {
        expect((yield* request("POST", `/users/${id}/games`, { won: true, score })).status).toBe(200)
      }
      expect((yield* request("GET", "/leaderboards/global?offset=0&limit=2")).json).toMatchObject({
        entries: [
          { rank: 0, userId: bob, score: 9 },
          { rank: 1, userId: ada, score: 5 }
        ]
      })
      expect((yield* request("GET", `/leaderboards/global/users/${ada}`)).json).toMatchObject({ rank: 1, score: 5 })
      const board = yield* cluster.ownerOf(Slots.of("leaderboard:global"))
      yield* eventually(
        "the board is whole in Redis",
        Effect.map(board.node.attempt("GET", "{leaderboard:global}:whole"), (mark) => mark === "2")
      )
      expect((yield* request("POST", "/games", { players: [ada, bob] })).status).toBe(201)
      expect((yield* request("POST", `/players/${ada}/online`)).json).toEqual({ onlinePlayers: 1 })
      expect((yield* request("GET", "/counters")).json).toEqual({ onlinePlayers: 1, activeGames: 1 })

      // status
      const health = Effect.map(request("GET", "/health/detailed"), ({ json }) =>
        Schema.decodeUnknownSync(Health)(json)
      )
      const { cache, redis, status } = yield* health
      expect([status, redis.state, redis.available, cache.failures]).toEqual(["ok", "Connected", true, 0])
      expect(redis.nodes.map(({ circuit, state }) => [state, circuit])).toEqual(
        redis.nodes.map(() => ["Connected", "Closed"])
      )
      const slots = redis.nodes.flatMap(({ slots }) => slots).map(([first, last]) => last - first + 1)
      expect([redis.nodes.length, slots.reduce((total, count) => total + count, 0)]).toEqual([3, Slots.slotCount])
      expect(program.output()).not.toMatch(/level=(WARN|ERROR|FATAL)/)
    })
  )
})
