import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { Database, DatabaseError } from "../../../src/game/Database.js"
import * as DependencyHealth from "../../../src/http/router/DependencyHealth.js"
import { version } from "../../../src/internal/Version.js"
import { RedisConnectError } from "../../../src/redis/RedisError.js"
import { ConnectionState, type NodeStatus, type RedisStatus } from "../../../src/redis/RedisStatus.js"
import { cache, database, players, redis, status } from "../support/stubs.js"
import * as TestServer from "../support/TestServer.js"

const down: RedisStatus = {
  ...status,
  connected: false,
  server: Option.none(),
  latency: Option.none(),
  state: ConnectionState.Unavailable({
    since: DateTime.unsafeMake(0),
    nextIn: Duration.seconds(30),
    cause: new RedisConnectError({ reason: "Refused", detail: "ECONNREFUSED" })
  })
}

const health = (
  options: { readonly redis?: RedisStatus; readonly ping?: Effect.Effect<void, DatabaseError> },
  headers: Record<string, string> = TestServer.asHolder
) =>
  Effect.all([TestServer.get("/api/health"), TestServer.get("/api/health/detailed", headers)]).pipe(
    Effect.provide(
      TestServer.layer(
        Layer.mergeAll(players(), cache(), database({ ping: options.ping ?? Effect.void }), redis(options.redis))
      )
    )
  )

