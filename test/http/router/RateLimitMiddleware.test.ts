import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MemoryRedis, RateLimiter, RuntimeSettings } from "effect-cache-toolkit"
import { RateLimitMiddleware } from "effect-cache-toolkit/http"
import { settle } from "../../support/until.js"

const limiter = Layer.provide(RateLimiter.layer, MemoryRedis.layer())

const twoAMinute = { limit: 2, window: "1 minute", onUnavailable: "deny" } as const

const clientOf: RateLimitMiddleware.Options["clientOf"] = ({ headers }) => headers["x-api-key"] ?? "anonymous"

/** Sends one request of a client to a route behind a limit. */
const serve = Effect.fnUntraced(function* (
  name: string,
  limit: RateLimitMiddleware.Options["limit"],
  ...others: ReadonlyArray<RateLimitMiddleware.Options>
) {
  const first = { name, limit, clientOf }
  const limited = yield* RateLimitMiddleware.make(others.length === 0 ? first : [first, ...others])
  const runs: Array<string> = []
  const route = Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => {
    runs.push(url)
    return HttpServerResponse.text("hello")
  })
  const handle = HttpApp.toWebHandlerRuntime(yield* Effect.runtime<never>())(
    Effect.catchTag(limited(route), "RateLimitExceeded", ({ message }) =>
      HttpServerResponse.text(message, { status: 429 })
    )
  )
  const send = (key: string) =>
    Effect.promise(() => handle(new Request("http://localhost/", { headers: { "x-api-key": key } })))
  return { runs, send }
})

