import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"
import { UserNotFound } from "../../../src/game/Database.js"
import { type UserId, UserStats } from "../../../src/game/Player.js"
import type { CacheResult } from "../../../src/game/PlayerService.js"
import { until } from "../../support/until.js"
import { profileOf, served, services } from "../support/stubs.js"
import * as TestServer from "../support/TestServer.js"

const timeLeft = Duration.seconds(42)

/** Reads that hit in one tier, and how often each ran. */
const hitting = (source: CacheResult<unknown>["source"]) => {
  const reads: Array<string> = []
  const read = <A>(kind: string, value: A) =>
    Effect.sync(() => {
      reads.push(kind)
      return served(value, source, { timeLeft })
    })
  const layer = services({
    readUserProfile: (id) =>
      id === "ada"
        ? read("profile", profileOf(id))
        : Effect.zipRight(read("none", id), new UserNotFound({ userId: id })),
    readUserBalance: () => read("balance", 7),
    readUserStats: () => read("stats", new UserStats({ totalScore: 4, bestScore: 3, gamesWon: 1, gamesPlayed: 2 }))
  })
  return { layer, reads }
}

/** All that a client sees. */
const seen = (path: string) =>
  Effect.map(TestServer.get(path), ({ headers, status, text }) => ({
    status,
    text,
    headers: Array.from(headers).filter(([name]) => name !== "date")
  }))

const paths = ["/api/users/ada/profile", "/api/users/ada/balance", "/api/users/ada/stats"]

describe("a warm read", () => {
  for (const source of ["Local", "Redis", "Stale"] as const) {
    it.scoped(`is the same answer as that of the router, which a query leads to: ${source}`, () =>
      Effect.gen(function* () {
        for (const path of paths) {
          const answer = yield* seen(path)
          expect(answer).toEqual(yield* seen(`${path}?`))
          expect(answer.headers).toContainEqual([
            "cache-status",
            `effect-cache-toolkit; hit; ttl=42; detail=${source.toLowerCase()}`
          ])
          expect(answer.headers).toContainEqual(["x-content-type-options", "nosniff"])
        }
      }).pipe(Effect.provide(TestServer.layer(hitting(source).layer)))
    )
  }

  it.scoped("has the e-mail address for the holder of the token", () =>
    Effect.gen(function* () {
      const [path = ""] = paths
      expect((yield* TestServer.get(path)).json).not.toHaveProperty("email")
      expect((yield* TestServer.get(path, TestServer.asHolder)).json).toHaveProperty("email", "ada@example.com")
    }).pipe(Effect.provide(TestServer.layer(hitting("Local").layer)))
  )

  it.scoped("answers neither a foreign name nor another method", () =>
    Effect.gen(function* () {
      const [path = ""] = paths
      const statuses = Effect.all([
        TestServer.get(path),
        TestServer.get(path, { host: "evil.example" }),
        TestServer.get(path)
      ])
      expect((yield* statuses).map(({ status }) => status)).toEqual([200, 421, 200])
      // `fetch` would send its length, which the router alone takes
      const bare = (method: string) =>
        TestServer.raw(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
      expect(yield* bare("GET")).toMatch(/^HTTP\/1.1 200 /)
      expect(yield* bare("DELETE")).toMatch(/^HTTP\/1.1 405 /)
    }).pipe(Effect.provide(TestServer.layer(hitting("Redis").layer)))
  )

  it.scoped("is limited and reported where requests are", () =>
    Effect.gen(function* () {
      const [path = ""] = paths
      expect((yield* TestServer.get(path)).headers.get("ratelimit")).toMatch(/^"requests";r=0/)
      expect((yield* TestServer.get(path)).status).toBe(429)
    }).pipe(Effect.provide(TestServer.layer(hitting("Redis").layer, { HTTP_RATE_LIMIT: "1/60" })))
  )

  it.scoped("has its span where spans are recorded", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        context: (f) => f(),
        span: (name, parent, context, links, startTime, kind) => {
          const attributes = new Map<string, unknown>()
          const span: Tracer.Span = {
            _tag: "Span",
            name,
            spanId: String(spans.length),
            traceId: "trace",
            parent,
            context,
            status: { _tag: "Started", startTime },
            attributes,
            links,
            sampled: true,
            kind,
            end: () => {},
            attribute: (key, value) => void attributes.set(key, value),
            event: () => {},
            addLinks: () => {}
          }
          spans.push(span)
          return span
        }
      })
      const server = TestServer.layer(hitting("Redis").layer).pipe(Layer.provide(Layer.setTracer(tracer)))
      yield* Effect.provide(TestServer.get("/api/users/ada/profile"), server)
      const routes = spans.filter(({ kind }) => kind === "server").map(({ attributes }) => attributes.get("http.route"))
      expect(routes).toEqual(["/api/users/:id/profile"])
    })
  )
})

describe("a read that is no hit", () => {
  it.scoped("is answered by the router, which does not repeat it", () => {
    const { layer, reads } = hitting("Lookup")
    return Effect.gen(function* () {
      for (const path of paths) expect((yield* TestServer.get(path)).headers.get("cache-status")).toMatch(/fwd=miss/)
      expect((yield* TestServer.get("/api/users/grace/profile")).status).toBe(404)
      expect(reads).toEqual(["profile", "balance", "stats", "none"])
    }).pipe(Effect.provide(TestServer.layer(layer)))
  })

  it.scoped("is interrupted when its client goes", () => {
    const ends: Array<string> = []
    const waiting = (id: UserId) =>
      Effect.zipRight(
        Effect.sync(() => ends.push("begun")),
        Effect.never
      ).pipe(
        Effect.as(served(profileOf(id), "Lookup")),
        Effect.onInterrupt(() => Effect.sync(() => ends.push("interrupted")))
      )
    return Effect.gen(function* () {
      const request = yield* Effect.fork(TestServer.get("/api/users/ada/profile"))
      yield* until("the read has begun", () => ends.length > 0)
      yield* Fiber.interrupt(request)
      yield* until("the read was interrupted", () => ends.length > 1)
      expect(ends).toEqual(["begun", "interrupted"])
    }).pipe(Effect.provide(TestServer.layer(services({ readUserProfile: waiting }))))
  })
})
