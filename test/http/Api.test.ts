import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { expect, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { LookupOverloaded } from "../../src/cache/lookup/LookupRunner.js"
import { DailyBonusAlreadyClaimed, DatabaseError, UserNotFound, UsernameTaken } from "../../src/game/Database.js"
import type { UserId } from "../../src/game/Player.js"
import { Api } from "../../src/http/contract/Api.js"
import { DatabaseUnavailable, InvalidRequest } from "../../src/http/contract/Errors.js"
import { InvalidKey } from "../../src/redis/RedisKey.js"
import { profileOf, served, services } from "./support/stubs.js"
import * as TestServer from "./support/TestServer.js"

const ada = "ada" as UserId
const grace = "grace" as UserId

const client = Effect.flatMap(TestServer.port, (port) =>
  HttpApiClient.make(Api, {
    baseUrl: `http://127.0.0.1:${port}`,
    transformClient: HttpClient.mapRequest(HttpClientRequest.bearerToken(TestServer.token))
  })
).pipe(Effect.provide(FetchHttpClient.layer))

layer(
  TestServer.layer(
    services({
      createUser: ({ username }) => Effect.fail(new UsernameTaken({ username })),
      readUserBalance: (userId) =>
        userId === ada
          ? Effect.succeed(served(0, "Redis", { timeLeft: Duration.millis(59_900) }))
          : Effect.fail(new LookupOverloaded({ cache: "user:balance" })),
      readUserStats: () => Effect.fail(new DatabaseError({ operation: "getStats", detail: "disk I/O at /secret" })),
      claimDailyBonus: (userId) =>
        userId === ada
          ? Effect.succeed(100)
          : Effect.fail(new DailyBonusAlreadyClaimed({ userId, retryAfter: Duration.millis(90_500) })),
      readLeaderboard: () =>
        Effect.succeed(served([{ rank: 0, userId: ada, score: 7 }], "Degraded", { reason: "CircuitOpen" }))
    })
  )
)("the contract", (it) => {
  it.effect("a client made from it gets back what the services answered", () =>
    Effect.gen(function* () {
      const { users, counters } = yield* client
      expect(yield* users.profile({ path: { id: ada } })).toEqual({ ...profileOf(ada) })
      expect(yield* users.balance({ path: { id: ada } })).toEqual({ userId: ada, balance: 0 })
      expect(yield* counters.online({ path: { id: ada } })).toEqual({ onlinePlayers: 1 })
    })
  )

  it.effect("a client made from it gets back the very errors of the services", () =>
    Effect.gen(function* () {
      const { users } = yield* client
      const errors = yield* Effect.all([
        Effect.flip(users.profile({ path: { id: grace } })),
        Effect.flip(users.profile({ path: { id: "x".repeat(600) as UserId } })),
        Effect.flip(users.create({ payload: { username: "ada", displayName: "Ada", email: "a@b" } })),
        Effect.flip(users.dailyBonus({ path: { id: grace } })),
        Effect.flip(users.stats({ path: { id: ada } })),
        Effect.flip(users.balance({ path: { id: grace } }))
      ])
      expect(errors).toEqual([
        new UserNotFound({ userId: grace }),
        new InvalidKey({ reason: "TooLong", prefix: "user:profile" }),
        new UsernameTaken({ username: "ada" }),
        new DailyBonusAlreadyClaimed({ userId: grace, retryAfter: Duration.millis(90_500) }),
        new DatabaseUnavailable(),
        new LookupOverloaded({ cache: "user:balance" })
      ])
    })
  )

  it.effect("a request that it does not allow comes back as the field and what is wrong", () =>
    Effect.gen(function* () {
      const answer = yield* TestServer.send("PUT", "/api/users/ada/balance", { balance: -1 })
      expect(answer.json).toEqual({
        _tag: "InvalidRequest",
        type: "urn:problem-type:invalid-request",
        title: expect.any(String),
        status: 400,
        detail: expect.stringMatching(/^balance: /),
        errors: [{ field: "balance", message: expect.stringMatching(/between 0 and/) }]
      })
      const { leaderboards } = yield* client
      const outcome = yield* Effect.either(leaderboards.top({ urlParams: { offset: 0, limit: 10 } }))
      expect(Either.isRight(outcome)).toBe(true)
      expect(new InvalidRequest({ errors: [{ field: "players[0]", message: "is missing" }] }).message).toBe(
        "players[0]: is missing"
      )
    })
  )

  it.effect("a failing database is a 503 that says when to retry, and hides its reason", () =>
    Effect.map(TestServer.get("/api/users/ada/stats"), (answer) => {
      expect(answer.status).toBe(503)
      expect(answer.headers.get("retry-after")).toBe("2")
      expect(answer.headers.get("content-type")).toBe("application/problem+json")
      expect(answer.text).not.toMatch(/secret|disk/)
    })
  )

  it.effect("a profile has its e-mail address only for the holder of the token, and no cache keeps one", () =>
    Effect.gen(function* () {
      const { email: _email, ...publicProfile } = {
        ...profileOf(ada),
        createdAt: "2026-01-01T00:00:00.000Z"
      }
      for (const headers of [{}, { authorization: "Bearer guess" }]) {
        const stranger = yield* TestServer.get("/api/users/ada/profile", headers)
        expect(stranger.json).toEqual(publicProfile)
        expect(stranger.headers.get("cache-control")).toBe("no-store")
      }
      const holder = yield* TestServer.get("/api/users/ada/profile", TestServer.asHolder)
      expect(holder.json).toEqual({ ...publicProfile, email: "ada@example.com" })
      expect(holder.headers.get("cache-control")).toBe("no-store")
    })
  )

  it.effect("every answer tells browsers not to guess its type, frame it or keep it", () =>
    Effect.gen(function* () {
      for (const [method, path] of [
        ["GET", "/api/users/ada/profile"],
        ["GET", "/api/users/grace/profile"],
        ["GET", "/api/health/detailed"],
        ["POST", "/api/users"],
        ["GET", "/nothing/here"],
        ["DELETE", "/api/health"],
        ["OPTIONS", "/api/health"]
      ] as const) {
        const { headers } = yield* TestServer.request(method, path)
        expect([path, headers.get("x-content-type-options")]).toEqual([path, "nosniff"])
        expect([path, headers.get("cache-control")]).toEqual([path, "no-store"])
        expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'")
      }
    })
  )

  it.effect("a cached read reports its source", () =>
    Effect.gen(function* () {
      const cacheStatus = (path: string) =>
        Effect.map(TestServer.get(path), ({ headers }) => headers.get("cache-status"))
      expect(yield* cacheStatus("/api/users/ada/balance")).toBe("effect-cache-toolkit; hit; ttl=59; detail=redis")
      expect(yield* cacheStatus("/api/users/ada/profile")).toBe("effect-cache-toolkit; fwd=miss")
      expect(yield* cacheStatus("/api/leaderboards/global")).toBe(
        `effect-cache-toolkit; fwd=bypass; detail="degraded: CircuitOpen"`
      )
      expect(yield* cacheStatus("/api/users/grace/profile")).toBeNull()
      expect(yield* cacheStatus("/api/health")).toBeNull()
    })
  )

  it.effect("a read that would overload the database is rejected for a moment", () =>
    Effect.gen(function* () {
      const rejected = yield* TestServer.get("/api/users/grace/balance")
      expect(rejected.status).toBe(503)
      expect(rejected.headers.get("retry-after")).toBe("1")
      expect(rejected.headers.get("cache-status")).toBeNull()
      expect(rejected.json).toMatchObject({ type: "urn:problem-type:lookup-overloaded", cache: "user:balance" })
    })
  )

  it.effect("the caches are counted together and each on its own", () =>
    Effect.gen(function* () {
      const { cache } = yield* client
      expect(yield* cache.stats()).toMatchObject({
        available: true,
        connected: true,
        onlinePlayers: 1,
        activeGames: 2,
        hits: 3,
        caches: [{ name: "user:profile", hitsRedis: 3, outbox: 0 }]
      })
    })
  )

  it.effect("the daily bonus says when the next one is due, rounded up", () =>
    Effect.gen(function* () {
      const granted = yield* TestServer.act("POST", "/api/users/ada/daily-bonus")
      expect(granted.json).toEqual({ userId: "ada", balance: 100 })
      expect(granted.headers.get("retry-after")).toBeNull()
      expect(granted.headers.get("ratelimit")).toBe(`"daily-bonus";r=0;t=86400`)
      const rejected = yield* TestServer.act("POST", "/api/users/grace/daily-bonus")
      expect(rejected.status).toBe(429)
      expect(rejected.headers.get("retry-after")).toBe("91")
      expect(rejected.headers.get("ratelimit")).toBe(`"daily-bonus";r=0;t=91`)
      expect(rejected.headers.get("ratelimit-policy")).toBe(`"daily-bonus";q=1;w=86400`)
      expect(rejected.json).toMatchObject({ type: "urn:problem-type:daily-bonus-already-claimed", status: 429 })
    })
  )

  it.effect("OpenAPI describes every endpoint, problems as problems, and refers only to what it holds", () =>
    Effect.gen(function* () {
      const answer = yield* TestServer.get("/api/openapi.json")
      expect(answer.headers.get("content-type")).toBe("application/json")
      const spec = answer.json as {
        openapi: string
        paths: Record<string, Record<string, { responses: Record<string, { content?: object }>; security: unknown[] }>>
        components: { schemas: Record<string, unknown> }
      }
      expect(spec.openapi).toBe("3.1.0")
      const operations = Object.values(spec.paths).flatMap((methods) => Object.entries(methods))
      expect(operations).toHaveLength(24)
      for (const [method, operation] of operations) {
        const isOptional = JSON.stringify(operation.security) === `[{},{"bearer":[]}]`
        if (!isOptional) expect(operation.security).toEqual(method === "get" ? [] : [{ bearer: [] }])
        for (const [status, { content }] of Object.entries(operation.responses)) {
          if (Number(status) < 400 || content === undefined) continue
          if (/HealthDown|ProbeFailed/.test(JSON.stringify(content))) continue
          expect(Object.keys(content), JSON.stringify([method, status, operation])).toEqual([
            "application/problem+json"
          ])
        }
      }
      const references = answer.text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)
      for (const [, name] of references) expect(spec.components.schemas).toHaveProperty([name ?? ""])
      expect(answer.text).not.toContain("HttpApiDecodeError")
    })
  )

  it.effect("the docs page shows the same contract and asks no other host for anything", () =>
    Effect.gen(function* () {
      const page = yield* TestServer.get("/docs")
      expect(page.status).toBe(200)
      expect(page.headers.get("content-type")).toMatch(/^text\/html/)
      const [head = ""] = page.text.split(`<script id="swagger-spec"`)
      const tags = [...page.text.matchAll(/<(?:script|link|img|iframe)\b[^>]*>/g)].map(([tag]) => tag)
      expect(tags.filter((tag) => /\b(?:src|href)\s*=\s*["']?(?:https?:)?\/\//.test(tag))).toEqual([])
      expect(head).not.toMatch(/@import|url\(["']?https?:/)
      expect(page.text).toContain("/api/users/{id}/daily-bonus")
      expect((yield* TestServer.get("/docs")).text).toBe(page.text)
    })
  )
})
