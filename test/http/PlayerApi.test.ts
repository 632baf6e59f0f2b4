import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CacheService from "../../src/game/CacheService.js"
import type { Database } from "../../src/game/Database.js"
import * as MemoryDatabase from "../../src/game/database/MemoryDatabase.js"
import * as SqlDatabase from "../../src/game/database/SqlDatabase.js"
import * as PlayerService from "../../src/game/PlayerService.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import * as RedisClient from "../../src/redis/RedisClient.js"
import { scale } from "../support/effort.js"
import * as TestServer from "./support/TestServer.js"

const over = <E>(
  redis: Layer.Layer<RedisClient.RedisClient>,
  database: Layer.Layer<Database, E> = MemoryDatabase.layer
) =>
  TestServer.layer(
    PlayerService.layer.pipe(Layer.provideMerge(CacheService.layer), Layer.provideMerge(Layer.merge(redis, database)))
  )

const createUser = (username: string) =>
  Effect.map(
    TestServer.send("POST", "/api/users", { username, displayName: username, email: `${username}@example.com` }),
    (answer) => {
      expect(answer.status).toBe(201)
      const { id } = answer.json as { readonly id: string }
      expect(answer.headers.get("location")).toBe(`/api/users/${id}/profile`)
      return { id, path: `/api/users/${id}` }
    }
  )

const read = (path: string) =>
  Effect.map(TestServer.get(path), ({ headers, json, status }) => {
    expect(status).toBe(200)
    return { json, cache: (headers.get("cache-status") ?? "").replace(/^effect-cache-toolkit; /, "") }
  })

layer(over(MemoryRedis.layer()))("the API over a cache and a database", (it) => {
  it.effect("reads a profile from the database once and from the cache from then on", () =>
    Effect.gen(function* () {
      const { id, path } = yield* createUser("reader")
      const first = yield* read(`${path}/profile`)
      const second = yield* read(`${path}/profile`)
      expect(first).toMatchObject({ json: { id, username: "reader" }, cache: "fwd=miss" })
      expect(second.json).toEqual(first.json)
      expect(second.cache).toMatch(/^hit; ttl=(300|299); detail=redis$/)
    })
  )

  it.effect("shows its metrics to Prometheus without a token, and no id in them", () =>
    Effect.gen(function* () {
      const { id, path } = yield* createUser("watched")
      yield* read(`${path}/profile`)
      const { headers, status, text } = yield* TestServer.get("/metrics")
      expect(status).toBe(200)
      expect(headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/)
      expect(text).toMatch(/^cache_gets_total\{cache="user:profile",tier="none",result="miss"\} [1-9]/m)
      expect(text).not.toContain(id)
    })
  )

  it.effect("shows a changed profile to the next reader", () =>
    Effect.gen(function* () {
      const { path } = yield* createUser("changer")
      yield* read(`${path}/profile`)
      const changed = yield* TestServer.send("PATCH", `${path}/profile`, { displayName: "Changed" })
      expect(changed.json).toMatchObject({ username: "changer", displayName: "Changed" })
      expect(yield* read(`${path}/profile`)).toMatchObject({ json: { displayName: "Changed" }, cache: "fwd=miss" })
    })
  )

  it.effect("rejects a user name that is taken with 409", () =>
    Effect.gen(function* () {
      yield* createUser("unique")
      const again = yield* TestServer.send("POST", "/api/users", {
        username: "unique",
        displayName: "x",
        email: "x@example.com"
      })
      expect(again.json).toMatchObject({ status: 409, type: "urn:problem-type:username-taken" })
    })
  )

  it.effect("writes a balance through to the cache, where 0 is a hit", () =>
    Effect.gen(function* () {
      const { id, path } = yield* createUser("saver")
      for (const balance of [5, 0]) {
        const written = yield* TestServer.send("PUT", `${path}/balance`, { balance })
        expect(written.json).toEqual({ userId: id, balance })
        const { cache, json } = yield* read(`${path}/balance`)
        expect(json).toEqual({ userId: id, balance })
        expect(cache).toMatch(/^hit; ttl=(60|59); detail=redis$/)
      }
    })
  )

  it.effect("grants the daily bonus once, whatever happens to the cache", () =>
    Effect.gen(function* () {
      const { path } = yield* createUser("claimer")
      const first = yield* TestServer.act("POST", `${path}/daily-bonus`)
      expect(first.status).toBe(200)
      yield* TestServer.act("DELETE", `${path}/cache`)
      const second = yield* TestServer.act("POST", `${path}/daily-bonus`)
      expect(second.status).toBe(429)
      expect(Number(second.headers.get("retry-after"))).toBeGreaterThan(86_000)
      expect((yield* read(`${path}/balance`)).json).toMatchObject({
        balance: (first.json as { readonly balance: number }).balance
      })
    })
  )

  it.effect("warms and drops what the cache holds of a user", () =>
    Effect.gen(function* () {
      const { path } = yield* createUser("warm")
      expect((yield* TestServer.act("POST", `${path}/cache`)).json).toEqual({ stored: 3 })
      expect((yield* read(`${path}/stats`)).cache).toMatch(/^hit/)
      expect((yield* TestServer.act("DELETE", `${path}/cache`)).json).toEqual({ invalidated: true })
      expect((yield* read(`${path}/stats`)).cache).toBe("fwd=miss")
    })
  )

  it.effect("ranks players by what they scored", () =>
    Effect.gen(function* () {
      const low = yield* createUser("low")
      const high = yield* createUser("high")
      yield* TestServer.send("POST", `${low.path}/games`, { won: false, score: 10 })
      const stats = yield* TestServer.send("POST", `${high.path}/games`, { won: true, score: 20 })
      expect(stats.json).toEqual({ gamesPlayed: 1, gamesWon: 1, bestScore: 20, totalScore: 20 })
      const { json } = yield* read("/api/leaderboards/global?limit=2")
      expect(json).toEqual({
        entries: [
          { rank: 0, userId: high.id, score: 20 },
          { rank: 1, userId: low.id, score: 10 }
        ]
      })
      const rank = yield* TestServer.get(`/api/leaderboards/global/users/${low.id}`)
      expect(rank.json).toEqual({ rank: 1, userId: low.id, score: 10 })
      const unranked = yield* createUser("unranked")
      expect((yield* TestServer.get(`/api/leaderboards/global/users/${unranked.id}`)).status).toBe(404)
    })
  )

  it.effect("starts, shows and ends a game, and counts games and players", () =>
    Effect.gen(function* () {
      const counters = Effect.map(TestServer.get("/api/counters"), ({ json }) => json)
      const before = (yield* counters) as { readonly activeGames: number; readonly onlinePlayers: number }
      const started = yield* TestServer.send("POST", "/api/games", { players: ["ada", "grace"] })
      expect(started.status).toBe(201)
      const path = started.headers.get("location") ?? ""
      expect((yield* read(path)).json).toEqual(started.json)
      // a heartbeat: the second one is the same player
      yield* TestServer.act("POST", "/api/players/ada/online")
      expect((yield* TestServer.act("POST", "/api/players/ada/online")).json).toEqual({
        onlinePlayers: before.onlinePlayers + 1
      })
      expect(yield* counters).toEqual({
        activeGames: before.activeGames + 1,
        onlinePlayers: before.onlinePlayers + 1
      })
      expect((yield* TestServer.act("DELETE", path)).status).toBe(204)
      expect((yield* TestServer.get(path)).status).toBe(404)
      expect((yield* TestServer.act("DELETE", "/api/players/ada/online")).json).toEqual({
        onlinePlayers: before.onlinePlayers
      })
      expect((yield* TestServer.act("DELETE", "/api/players/ada/online")).json).toEqual({
        onlinePlayers: before.onlinePlayers
      })
      expect(yield* counters).toEqual(before)
    })
  )

  it.effect("reports what the cache counted", () =>
    Effect.map(TestServer.get("/api/cache/stats"), ({ json }) => {
      expect(json).toMatchObject({
        available: true,
        connected: true,
        hits: expect.any(Number),
        caches: ["user:profile", "user:balance", "user:stats", "game:state", "leaderboard:global:top"].map((name) => ({
          name,
          lookups: expect.any(Number)
        }))
      })
    })
  )
})

