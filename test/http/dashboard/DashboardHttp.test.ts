import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { MemoryRedis, RateLimiter, RuntimeSettings } from "effect-cache-toolkit"
import { until } from "../../support/until.js"
import * as DashboardWorld from "./DashboardWorld.js"

const asHolder = { authorization: `Bearer ${DashboardWorld.token}` }

const withSettings = Layer.provideMerge(RuntimeSettings.layer, MemoryRedis.layer())

const start = Effect.map(DashboardWorld.make(withSettings), ({ limiter, origin, product }) => ({
  origin,
  product,
  limiter,
  limits: Effect.promise(async () => {
    const response = await fetch(`${origin}/dashboard/limits`, { headers: asHolder })
    return [response.status, (await response.json()) as unknown] as const
  }),
  settings: Effect.promise(async () => {
    const response = await fetch(`${origin}/dashboard/settings`, { headers: asHolder })
    return (await response.json()) as { readonly stored: Array<unknown>; readonly applied: Array<unknown> }
  }),
  change: (change: Record<string, unknown>) =>
    Effect.promise(async () => {
      const response = await fetch(`${origin}/dashboard/settings`, {
        method: "POST",
        headers: { ...asHolder, "content-type": "application/json" },
        body: JSON.stringify(change)
      })
      return [response.status, (await response.json()) as unknown] as const
    }),
  get: (path: string) => Effect.promise(() => fetch(`${origin}/dashboard${path}`, { headers: asHolder })),
  operate: (operation: Record<string, string>) =>
    Effect.promise(async () => {
      const response = await fetch(`${origin}/dashboard/operations`, {
        method: "POST",
        headers: { ...asHolder, "content-type": "application/json" },
        body: JSON.stringify(operation)
      })
      return [response.status, (await response.json()) as unknown] as const
    })
}))

