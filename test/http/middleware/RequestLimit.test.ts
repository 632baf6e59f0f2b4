import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import { networkOf } from "../../../src/http/middleware/RequestLimit.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import {
  RedisAuthError,
  RedisProtocolError,
  RedisServerError,
  RedisUnavailable
} from "../../../src/redis/RedisError.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import * as FailingRedis from "../../support/faults/FailingRedis.js"
import * as stubs from "../support/stubs.js"
import * as TestServer from "../support/TestServer.js"

const token = "open-sesame"

/** A server in the time of the test. */
const serving = (settings: Record<string, string>, redis = MemoryRedis.layer()) =>
  TestServer.layer(Layer.mergeAll(stubs.players(), stubs.cache(), stubs.database(), redis), settings)

const get = (headers: Record<string, string> = {}) => TestServer.get("/api/counters", headers)

const statuses = (count: number, headers: Record<string, string> = {}) =>
  Effect.map(Effect.replicateEffect(get(headers), count), (answers) => answers.map(({ status }) => status))

describe("a limit of 3 requests in 30 seconds", () => {
  const limited = serving({ HTTP_RATE_LIMIT: "3/30", API_TOKEN: token })

  it.scoped("reports what is left to each client, rejects it at zero, and allows it again at the reported time", () =>
    Effect.gen(function* () {
      for (const [left, reset] of [
        [2, 10],
        [1, 20],
        [0, 30]
      ] as const) {
        const { headers, status } = yield* get()
        expect(status).toBe(200)
        expect(headers.get("ratelimit-policy")).toBe(`"requests";q=3;w=30`)
        expect(headers.get("ratelimit")).toBe(`"requests";r=${left};t=${reset}`)
        expect(headers.get("retry-after")).toBeNull()
      }
      const rejected = yield* get()
      expect(rejected.status).toBe(429)
      expect(rejected.headers.get("content-type")).toBe("application/problem+json")
      expect(rejected.headers.get("ratelimit-policy")).toBe(`"requests";q=3;w=30`)
      expect(rejected.headers.get("ratelimit")).toBe(`"requests";r=0;t=30`)
      expect(rejected.headers.get("retry-after")).toBe("10")
      expect(rejected.json).toEqual({
        _tag: "TooManyRequests",
        type: "urn:problem-type:too-many-requests",
        title: "The client has sent too many requests",
        status: 429,
        detail: expect.stringContaining("Retry-After"),
        retryAfter: 10_000
      })
      yield* TestClock.adjust("500 millis")
      // 9.5 and 29.5 seconds: a client that waits as long as the header says does not come too early
      const later = yield* get()
      expect(later.headers.get("retry-after")).toBe("10")
      expect(later.headers.get("ratelimit")).toBe(`"requests";r=0;t=30`)
      yield* TestClock.adjust("8500 millis")
      const last = yield* get()
      expect(last.headers.get("retry-after")).toBe("1")
      const retryAfter = Duration.seconds(Number(last.headers.get("retry-after")))
      yield* TestClock.adjust(Duration.subtract(retryAfter, "1 millis"))
      expect((yield* get()).headers.get("retry-after")).toBe("1")
      yield* TestClock.adjust("1 millis")
      expect(yield* statuses(2)).toEqual([200, 429])
    }).pipe(Effect.provide(limited))
  )

  it.scoped("holds for everything but the health checks", () =>
    Effect.gen(function* () {
      expect((yield* TestServer.get("/nothing/here")).status).toBe(404)
      expect((yield* TestServer.get("/docs")).status).toBe(200)
      expect((yield* TestServer.request("POST", "/api/users")).status).toBe(401)
      expect((yield* get()).status).toBe(429)
      for (const path of ["/api/healthy", "/api/users/api/health", "/docs"]) {
        expect((yield* TestServer.get(path)).status).toBe(429)
      }
      for (const path of ["/api/health", "/api/health/detailed", "/api/health?x=1"]) {
        const { headers, status } = yield* TestServer.get(path)
        expect([path, status, headers.get("ratelimit")]).toEqual([path, 200, null])
      }
    }).pipe(Effect.provide(limited))
  )

  it.scoped("goes by the socket, whatever a client writes into its headers", () =>
    Effect.gen(function* () {
      yield* statuses(3)
      for (const headers of [
        { "x-forwarded-for": "192.0.2.1" },
        { forwarded: "for=192.0.2.1" },
        { "x-real-ip": "192.0.2.1" },
        { authorization: "Bearer guess-1" },
        { authorization: "Bearer guess-2" },
        { authorization: `Basic ${token}` }
      ]) {
        expect([headers, (yield* get(headers)).status]).toEqual([headers, 429])
      }
    }).pipe(Effect.provide(limited))
  )

  it.scoped("gives the holder of the token a limit of its own", () =>
    Effect.gen(function* () {
      yield* statuses(4)
      const authorization = `Bearer ${token}`
      expect(yield* statuses(4, { authorization })).toEqual([200, 200, 200, 429])
    }).pipe(Effect.provide(limited))
  )

  it.scoped("stands beside the daily bonus in the headers", () =>
    Effect.gen(function* () {
      const claimed = yield* TestServer.request("POST", "/api/users/ada/daily-bonus", {
        headers: { authorization: `Bearer ${token}` }
      })
      const policies = (claimed.headers.get("ratelimit-policy") ?? "").split(", ")
      expect(policies.sort()).toEqual([`"daily-bonus";q=1;w=86400`, `"requests";q=3;w=30`])
      expect((claimed.headers.get("ratelimit") ?? "").split(", ")).toHaveLength(2)
    }).pipe(
      Effect.provide(
        TestServer.layer(
          Layer.mergeAll(
            stubs.players({ claimDailyBonus: () => Effect.succeed(100) }),
            stubs.cache(),
            stubs.database(),
            MemoryRedis.layer()
          ),
          { HTTP_RATE_LIMIT: "3/30", API_TOKEN: token }
        )
      )
    )
  )

  it.scoped("is kept by each process on its own while Redis is away", () =>
    Effect.gen(function* () {
      const failure = yield* FailingRedis.failure
      yield* Effect.gen(function* () {
        yield* statuses(2)
        yield* Ref.set(failure, Option.some(new RedisUnavailable({ reason: "Disconnected" })))
        expect(yield* statuses(5)).toEqual([200, 200, 200, 429, 429])
        yield* Ref.set(failure, Option.none())
        expect(yield* statuses(2)).toEqual([200, 429])
      }).pipe(
        Effect.provide(
          serving({ HTTP_RATE_LIMIT: "3/30", API_TOKEN: token }, FailingRedis.layer(failure, MemoryRedis.layer()))
        )
      )
    })
  )

  for (const error of [
    new RedisServerError({ command: "EVALSHA", code: "WRONGTYPE", detail: "" }),
    new RedisServerError({ command: "EVALSHA", code: "MOVED", detail: "" }),
    new RedisServerError({ command: "EVALSHA", code: "ERR", detail: "" }),
    new RedisAuthError({ reason: "NoPermission", detail: "" }),
    new RedisProtocolError({ command: "EVALSHA", detail: "" })
  ]) {
    it.scoped(`is kept by this process on its own where Redis fails it, and logged once (${error.message})`, () =>
      Effect.gen(function* () {
        const failure = yield* FailingRedis.failure
        const log = yield* CapturedLog.make
        yield* Effect.gen(function* () {
          yield* Ref.set(failure, Option.some(error))
          expect(yield* statuses(10)).toEqual([200, 200, 200, 429, 429, 429, 429, 429, 429, 429])
          yield* TestClock.adjust("59 seconds")
          expect(yield* statuses(4)).toEqual([200, 200, 200, 429])
        }).pipe(
          Effect.provide(
            serving({ HTTP_RATE_LIMIT: "3/30", API_TOKEN: token }, FailingRedis.layer(failure, MemoryRedis.layer()))
          ),
          Effect.provide(log.layer)
        )
        const said = log.lines.filter(({ level, text }) => level !== "DEBUG" && /HTTP_RATE_LIMIT/.test(text))
        // an answer that makes no sense is an outage to every limit
        expect(said).toHaveLength(error._tag === "RedisProtocolError" ? 0 : 1)
      })
    )
  }
})