describe("the rate limit of a router", () => {
  it.scoped("reports what is left to each client, and rejects a request over the limit before its route runs", () =>
    Effect.gen(function* () {
      const { runs, send } = yield* serve("requests", RateLimiter.fixedWindow(twoAMinute))
      expect((yield* send("a")).headers.get("ratelimit")).toMatch(/^"requests";r=1;t=\d+$/)
      expect((yield* send("a")).headers.get("ratelimit")).toMatch(/^"requests";r=0;t=\d+$/)
      const rejected = yield* send("a")
      expect([rejected.status, rejected.headers.get("ratelimit-policy")]).toEqual([429, `"requests";q=2;w=60`])
      expect(Number(rejected.headers.get("retry-after"))).toBeGreaterThan(0)
      expect((yield* send("b")).status).toBe(200)
      expect(runs.length).toBe(3)
    }).pipe(Effect.provide(limiter))
  )

  it.scoped("counts apart from a limit of another name, and names the time of the next request that it allows", () =>
    Effect.gen(function* () {
      const limit = RateLimiter.tokenBucket(twoAMinute)
      const [pages, searches] = [yield* serve("pages", limit), yield* serve("searches", limit)]
      const first = [yield* pages.send("a"), yield* pages.send("a"), yield* searches.send("a")]
      expect(first.map(({ status }) => status)).toEqual([200, 200, 200])
      const rejected = yield* pages.send("a")
      // one token comes back in half of the window, all of them in the whole
      expect([rejected.status, rejected.headers.get("retry-after")]).toEqual([429, "30"])
      expect(rejected.headers.get("ratelimit")).toBe(`"pages";r=0;t=60`)
      expect(yield* Effect.promise(() => rejected.text())).toContain("30s")
    }).pipe(Effect.provide(limiter))
  )

  it.scoped("of 0 names no time after which a request would be allowed", () =>
    Effect.gen(function* () {
      const { send } = yield* serve("requests", RateLimiter.fixedWindow({ ...twoAMinute, limit: 0 }))
      const { headers, status } = yield* send("a")
      expect([status, headers.get("retry-after")]).toEqual([429, null])
      expect(headers.get("ratelimit")).toMatch(/^"requests";r=0;t=\d+$/)
    }).pipe(Effect.provide(limiter))
  )

  it.scoped("under several limits reports each, the tightest first, and charges a rejected request to none", () =>
    Effect.gen(function* () {
      const second = RateLimiter.tokenBucket({ name: "burst", limit: 2, window: "10 seconds", onUnavailable: "deny" })
      const day = RateLimiter.tokenBucket({ name: "day", limit: 8, window: "1 day", onUnavailable: "deny" })
      const { runs, send } = yield* serve("requests", [day, second])
      const first = yield* send("a")
      expect(first.headers.get("ratelimit-policy")).toBe('"burst";q=2;w=10, "day";q=8;w=86400')
      expect(first.headers.get("ratelimit")).toBe('"burst";r=1;t=5, "day";r=7;t=10800')
      yield* send("a")
      const rejected = yield* send("a")
      expect([rejected.status, rejected.headers.get("retry-after")]).toEqual([429, "5"])
      expect(rejected.headers.get("ratelimit")).toBe('"burst";r=0;t=10, "day";r=6;t=21600')
      expect(yield* Effect.promise(() => rejected.text())).toContain('"requests:a"')
      expect(runs.length).toBe(2)
    }).pipe(Effect.provide(limiter))
  )

  it.scoped("may be under limits of several clients, such as each user and all together", () =>
    Effect.gen(function* () {
      const { send } = yield* serve("user", RateLimiter.fixedWindow(twoAMinute), {
        name: "all",
        limit: RateLimiter.fixedWindow({ ...twoAMinute, limit: 3 }),
        clientOf: () => "everyone"
      })
      const [first, second, third, fourth] = [yield* send("a"), yield* send("a"), yield* send("a"), yield* send("b")]
      expect([first, second, third, fourth].map(({ status }) => status)).toEqual([200, 200, 429, 200])
      expect(third.headers.get("ratelimit")).toMatch(/^"user";r=0;t=\d+, "all";r=1;t=\d+$/)
      expect((yield* send("c")).headers.get("ratelimit")).toMatch(/^"all";r=0;t=\d+, "user";r=2;t=0$/)
    }).pipe(Effect.provide(limiter))
  )

  it.scoped("reports the numbers that are set at run time, and decides by them", () =>
    Effect.gen(function* () {
      const set = (limit: string, values: RuntimeSettings.LimitValues) =>
        Effect.zipRight(RuntimeSettings.setLimit(limit, values, { by: "ada" }), settle)
      const named = (name: string) => RateLimiter.fixedWindow({ ...twoAMinute, name })
      const one = yield* serve("requests", named("pages"))
      const several = yield* serve("requests", [named("searches"), named("day")])
      expect((yield* one.send("a")).headers.get("ratelimit-policy")).toBe('"pages";q=2;w=60')
      yield* set("pages", { limit: 1, window: "30 seconds" })
      yield* set("day", { limit: 1 })
      const rejected = yield* one.send("a")
      expect([rejected.status, rejected.headers.get("ratelimit-policy")]).toEqual([429, '"pages";q=1;w=30'])
      expect(rejected.headers.get("retry-after")).toBe("30")
      expect((yield* several.send("a")).headers.get("ratelimit-policy")).toBe('"day";q=1;w=60, "searches";q=2;w=60')
      const { headers, status } = yield* several.send("a")
      expect([status, headers.get("ratelimit-policy")]).toEqual([429, '"day";q=1;w=60, "searches";q=2;w=60'])
      yield* RuntimeSettings.unsetLimit("day", { by: "ada" })
      yield* settle
      expect((yield* several.send("a")).status).toBe(200)
    }).pipe(
      Effect.provide(Layer.provideMerge(Layer.merge(RateLimiter.layer, RuntimeSettings.layer), MemoryRedis.layer()))
    )
  )

  it.effect("is not built of two policies with one name", () =>
    Effect.gen(function* () {
      const limit = RateLimiter.fixedWindow(twoAMinute)
      const made = RateLimitMiddleware.make({ name: "a", limit: [limit, limit], clientOf })
      const cause = yield* Effect.flip(Effect.sandbox(made))
      expect(String(Cause.squash(cause))).toContain("give each of several limits its own `name`")
    }).pipe(Effect.provide(limiter))
  )

  it.effect.each(["", "a\nb", 'a"b', "a\\b", "é", "a\ud800"])(
    "is not built under the name %j, which no header carries",
    (name) =>
      Effect.gen(function* () {
        const limit = RateLimiter.fixedWindow(twoAMinute)
        const cause = yield* Effect.flip(Effect.sandbox(RateLimitMiddleware.make({ name, limit, clientOf: () => "a" })))
        expect(String(Cause.squash(cause))).toContain("RateLimitMiddleware: option `name` is")
      }).pipe(Effect.provide(limiter))
  )
})
