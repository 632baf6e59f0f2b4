import { createServer } from "node:http"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CacheSample from "../../src/cli/live/CacheSample.js"
import * as Frame from "../../src/cli/live/Frame.js"
import * as RunCli from "../support/cli/RunCli.js"
import * as RedisServer from "../support/server/RedisServer.js"

const latency = { count: 1, mean: 1, p50: 1.5, p99: 9.5, max: 10 }

const statsOf = (name: string, counts: Partial<CacheSample.Stats> = {}): CacheSample.Stats => ({
  name,
  hitsLocal: 0,
  hitsRedis: 0,
  misses: 0,
  staleServed: 0,
  degraded: 0,
  lookups: 0,
  lookupFailures: 0,
  local: 0,
  outbox: 0,
  redisLatency: latency,
  lookupLatency: latency,
  ...counts
})

/** An application that answers its statistics, each time of a moment later. */
const applicationOf = (answer: (nth: number) => unknown) =>
  Effect.acquireRelease(
    Effect.async<readonly [url: string, close: () => void]>((resume) => {
      let nth = 0
      const server = createServer((_, response) => response.end(JSON.stringify(answer(nth++))))
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const close = () => {
          server.close()
          server.closeAllConnections()
        }
        resume(Effect.succeed([`http://127.0.0.1:${port}/api/cache/stats`, close]))
      })
    }),
    ([, close]) => Effect.sync(close)
  ).pipe(Effect.map(([url]) => url))

const enter = "\u001b[?1049h\u001b[?25l"
const leave = "\u001b[?25h\u001b[?1049l"

describe("effect-cache top", () => {
  it("counts what has happened between two samples, also where the process has restarted", () => {
    const before = statsOf("user", { hitsLocal: 100, hitsRedis: 10, misses: 10, lookups: 10 })
    const now = statsOf("user", { hitsLocal: 160, hitsRedis: 40, misses: 20, lookups: 30, local: 7, outbox: 2 })
    expect(CacheSample.row(before, now, 2)).toMatchObject({
      readsPerSecond: 50,
      local: 0.6,
      redis: 0.3,
      missed: 0.1,
      lookupsPerSecond: 10,
      redisP50: 1.5,
      redisP99: 9.5,
      localEntries: 7,
      outbox: 2
    })
    expect(CacheSample.row(now, before, 1)).toMatchObject({ readsPerSecond: 120, lookupsPerSecond: 10 })
    expect(CacheSample.row(before, before, 1)).toMatchObject({ readsPerSecond: 0, local: 0 })
  })

  it("shows the busiest cache first, and nothing beyond the terminal", () => {
    const rows = ["idle", "busy"].map((name, i) => CacheSample.row(undefined, statsOf(name, { hitsLocal: i }), 1))
    const lines = Frame.lines({ time: "now", servers: [], caches: rows, problems: [] })
    expect(lines.map((line) => line.split(" ")[0])).toEqual(["effect-cache", "", "CACHE", "busy", "idle"])
    const fitted = Frame.fitted(lines, 20, 4).split("\r\n")
    expect(fitted).toHaveLength(4)
    expect(fitted.at(-1)).toBe("q or Ctrl-C quits")
    for (const line of fitted) expect(line.length).toBeLessThanOrEqual(20)
  })

  it.scopedLive("prints one picture of servers and caches where there is no terminal, as text or as JSON", (context) =>
    Effect.gen(function* () {
      if (RedisServer.skipReason !== undefined) return context.skip(RedisServer.skipReason)
      const { url } = yield* RedisServer.make()
      const application = yield* applicationOf((nth) => ({ caches: [statsOf("user", { hitsLocal: 100 * nth })] }))
      const words = ["top", "--url", application, "--interval", "100 millis"]
      const output = yield* RunCli.run({ REDIS_URL: url }, ...words, "--json")
      expect(RunCli.json(output)).toMatchObject({
        servers: [
          { state: "Connected", circuit: "Closed", clients: expect.any(Number), usedBytes: expect.any(Number) }
        ],
        caches: [{ name: "user", local: 1 }],
        problems: []
      })
      const text = yield* RunCli.run({ REDIS_URL: url }, ...words, "--count", "2")
      expect(text.out.filter((line) => line.startsWith("effect-cache top"))).toHaveLength(2)
      expect(text.all).toMatch(/user +\S+ +100% +0%/)
    })
  )

  for (const [key, name] of [
    [{ name: "q", ctrl: false }, "q"],
    [{ name: "c", ctrl: true }, "Ctrl-C"]
  ] as const) {
    it.scopedLive(`draws picture after picture at a terminal until ${name}, and gives the terminal back`, (context) =>
      Effect.gen(function* () {
        if (RedisServer.skipReason !== undefined) return context.skip(RedisServer.skipReason)
        const { url } = yield* RedisServer.make()
        let pictures = 0
        const output = yield* RunCli.runAnswering(
          (displayed) => (displayed.includes("SERVER") && ++pictures === 3 ? key : undefined),
          { REDIS_URL: url },
          ...["top", "--interval", "100 millis"]
        )
        expect(output.exitCode).toBe(0)
        expect(pictures).toBeGreaterThanOrEqual(3)
        const whole = output.out.join("\n")
        expect(whole.startsWith(enter)).toBe(true)
        expect(whole.endsWith(leave)).toBe(true)
      })
    )
  }

  it.scopedLive("shows why caches are missing while the application is away, and continues", (context) =>
    Effect.gen(function* () {
      if (RedisServer.skipReason !== undefined) return context.skip(RedisServer.skipReason)
      const { url } = yield* RedisServer.make()
      const application = yield* applicationOf((nth) => (nth === 2 ? "restarting" : { caches: [statsOf("user")] }))
      const words = ["top", "--url", application, "--interval", "100 millis", "--count", "2"]
      const { all, exitCode } = yield* RunCli.run({ REDIS_URL: url }, ...words)
      expect(exitCode).toBe(0)
      expect(all).toContain("answers no statistics of caches")
      expect(all).toMatch(/^user /m)
    })
  )

  it.scopedLive("says at once that an address gives no statistics, or that an interval is none", (context) =>
    Effect.gen(function* () {
      if (RedisServer.skipReason !== undefined) return context.skip(RedisServer.skipReason)
      const { url } = yield* RedisServer.make()
      const variables = { REDIS_URL: url }
      const away = yield* RunCli.run(variables, "top", "--url", "http://127.0.0.1:1/")
      expect(away).toMatchObject({ exitCode: 3, err: [expect.stringContaining("does not answer")] })
      const other = yield* applicationOf(() => ({ hello: "world" }))
      expect((yield* RunCli.run(variables, "top", "--url", other)).exitCode).toBe(1)
      expect((yield* RunCli.run(variables, "top", "--url", "nowhere")).exitCode).toBe(2)
      expect((yield* RunCli.run(variables, "top", "--interval", "soon")).exitCode).toBe(2)
    })
  )
})