layer(over(RedisClient.layerOff))("the API without Redis", (it) => {
  it.effect("answers every read from the database and reports a bypass of the cache", () =>
    Effect.gen(function* () {
      const { id, path } = yield* createUser("alone")
      yield* TestServer.send("PUT", `${path}/balance`, { balance: 7 })
      yield* TestServer.send("POST", `${path}/games`, { won: true, score: 3 })
      const started = yield* TestServer.send("POST", "/api/games", { players: [id] })
      const paths = ["profile", "balance", "stats"].map((each) => `${path}/${each}`)
      for (const each of [...paths, "/api/leaderboards/global", started.headers.get("location") ?? ""]) {
        expect((yield* read(each)).cache).toMatch(/^fwd=bypass; detail="degraded: \w+"$/)
      }
      expect((yield* read(`${path}/balance`)).json).toEqual({ userId: id, balance: 7 })
      expect((yield* TestServer.get(`/api/leaderboards/global/users/${id}`)).json).toMatchObject({ score: 3 })
    })
  )

  it.effect("counts nothing, and says so", () =>
    Effect.gen(function* () {
      expect((yield* TestServer.act("POST", "/api/players/ada/online")).status).toBe(204)
      expect((yield* TestServer.act("DELETE", "/api/players/ada/online")).status).toBe(204)
      expect((yield* TestServer.get("/api/counters")).status).toBe(200)
      expect((yield* TestServer.get("/api/health/detailed")).json).toMatchObject({ status: "degraded" })
    })
  )
})

const claims = scale(500, 100)

for (const [name, redis] of [
  ["with Redis", MemoryRedis.layer()],
  ["without Redis", RedisClient.layerOff]
] as const) {
  layer(over(redis, SqlDatabase.layer({ url: "sqlite::memory:" })))(
    `${claims} claims of a bonus at once, ${name}`,
    (it) => {
      it.effect("are granted once, and all other responses say when the next one is due", () =>
        Effect.gen(function* () {
          const { path } = yield* createUser("claimer")
          const answers = yield* Effect.replicateEffect(TestServer.act("POST", `${path}/daily-bonus`), claims, {
            concurrency: "unbounded"
          })
          const granted = answers.filter(({ status }) => status === 200)
          expect(granted).toHaveLength(1)
          for (const { headers, json, status } of answers) {
            if (status === 200) continue
            expect(json).toMatchObject({ status: 429, type: "urn:problem-type:daily-bonus-already-claimed" })
            expect(headers.get("retry-after")).toMatch(/^(86400|86[23]\d\d)$/)
          }
          const { json } = yield* read(`${path}/balance`)
          expect(json).toMatchObject({ balance: PlayerService.dailyBonus })
        })
      )
    }
  )
}
