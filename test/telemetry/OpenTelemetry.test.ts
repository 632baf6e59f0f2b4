import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import * as RedisConfig from "../../src/redis/RedisConfig.js"
import * as OpenTelemetry from "../../src/telemetry/OpenTelemetry.js"
import * as CacheWorld from "../support/cache/CacheWorld.js"
import { connected } from "../support/server/clientLayers.js"
import * as RedisServer from "../support/server/RedisServer.js"
import { until } from "../support/until.js"
import * as Collector from "./support/Collector.js"

const secret = "s3cr3t"

/** Three callers of one missing key at once, and one of each other operation below a span. */
const traced = Effect.gen(function* () {
  const redis = yield* RedisClient
  const latch = yield* Effect.makeLatch(false)
  const { cache, name } = CacheWorld.make({ [secret]: 1 }, (database) => ({
    local: { capacity: 10, timeToLive: "1 minute" },
    lookup: (id) => Effect.zipRight(Effect.withSpan(latch.await, "query"), database.lookup(id))
  }))
  const profiles = yield* cache()
  const callers = yield* Effect.forEach([1, 2, 3], (caller) =>
    Effect.fork(Effect.withSpan(profiles.get(secret), `caller ${caller}`))
  )
  yield* until("all callers wait", () => Effect.map(profiles.stats, ({ misses }) => misses === 3))
  yield* latch.open
  yield* Effect.forEach(callers, Fiber.join)
  yield* CacheWorld.inLocalTier(profiles, secret)
  const limiter = yield* RateLimiter.make
  const locks = yield* DistributedLock.make
  const limit = RateLimiter.fixedWindow({ limit: 5, window: "1 minute", onUnavailable: "deny" })
  yield* Effect.withSpan(
    Effect.gen(function* () {
      yield* profiles.get(secret)
      yield* redis.get(secret)
      yield* Effect.flip(redis.send("NONSENSE", secret))
      yield* limiter.consume(secret, limit)
      yield* locks.withLock(secret, { timeToLive: "1 second", maxWait: 0 })(Effect.void)
      yield* profiles.invalidate(secret)
    }),
    "request"
  )
  // without a span of its own a caller is not traced
  yield* redis.get("untraced")
  return name
})

/** Runs the program with the layer, and answers the spans that the collector has received when it has ended. */
const received = (settings: Readonly<Record<string, string>>, options: OpenTelemetry.Options = {}) =>
  Effect.gen(function* () {
    const collector = yield* Collector.make
    yield* Collector.variables({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      ...settings
    })
    const server = yield* RedisServer.make()
    const address = yield* RedisConfig.fromUrl(Redacted.make(server.url))
    const name = yield* traced.pipe(
      Effect.scoped,
      Effect.provide(connected(address)),
      Effect.provide(OpenTelemetry.layer({ serviceName: "shop", ...options }))
    )
    const spans = yield* collector.spans
    const named = (wanted: string) => spans.filter((span) => span.name === wanted)
    const only = (wanted: string) => {
      const [found, ...others] = named(wanted)
      if (found === undefined || others.length > 0) throw new Error(`${others.length + 1} spans ${wanted}`)
      return found
    }
    return { name, port: server.port, spans, named, only, bodies: collector.bodies }
  })

