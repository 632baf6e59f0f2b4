import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { MemoryRedis } from "effect-cache-toolkit"
import * as DashboardWorld from "./DashboardWorld.js"

const asHolder = { authorization: `Bearer ${DashboardWorld.token}` }

const start = Effect.map(DashboardWorld.make(MemoryRedis.layer()), ({ origin, product }) => ({
  product,
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
      for (const path of ["", "/dashboard.js", "/dashboard.css", "/uPlot.iife.min.js", "/uPlot.min.css"]) {
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