describe("the dashboard over HTTP", () => {
  it.scopedLive("serves its page and files under a policy that allows no other host and no inline script", () =>
    Effect.gen(function* () {
      const { get } = yield* start
      for (const path of [
        "",
        "/dashboard.js",
        "/settings.js",
        "/dashboard.css",
        "/uPlot.iife.min.js",
        "/uPlot.min.css"
      ]) {
        const response = yield* get(path)
        expect([path, response.status]).toEqual([path, 200])
        const policy = response.headers.get("content-security-policy") ?? ""
        expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
        expect(policy).not.toMatch(/unsafe|http/)
        yield* Effect.promise(() => response.text())
      }
    })
  )

  it.scopedLive("lists the options of each cache with its advice, and hides what they hide", () =>
    Effect.gen(function* () {
      const { get } = yield* start
      const response = yield* get("/caches")
      const caches: unknown = yield* Effect.promise(() => response.json())
      expect(caches).toEqual([
        {
          name: "product",
          advice: [expect.stringContaining("local.timeToLive (1m) is longer than timeToLive (2s)")],
          options: [
            ["timeToLive", "2s"],
            ["staleFor", "1s"],
            ["tags", "a function"],
            ["local.capacity", "500"],
            ["local.timeToLive", "1m"]
          ]
        },
        { name: "stock", advice: [], options: [["timeToLive", "1s"]] }
      ])
    })
  )

  it.scopedLive("does an operation once its subject is repeated, and says why it does none", () =>
    Effect.gen(function* () {
      const { operate, product } = yield* start
      const problem = { problem: expect.any(String) }
      const clear = { cache: "product", action: "clear", subject: "product" }
      expect(yield* operate({ ...clear, confirm: "" })).toEqual([400, problem])
      expect(yield* operate(clear)).toEqual([400, problem])
      expect(yield* operate({ ...clear, subject: "stock", confirm: "stock" })).toEqual([400, problem])
      expect(yield* operate({ ...clear, cache: "nothing", confirm: "product" })).toEqual([404, problem])
      const control = { ...clear, action: "invalidate", subject: "a\u0000b", confirm: "a\u0000b" }
      expect(yield* operate(control)).toEqual([400, problem])
      expect((yield* product.stats).invalidations).toBe(0)
      const acknowledged = [200, { acknowledged: true }]
      expect(yield* operate({ ...clear, confirm: "product" })).toEqual(acknowledged)
      const tag = { ...clear, action: "invalidateTag", subject: "shelf:1", confirm: "shelf:1" }
      expect(yield* operate(tag)).toEqual(acknowledged)
      const key = { ...clear, action: "invalidate", subject: "product:p1", confirm: "product:p1" }
      expect(yield* operate(key)).toEqual(acknowledged)
      expect((yield* product.stats).invalidations).toBe(3)
    })
  )

  it.scopedLive("sets and removes options of a cache once its name is repeated, and says why it does not", () =>
    Effect.gen(function* () {
      const { change, origin, product, settings } = yield* start
      const set = { action: "set", cache: "product", by: "ada", confirm: "product" }
      const problem = (part: string) => [400, { problem: expect.stringContaining(part) }]
      expect(yield* change({ ...set, enabled: false, confirm: "" })).toEqual(problem("nothing was done"))
      expect(yield* change(set)).toEqual(problem("none of timeToLive"))
      expect(yield* change({ ...set, maxLookups: 0 })).toEqual(problem("`outage.maxLookups` is 0"))
      expect(yield* change({ ...set, timeToLive: "soon" })).toEqual(problem("as in 5 minutes"))
      expect(yield* change({ ...set, staleFor: "soon" })).toEqual(problem("staleFor"))
      expect(yield* change({ ...set, enabled: false, for: "-1 second" })).toEqual(problem("for"))
      expect(yield* change({ ...set, action: { toString: "" } })).toEqual(problem("cannot be decoded"))
      expect(yield* change({ ...set, enabled: false, by: "" })).toEqual(problem("an operator's name"))
      expect((yield* change({ ...set, cache: "nothing", confirm: "nothing", enabled: false }))[0]).toBe(404)
      expect(yield* settings).toEqual({ stored: [], applied: [] })
      const unguarded = yield* Effect.promise(() => fetch(`${origin}/dashboard/settings`, { method: "POST" }))
      expect(unguarded.status).toBe(401)

      const made = { cache: "product", option: "enabled", value: "off", by: "ada", at: expect.any(Number) }
      expect(yield* change({ ...set, enabled: false, for: "1 hour" })).toEqual([
        200,
        { made: [{ ...made, until: expect.any(Number) }] }
      ])
      yield* until("it is off", () => Effect.map(product.isAvailable, (isAvailable) => !isAvailable))
      expect(yield* settings).toMatchObject({ stored: [made], applied: [made] })
      expect(yield* change({ ...set, action: "unset" })).toEqual([200, { made: [] }])
      yield* until("it is on", () => product.isAvailable)
      expect(yield* settings).toEqual({ stored: [], applied: [] })
    })
  )

  it.scopedLive(
    "lists, sets and removes the numbers of limits that the process has used, and says why it does not",
    () =>
      Effect.gen(function* () {
        const { change, limiter, limits, origin, settings } = yield* start
        const mails = RateLimiter.fixedWindow({ name: "mails", limit: 2, window: "1 minute", onUnavailable: "deny" })
        const set = { action: "set", limit: "mails", by: "ada", confirm: "mails" }
        const problem = (part: string) => [400, { problem: expect.stringContaining(part) }]
        expect(yield* limits).toEqual([200, []])
        expect((yield* change({ ...set, most: 5 }))[0]).toBe(404)
        yield* limiter.consume("everyone", mails)
        const built = { most: 2, window: "1m", burst: 2 }
        const known = { limit: "mails", algorithm: "FixedWindow", built, applied: built, problem: null }
        expect(yield* limits).toEqual([200, [known]])
        expect(yield* change({ ...set, most: 5, confirm: "" })).toEqual(problem("nothing was done"))
        expect(yield* change(set)).toEqual(problem("none of limit, window and burst"))
        expect(yield* change({ ...set, most: -1 })).toEqual(problem("`limit` is -1"))
        expect(yield* change({ ...set, window: "soon" })).toEqual(problem("as in 5 minutes"))
        expect(yield* change({ ...set, burst: 5 })).toEqual(problem("only a token bucket has one"))
        expect(yield* settings).toEqual({ stored: [], applied: [] })
        const unguarded = yield* Effect.promise(() => fetch(`${origin}/dashboard/limits`))
        expect(unguarded.status).toBe(401)

        const made = { limit: "mails", option: "limit", value: "5", by: "ada", at: expect.any(Number), until: null }
        expect(yield* change({ ...set, most: 5 })).toEqual([200, { made: [made] }])
        yield* until("it is 5", () => Effect.map(limiter.applied(mails), ({ limit }) => limit === 5))
        expect(yield* limits).toEqual([200, [{ ...known, applied: { most: 5, window: "1m", burst: 5 } }]])
        expect(yield* settings).toEqual({ stored: [made], applied: [made] })
        expect(yield* change({ ...set, action: "unset" })).toEqual([200, { made: [] }])
        yield* until("it is 2", () => Effect.map(limiter.applied(mails), ({ limit }) => limit === 2))
      })
  )

  it.scopedLive("ends its events when the server ends, so that an open page does not hold it up", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { origin } = yield* Scope.extend(DashboardWorld.make(MemoryRedis.layer()), scope)
      const response = yield* Effect.promise(() => fetch(`${origin}/dashboard/events`, { headers: asHolder }))
      expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8")
      const text = yield* Effect.fork(Effect.promise(() => response.text()))
      // the time that requests in flight have is an hour
      yield* Scope.close(scope, Exit.void)
      expect(yield* Fiber.join(text)).toMatch(/^data: \{"at":\d+,"redis":\{"state":"Connected"/)
    })
  )
})