describe("without a limit", () => {
  for (const settings of [{}, { HTTP_RATE_LIMIT: "" }, { HTTP_RATE_LIMIT: "0" }]) {
    it.scoped(`nobody is counted (${JSON.stringify(settings)})`, () =>
      Effect.gen(function* () {
        const answers = yield* Effect.replicateEffect(get(), 20)
        for (const { headers, status } of answers) expect([status, headers.get("ratelimit")]).toEqual([200, null])
      }).pipe(Effect.provide(TestServer.layer(stubs.services(), settings)))
    )
  }
})

describe("an HTTP_RATE_LIMIT that cannot be right", () => {
  for (const value of ["many", "10", "10/", "/10", "0/10", "10/0", "1.5/10", "-1/10", "10/10/10", "99999999/1"]) {
    it.scoped(`is rejected before the server listens (${value})`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Layer.build(TestServer.layer(stubs.services(), { HTTP_RATE_LIMIT: value })))
        expect(String(error)).toMatch(/HTTP_RATE_LIMIT.*as in 600\/60/s)
      })
    )
  }
})

describe("what a client is by its address", () => {
  it("is an IPv4 address, however it is written, and of an IPv6 address the network", () => {
    for (const [address, network] of [
      ["192.0.2.7", "192.0.2.7"],
      ["::ffff:192.0.2.7", "192.0.2.7"],
      ["::FFFF:192.0.2.7", "192.0.2.7"],
      ["::1", "0:0:0:0::"],
      ["2001:db8::1", "2001:db8:0:0::"],
      ["2001:DB8:0:0:1:2:3:4", "2001:db8:0:0::"],
      ["2001:0db8:0000:0001::", "2001:db8:0:1::"],
      ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"],
      ["2001:db8:1:2::9", "2001:db8:1:2::"],
      ["fe80::1%eth0", "fe80:0:0:0::"]
    ] as const) {
      expect([address, networkOf(address)]).toEqual([address, network])
    }
  })
})
