/** What a reader with a browser would see of the built site: errors, requests to other hosts, pages that are too wide. */
import * as Effect from "effect/Effect"
import * as Chromium from "../../../test/support/Chromium.js"
import type { BuiltSite } from "./builtSite.js"
import { serve } from "./siteServer.js"

/** What the functions that run in the page see of it. */
declare const document: {
  readonly documentElement: { readonly scrollWidth: number }
  readonly querySelector: (selector: string) => { readonly __vue_app__?: unknown } | null
}

const wide = { width: 1280, height: 900 }
const narrow = { width: 390, height: 800 }

/** A term that the search has to find, and the beginning of the address that it has to find. */
export interface Search {
  readonly term: string
  readonly finds: string
}

/** A tab of the browser, which opens pages one after the other. */
const openTab = (browser: Effect.Effect.Success<typeof Chromium.launch>, origin: string) =>
  Effect.map(Chromium.open(browser, `${origin}/`, { viewport: wide }), ({ errors, foreign, page }) => {
    page.on("requestfailed", (request) => {
      const cause = request.failure()?.errorText
      // the browser gives up what a page still loads when the next one is opened; a file that is missing is answered by 404
      if (cause !== "net::ERR_ABORTED") errors.push(`${request.url()} failed: ${cause}`)
    })
    page.on("response", (response) => {
      if (response.status() >= 400) errors.push(`${response.url()} answered ${response.status()}`)
    })

    /** Opens a page, waits until its program runs, and answers what has gone wrong when `use` has ended. */
    const visit = async (path: string, use: () => Promise<ReadonlyArray<string>>): Promise<ReadonlyArray<string>> => {
      await page.goto(`${origin}${path}`)
      // `waitForFunction` would draw a frame for each look
      await page.evaluate(async () => {
        while (document.querySelector("#app")?.__vue_app__ === undefined)
          await new Promise((resume) => setTimeout(resume, 5))
      })
      const found = await use()
      const asked = foreign.splice(0).map((url) => `asks another host for ${url}`)
      return [...errors.splice(0), ...asked, ...found].map((problem) => `${path}: ${problem}`)
    }

    return {
      /** A page in both widths. */
      view: (path: string) =>
        Effect.promise(() =>
          visit(path, async () => {
            const tooWide: Array<string> = []
            for (const viewport of [narrow, wide]) {
              await page.setViewportSize(viewport)
              const width = await page.evaluate(() => document.documentElement.scrollWidth)
              if (width > viewport.width) tooWide.push(`is ${width} wide in a window of ${viewport.width}`)
            }
            return tooWide
          })
        ),
      search: ({ finds, term }: Search) =>
        Effect.promise(() =>
          visit("/", async () => {
            await page.keyboard.press("Control+k")
            await page.fill("#localsearch-input", term)
            await page.waitForSelector("#localsearch-list a.result, .no-results")
            const links = await page.locator("#localsearch-list a.result").all()
            const found = await Promise.all(links.map((link) => link.getAttribute("href")))
            return found.some((href) => href?.startsWith(finds))
              ? []
              : [`the search for ${term} finds ${found.join(", ")} and not ${finds}`]
          })
        )
    }
  })

/** Opens every page wide and narrow, in two tabs, and searches. Answers one line for each problem. */
export const problemsInChromium = (
  site: BuiltSite,
  searches: ReadonlyArray<Search>
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.scoped(
    Effect.gen(function* () {
      const origin = yield* serve(site)
      const browser = yield* Chromium.launch
      const tabs = yield* Effect.all([openTab(browser, origin), openTab(browser, origin)])
      const viewed = yield* Effect.forEach(
        tabs,
        ({ view }, tab) =>
          Effect.forEach(
            site.pages.filter((_, index) => index % tabs.length === tab),
            view
          ),
        { concurrency: "unbounded" }
      )
      const searched = yield* Effect.forEach(searches, tabs[0].search)
      return [...viewed.flat(2), ...searched.flat()]
    })
  )
