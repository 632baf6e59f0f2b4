/** A real browser for a test: Debian's chromium, driven by playwright-core. */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import * as Effect from "effect/Effect"
import { type BrowserContextOptions, chromium } from "playwright-core"

const program = ["chromium", "chromium-browser", "google-chrome"]
  .flatMap((name) => (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Why a test that needs the browser cannot run here: undefined when it can. */
export const skipReason: string | undefined =
  program === undefined ? "no chromium on PATH: apt-get install chromium" : undefined

/** The browser, which ends with the scope. */
export const launch = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({
      executablePath: program ?? "chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    })
  ),
  (browser) => Effect.promise(() => browser.close())
)

type Browser = Effect.Effect.Success<typeof launch>

/** A page, with what it did wrong: errors of its console, and requests to another origin. */
export const open = (browser: Browser, url: string, options: BrowserContextOptions = {}) =>
  Effect.gen(function* () {
    const context = yield* Effect.acquireRelease(
      Effect.promise(() => browser.newContext(options)),
      (context) => Effect.promise(() => context.close())
    )
    const page = yield* Effect.promise(() => context.newPage())
    const errors: Array<string> = []
    const foreign: Array<string> = []
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text())
    })
    page.on("pageerror", (error) => errors.push(String(error)))
    page.on("request", (request) => {
      const asked = request.url()
      if (!asked.startsWith(new URL(url).origin) && !asked.startsWith("data:")) foreign.push(asked)
    })
    yield* Effect.promise(() => page.goto(url))
    return { page, errors, foreign }
  })
