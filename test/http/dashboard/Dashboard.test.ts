/**
 * The dashboard in a real browser. `WRITE_SCREENSHOTS=1` writes the pictures of docs/operating.md.
 */
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { RateLimiter, RuntimeSettings } from "effect-cache-toolkit"
import type { Page } from "playwright-core"
import * as Chromium from "../../support/Chromium.js"
import { root } from "../../support/root.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import * as DashboardWorld from "./DashboardWorld.js"

/** What the functions that run in the page see of it. */
declare const document: {
  readonly documentElement: { readonly dataset: { readonly snapshots: string }; readonly scrollWidth: number }
  readonly querySelector: (selector: string) => { readonly textContent: string } | null
}
declare const sessionStorage: { readonly length: number }

const reason = Chromium.skipReason ?? RedisServer.skipReason
const title = reason === undefined ? "the dashboard in chromium" : `the dashboard in chromium (skipped: ${reason})`

const pictures = join(root, "docs", "pictures")
const picture = (page: Page, name: string) =>
  Effect.promise(async () => {
    if (process.env.WRITE_SCREENSHOTS !== "1") return
    mkdirSync(pictures, { recursive: true })
    await page.screenshot({ path: join(pictures, `dashboard-${name}.png`) })
  })

const login = (page: Page) =>
  Effect.promise(async () => {
    await page.fill("#token", DashboardWorld.token)
    await page.click("#login-form button")
    await page.waitForSelector("#main:not([hidden]) canvas")
  })

const waitForState = (page: Page, state: string) =>
  Effect.promise(() => page.waitForSelector(`#state[data-state="${state}"]`))

const snapshotsOf = (page: Page) =>
  Effect.promise(() => page.evaluate(() => Number(document.documentElement.dataset.snapshots)))

const waitForMore = (page: Page) =>
  Effect.flatMap(snapshotsOf(page), (seen) =>
    Effect.promise(() =>
      page.waitForFunction((seen) => Number(document.documentElement.dataset.snapshots) > seen, seen)
    )
  )

const redisOf = (port: number) =>
  driverUnderTest.layer(
    { host: "127.0.0.1", port },
    {
      reconnect: Schedule.spaced("200 millis"),
      commandTimeout: "500 millis",
      connectTimeout: Duration.seconds(2)
    }
  )