describe.skipIf(RedisServer.skipReason !== undefined)("OpenTelemetry over OTLP", () => {
  it.scopedLive("has one span for a lookup, below its first caller and linked to every caller that waited", () =>
    Effect.gen(function* () {
      const { name, named, only, spans } = yield* received({})
      const lookup = only("cache.lookup")
      const misses = named("cache.get").filter(({ attributes }) => attributes["cache.hit"] === false)
      expect(misses.length).toBe(3)
      expect([...lookup.links].sort()).toEqual(misses.map(({ id }) => id).sort())
      expect(lookup.attributes).toEqual({ "cache.name": name, "cache.callers": 3 })
      const first = misses.find(({ id }) => id === lookup.parent)
      expect(first?.traceId).toBe(lookup.traceId)
      expect(only("query").parent).toBe(lookup.id)
      for (const miss of misses) {
        expect(miss.attributes).toEqual({ "cache.name": name, "cache.hit": false, "cache.source": "lookup" })
        expect(spans.find(({ id }) => id === miss.parent)?.name).toMatch(/^caller \d$/)
      }
      expect(new Set(spans.map(({ service }) => service))).toEqual(new Set(["shop"]))
    })
  )

  it.scopedLive("has a span of each command and operation below its caller, without keys", () =>
    Effect.gen(function* () {
      const { name, only, port, spans } = yield* received({})
      const request = only("request")
      const below = (wanted: string) => spans.filter((span) => span.name === wanted && span.parent === request.id)
      const command = {
        "db.system.name": "redis",
        "db.namespace": "0",
        "server.address": "127.0.0.1",
        "server.port": String(port)
      }
      expect(below("cache.get")).toMatchObject([
        { attributes: { "cache.name": name, "cache.hit": true, "cache.source": "local" } }
      ])
      expect(below("GET")).toMatchObject([{ kind: 3, attributes: { ...command, "db.operation.name": "GET" } }])
      expect(below("NONSENSE")).toMatchObject([
        {
          kind: 3,
          status: 2,
          attributes: { ...command, "error.type": "RedisServerError", "db.response.status_code": "ERR" }
        }
      ])
      expect(below("ratelimit.consume")).toMatchObject([
        { attributes: { "ratelimit.algorithm": "FixedWindow", "ratelimit.allowed": true, "ratelimit.by": "redis" } }
      ])
      expect(below("lock.acquire")).toMatchObject([{ attributes: { "lock.kind": "lock" } }])
      expect(below("cache.remove")).toMatchObject([{ attributes: { "cache.name": name } }])
      const [limit] = below("ratelimit.consume")
      const script = spans.find(({ parent }) => parent === limit?.id)
      expect(script).toMatchObject({ kind: 3, attributes: { "db.stored_procedure.name": expect.any(String) } })
      expect(spans.filter(({ name, parent }) => name === "GET" && parent === undefined)).toEqual([])
      expect(JSON.stringify(spans)).not.toContain(secret)
    })
  )

  it.scopedLive("shows keys where they are asked for", () =>
    Effect.gen(function* () {
      const { name, only, spans } = yield* received({}, { keys: true })
      expect(only("cache.lookup").attributes["cache.key"]).toBe(`${name}:${secret}`)
      expect(only("lock.acquire").attributes["lock.key"]).toBe(secret)
      expect(only("ratelimit.consume").attributes["ratelimit.key"]).toBe(secret)
      const reads = spans.filter((span) => span.name === "cache.get")
      expect(new Set(reads.map(({ attributes }) => attributes["cache.key"]))).toEqual(new Set([`${name}:${secret}`]))
    })
  )

  it.scopedLive("traces no caller that the sampler leaves out", () =>
    Effect.gen(function* () {
      const { bodies } = yield* received({ OTEL_TRACES_SAMPLER: "always_off" })
      expect(bodies.filter(({ path }) => path === "/v1/traces")).toEqual([])
      expect(bodies.some(({ path }) => path === "/v1/metrics")).toBe(true)
    })
  )

  it.scopedLive("exports protobuf unless JSON is asked for, and metrics with their units", () =>
    Effect.gen(function* () {
      const { bodies } = yield* received({ OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" })
      const types = new Set(bodies.map(({ path, type }) => `${path} ${type}`))
      expect(types).toEqual(new Set(["/v1/traces application/x-protobuf", "/v1/metrics application/x-protobuf"]))
      const json = yield* received({ OTEL_TRACES_EXPORTER: "none" })
      const metrics = json.bodies.filter(({ path }) => path === "/v1/metrics").map(({ text }) => text)
      expect(metrics.join("")).toMatch(/"name":"db\.client\.operation\.duration"[^{}]*"unit":"s"/)
      expect(json.bodies.every(({ path }) => path === "/v1/metrics")).toBe(true)
    })
  )

  it.scopedLive("exports nothing without an endpoint, or where it is disabled", () =>
    Effect.gen(function* () {
      const disabled = yield* received({ OTEL_SDK_DISABLED: "true" })
      expect(disabled.bodies).toEqual([])
      const unset = yield* received({ OTEL_EXPORTER_OTLP_ENDPOINT: "" })
      expect(unset.bodies).toEqual([])
    })
  )

  it.scopedLive("rejects a protocol that it does not speak, and names the variable", () =>
    Effect.gen(function* () {
      yield* Collector.variables({
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
        OTEL_EXPORTER_OTLP_PROTOCOL: "grpc"
      })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(OpenTelemetry.layer())))
      expect(String(error)).toContain("OTEL_EXPORTER_OTLP_PROTOCOL")
    })
  )
})