describe("health", () => {
  it.live("is ok while Redis and the database answer", () =>
    Effect.gen(function* () {
      const [alive, detailed] = yield* health({})
      expect([alive.status, alive.json]).toEqual([200, { status: "ok" }])
      expect(detailed.status).toBe(200)
      expect(detailed.json).toEqual({
        status: "ok",
        version,
        uptimeSeconds: expect.any(Number),
        redis: {
          state: "Connected",
          available: true,
          connected: true,
          latencyMillis: 0.5,
          bufferedAmount: 0,
          server: { name: "Redis", version: "7.0.15" },
          cause: null,
          limitations: []
        },
        database: { status: "ok", latencyMillis: expect.any(Number) },
        cache: expect.objectContaining({ available: true, hits: 3, misses: 4 })
      })
    })
  )

  it.live("is degraded, and still 200, while Redis is away, and says why it is", () =>
    Effect.gen(function* () {
      const [alive, detailed] = yield* health({ redis: down })
      expect(alive.status).toBe(200)
      expect(detailed.status).toBe(200)
      expect(detailed.json).toMatchObject({
        status: "degraded",
        redis: { state: "Unavailable", available: false, cause: expect.stringContaining("nothing accepts connections") }
      })
    })
  )

  const reached = ConnectionState.Connected({ generation: 1 })
  const primary = (port: number, rest: Partial<NodeStatus>): NodeStatus => ({
    address: `10.0.0.1:${port}`,
    state: reached,
    circuit: "Closed",
    latency: Option.some(Duration.millis(0.5)),
    slots: [[0, 99]],
    ...rest
  })

  it.live("shows each primary of a cluster, and is degraded while one of them takes no commands", () =>
    Effect.gen(function* () {
      const [, whole] = yield* health({ redis: { ...status, nodes: [primary(1, {}), primary(2, { slots: [] })] } })
      expect(whole.json).toMatchObject({
        status: "ok",
        redis: {
          nodes: [
            { address: "10.0.0.1:1", state: "Connected", circuit: "Closed", latencyMillis: 0.5, slots: [[0, 99]] },
            { address: "10.0.0.1:2", slots: [] }
          ]
        }
      })
      const away = primary(2, { state: down.state, latency: Option.none() })
      const [, without] = yield* health({
        redis: { ...status, state: down.state, nodes: [primary(1, {}), away] }
      })
      expect(without.status).toBe(200)
      expect(without.json).toMatchObject({
        status: "degraded",
        redis: {
          available: true,
          cause: expect.stringContaining("nothing accepts connections"),
          nodes: [{ state: "Connected" }, { state: "Unavailable", latencyMillis: null }]
        }
      })
      const [, refusing] = yield* health({
        redis: { ...status, nodes: [primary(1, {}), primary(2, { circuit: "Open" })] }
      })
      expect(refusing.json).toMatchObject({ status: "degraded", redis: { nodes: [{}, { circuit: "Open" }] } })
    })
  )

  it.live("shows what the server refuses of what the toolkit needs, and what to do", () =>
    Effect.gen(function* () {
      const limitations = [{ command: "EVAL", reason: "Unknown", advice: "load its Lua module" }] as const
      const [, detailed] = yield* health({ redis: { ...status, limitations } })
      expect(detailed.json).toMatchObject({ status: "ok", redis: { limitations } })
    })
  )

  it.live("is down, with 503, when the database fails, while the process still counts as alive", () =>
    Effect.gen(function* () {
      const [alive, detailed] = yield* health({
        ping: Effect.fail(new DatabaseError({ operation: "ping", detail: "/secret/path" }))
      })
      expect(alive.status).toBe(200)
      expect(detailed.status).toBe(503)
      expect(detailed.json).toMatchObject({ status: "down", database: { status: "down" } })
      expect(detailed.text).not.toContain("secret")
    })
  )

  it.effect(
    "knows the database without waiting for it, and takes it for down when a probe stays without an answer",
    () =>
      Effect.gen(function* () {
        const answered = yield* Effect.makeLatch(false)
        let probes = 0
        const stub = Effect.flatMap(Database, ({ ping }) =>
          DependencyHealth.make({ name: "database", ping, isOpen: true })
        ).pipe(
          Effect.provide(
            database({
              ping: Effect.zipRight(
                Effect.sync(() => probes++),
                answered.await
              )
            })
          )
        )
        const check = yield* stub
        const checked = Effect.gen(function* () {
          const fiber = yield* Effect.fork(check)
          yield* TestClock.adjust("50 millis")
          return Option.isSome(yield* Fiber.join(fiber))
        })
        expect(yield* checked).toBe(true)
        yield* TestClock.adjust("2 seconds")
        expect(yield* checked).toBe(false)
        expect(yield* checked).toBe(false)
        expect(probes).toBe(1)
        yield* answered.open
        expect([yield* checked, yield* checked]).toEqual([true, true])
        expect(probes).toBe(2)
      }).pipe(Effect.scoped)
  )

  for (const [what, headers] of [
    ["without a token", {}],
    ["with a wrong token", { authorization: "Bearer guess" }]
  ] as const) {
    it.live(`tells strangers only the status (${what})`, () =>
      Effect.gen(function* () {
        const [, well] = yield* health({}, headers)
        expect([well.status, well.json]).toEqual([200, { status: "ok" }])
        const [, degraded] = yield* health({ redis: down }, headers)
        expect([degraded.status, degraded.json]).toEqual([200, { status: "degraded" }])
        const ping = Effect.fail(new DatabaseError({ operation: "ping", detail: "away" }))
        const [, dead] = yield* health({ ping }, headers)
        expect([dead.status, dead.json]).toEqual([503, { status: "down" }])
      })
    )
  }

  const probe = (
    name: string,
    options: { readonly redis?: RedisStatus; readonly ping?: Effect.Effect<void, DatabaseError> } = {}
  ) =>
    Effect.map(TestServer.get(`/api/health/${name}`), ({ json, status }) => [status, json]).pipe(
      Effect.provide(
        TestServer.layer(
          Layer.mergeAll(players(), cache(), database({ ping: options.ping ?? Effect.void }), redis(options.redis))
        )
      )
    )

  it.live("answers the probes of Kubernetes, and is ready while Redis is away", () =>
    Effect.gen(function* () {
      for (const name of ["live", "ready", "startup"]) expect(yield* probe(name)).toEqual([200, { status: "ok" }])
      expect(yield* probe("ready", { redis: down })).toEqual([200, { status: "degraded" }])
      expect(yield* probe("live", { redis: down })).toEqual([200, { status: "ok" }])
      const ping = Effect.fail(new DatabaseError({ operation: "ping", detail: "away" }))
      expect(yield* probe("ready", { ping })).toEqual([503, { status: "down", failed: ["database"] }])
      expect(yield* probe("startup", { ping })).toEqual([503, { status: "starting", failed: ["database"] }])
      expect(yield* probe("live", { ping })).toEqual([200, { status: "ok" }])
    })
  )
})