describe.skipIf(reason !== undefined)(title, () => {
  it.scopedLive("draws, updates while Redis is killed and comes back, and loads nothing from another host", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const { origin } = yield* DashboardWorld.make(redisOf(server.port))
      const browser = yield* Chromium.launch
      const { errors, foreign, page } = yield* Chromium.open(browser, `${origin}/dashboard`, {
        colorScheme: "light",
        viewport: { width: 1280, height: 900 }
      })
      yield* login(page)
      yield* waitForState(page, "good")
      for (let i = 0; i < 6; i++) yield* waitForMore(page)
      expect(yield* Effect.promise(() => page.locator("canvas").count())).toBe(6)
      yield* Effect.promise(() => page.waitForSelector("#hottest td"))
      expect(yield* Effect.promise(() => page.textContent("#hottest"))).toMatch(/product:p[0-4]/)
      expect(yield* Effect.promise(() => page.textContent("#slowest"))).toMatch(/product:p\d+.*ms/)
      expect(yield* Effect.promise(() => page.textContent("#advice"))).toContain("local.timeToLive (1m) is longer")
      yield* picture(page, "healthy-light")
      yield* Effect.promise(() => page.click("#theme"))
      yield* waitForMore(page)
      yield* picture(page, "healthy-dark")

      yield* server.kill
      yield* waitForState(page, "bad")
      expect(yield* Effect.promise(() => page.textContent("#state"))).toContain("reads go to the lookup")
      yield* Effect.promise(() =>
        page.waitForFunction(() => /degraded [1-9]/.test(document.querySelector("#charts")?.textContent ?? ""))
      )
      for (let i = 0; i < 3; i++) yield* waitForMore(page)
      expect(yield* Effect.promise(() => page.textContent("#timeline"))).toMatch(/connection Reconnecting: .+/)
      yield* picture(page, "outage-dark")
      yield* Effect.promise(() => page.click("#theme"))
      yield* waitForMore(page)
      yield* picture(page, "outage-light")

      yield* server.start()
      yield* waitForState(page, "good")
      expect(yield* Effect.promise(() => page.textContent("#timeline li"))).toMatch(/Connected|Closed/)
      expect(errors).toEqual([])
      expect(foreign).toEqual([])
    })
  )

  it.scopedLive("refuses without the token, and forgets a wrong one", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const { origin } = yield* DashboardWorld.make(redisOf(server.port))
      for (const path of ["events", "caches", "inspect?cache=product&key=p1"]) {
        for (const headers of [{}, { authorization: "Bearer guess" }]) {
          const { status } = yield* Effect.promise(() => fetch(`${origin}/dashboard/${path}`, { headers }))
          expect([path, status]).toEqual([path, 401])
        }
      }
      const clear = { cache: "product", action: "clear", subject: "product", confirm: "product" }
      const refused = yield* Effect.promise(() =>
        fetch(`${origin}/dashboard/operations`, { method: "POST", body: JSON.stringify(clear) })
      )
      expect(refused.status).toBe(401)
      const browser = yield* Chromium.launch
      const { page } = yield* Chromium.open(browser, `${origin}/dashboard`)
      yield* Effect.promise(async () => {
        await page.fill("#token", "guess")
        await page.click("#login-form button")
        await page.waitForFunction(() =>
          /not the token/.test(document.querySelector("#login-error")?.textContent ?? "")
        )
        expect(await page.isVisible("#main")).toBe(false)
        expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
      })
    })
  )

  it.scopedLive("inspects a key of both tiers, and invalidates only what was confirmed, all by keyboard", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const { origin, product } = yield* DashboardWorld.make(redisOf(server.port))
      const browser = yield* Chromium.launch
      const { errors, page } = yield* Chromium.open(browser, `${origin}/dashboard`, {
        colorScheme: "dark",
        viewport: { width: 360, height: 740 }
      })
      yield* login(page)
      yield* waitForState(page, "good")
      expect(yield* Effect.promise(() => page.evaluate(() => document.documentElement.scrollWidth))).toBe(360)
      expect(yield* Effect.promise(() => page.getAttribute("html", "data-theme"))).toBe("dark")
      yield* picture(page, "narrow")
      yield* Effect.promise(async () => {
        await page.selectOption("#cache", "product")
        await page.focus("#key")
        await page.keyboard.type("p1")
        await page.keyboard.press("Enter")
        await page.waitForSelector("#inspected dl")
      })
      const inspected = yield* Effect.promise(() => page.textContent("#inspected"))
      expect(inspected).toContain("product:p1")
      expect(inspected).toMatch(/shelf:1/)
      expect(inspected).toMatch(/"price":2/)
      const invalidations = Effect.map(product.stats, ({ invalidations }) => invalidations)
      const before = yield* invalidations
      yield* Effect.promise(async () => {
        await page.focus("#clear")
        await page.keyboard.press("Enter")
        await page.waitForSelector("#confirm[open]")
        // the button that does nothing has the focus
        await page.keyboard.press("Enter")
        await page.waitForFunction(() => /Nothing was done/.test(document.querySelector("#outcome")?.textContent ?? ""))
      })
      expect(yield* invalidations).toBe(before)
      yield* Effect.promise(async () => {
        await page.focus("#clear")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.waitForFunction(() => /Done/.test(document.querySelector("#outcome")?.textContent ?? ""))
      })
      expect(yield* invalidations).toBe(before + 1)
      expect(errors).toEqual([])
    })
  )

  it.scopedLive("switches a cache off and on by its settings, and says so instead of an outage", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const { origin } = yield* DashboardWorld.make(
        Layer.provideMerge(RuntimeSettings.layer, Layer.orDie(redisOf(server.port)))
      )
      const browser = yield* Chromium.launch
      const { errors, page } = yield* Chromium.open(browser, `${origin}/dashboard`)
      yield* login(page)
      yield* waitForState(page, "good")
      yield* Effect.promise(async () => {
        expect(await page.isDisabled("#settings-by")).toBe(true)
        await page.selectOption("#cache", "product")
        await page.fill("#settings-by", "ada")
        await page.selectOption("#settings-enabled", "off")
        await page.fill("#settings-for", "1 hour")
        await page.click("#settings-form button[type=submit]")
        await page.click("#confirm-yes")
        await page.waitForSelector("#settings-table td:text('applied here')")
        await page.waitForSelector("#state[data-state=warn]")
        expect(await page.textContent("#state")).toBe("switched off: product; its reads go to the lookup")
        expect(await page.textContent("#settings-table")).toMatch(/enabled.*off.*ada.*until .*stored/)
        await page.click("#settings-unset")
        await page.click("#confirm-yes")
        await page.waitForSelector("#state[data-state=good]")
      })
      expect(errors).toEqual([])
    })
  )

  it.scopedLive("lists the limits that have a name, and changes and restores their numbers", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const { limiter, origin } = yield* DashboardWorld.make(
        Layer.provideMerge(RuntimeSettings.layer, Layer.orDie(redisOf(server.port)))
      )
      const mails = RateLimiter.tokenBucket({ name: "mails", limit: 100, window: "1 minute", onUnavailable: "deny" })
      const limit = Effect.map(limiter.consume("everyone", mails), ({ limit }) => limit)
      const browser = yield* Chromium.launch
      const { errors, page } = yield* Chromium.open(browser, `${origin}/dashboard`)
      yield* login(page)
      yield* Effect.promise(async () => {
        await page.waitForSelector("#limits-none:not([hidden])")
        expect(await page.isDisabled("#limits-by")).toBe(true)
      })
      expect(yield* limit).toBe(100)
      yield* Effect.promise(async () => {
        await page.waitForSelector("#limits-known td:text('100 in 1m')")
        await page.selectOption("#limits-name", "mails")
        await page.fill("#limits-by", "ada")
        await page.fill("#limits-most", "0")
        await page.click("#limits-form button[type=submit]")
        await page.click("#confirm-yes")
        await page.waitForSelector("#limits-outcome:text('option `limit` is 0')")
        await page.fill("#limits-most", "50")
        await page.fill("#limits-for", "1 hour")
        await page.click("#limits-form button[type=submit]")
        await page.click("#confirm-yes")
        await page.waitForSelector("#limits-table td:text('applied here')")
        expect(await page.textContent("#limits-table")).toMatch(/limit.*50.*ada.*until .*stored/)
        await page.waitForSelector("#limits-known td:text('50 in 1m')")
        expect(await page.textContent("#limits-known")).toMatch(/mails.*TokenBucket.*100 in 1m.*50 in 1m/)
      })
      expect(yield* limit).toBe(50)
      yield* Effect.promise(async () => {
        await page.click("#limits-unset")
        await page.click("#confirm-yes")
        await page.waitForFunction(() => !/50 in/.test(document.querySelector("#limits-known")?.textContent ?? "50 in"))
      })
      expect(yield* limit).toBe(100)
      // the number that was refused
      expect(errors).toEqual([expect.stringContaining("400 (Bad Request)")])
    })
  )
})

describe("the files of the dashboard", () => {
  it("are uPlot as npm has it, with its licence", () => {
    const vendored = (name: string) => readFileSync(join(root, "src/http/dashboard/assets", name), "utf8")
    const published = (name: string) => readFileSync(join(root, "node_modules/uplot", name), "utf8")
    expect(vendored("uPlot.iife.min.js")).toBe(published("dist/uPlot.iife.min.js"))
    expect(vendored("uPlot.min.css")).toBe(published("dist/uPlot.min.css"))
    expect(vendored("uPlot.LICENSE")).toBe(published("LICENSE"))
  })
})