describe("effect-cache bench", () => {
  it.scopedLive("measures the operations beside PING, and leaves no key on the server", (context) =>
    Effect.gen(function* () {
      if (RedisServer.skipReason !== undefined) return context.skip(RedisServer.skipReason)
      const { send, url } = yield* RedisServer.make()
      const words = ["bench", "--samples", "20", "--concurrency", "4"]
      const output = yield* RunCli.run({ REDIS_URL: url }, ...words, "--json")
      const positive = expect.toSatisfy((value: unknown) => typeof value === "number" && value > 0)
      const row = { p50: positive, p99: positive, max: positive, perSecond: positive, besidePing: positive }
      expect(RunCli.json(output)).toEqual({
        ...{ samples: 20, concurrency: 4, valueBytes: 256 },
        measured: [
          { operation: "PING", ...row, besidePing: 1 },
          { operation: "GET", ...row },
          { operation: "SET", ...row },
          { operation: "cached read from Redis", ...row },
          { operation: "cached write", ...row },
          { operation: "rate limit", ...row },
          { operation: "lock and release", ...row }
        ]
      })
      expect(yield* send("DBSIZE")).toBe(0)
      expect((yield* RunCli.run({ REDIS_URL: url }, ...words)).out[0]).toMatch(/^OPERATION +P50 MS/)
    })
  )

  it.live("ends with 2 for a number below 1", () =>
    Effect.gen(function* () {
      const { exitCode } = yield* RunCli.run({ REDIS_URL: "redis://127.0.0.1:1" }, "bench", "--samples", "0")
      expect(exitCode).toBe(2)
    })
  )
})
