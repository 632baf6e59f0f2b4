import { createServer } from "node:http"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ProgressBar from "../../src/cli/warm/ProgressBar.js"
import { nothingDone } from "../../src/cli/warm/WarmProgress.js"
import * as RunCli from "../support/cli/RunCli.js"

const nowhere = { REDIS_URL: "redis://127.0.0.1:1" }

/** A file with these keys, which goes with the scope. */
const fileOf = (keys: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const path = yield* fileSystem.makeTempFileScoped()
    yield* fileSystem.writeFileString(path, `${keys.join("\n")}\n\n`)
    return path
  }).pipe(Effect.provide(NodeFileSystem.layer), Effect.orDie)

interface Api {
  readonly url: string
  /** the paths that were read, in their order */
  readonly read: Array<string>
  readonly tokens: Set<string | undefined>
}

/** An API whose answers the test chooses by the path. */
const apiOf = (answer: (path: string, nth: number) => { readonly status: number; readonly cacheStatus?: string }) =>
  Effect.acquireRelease(
    Effect.async<readonly [Api, () => void]>((resume) => {
      const read: Array<string> = []
      const tokens = new Set<string | undefined>()
      const server = createServer((request, response) => {
        const path = request.url ?? ""
        read.push(path)
        tokens.add(request.headers.authorization)
        const { cacheStatus, status } = answer(path, read.length)
        response.writeHead(status, {
          ...(cacheStatus === undefined ? {} : { "cache-status": cacheStatus }),
          ...(status === 429 ? { "retry-after": "0" } : {})
        })
        response.end("{}")
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(
          Effect.succeed([
            { url: `http://127.0.0.1:${port}`, read, tokens },
            () => {
              server.close()
              server.closeAllConnections()
            }
          ])
        )
      })
    }),
    ([, close]) => Effect.sync(close)
  ).pipe(Effect.map(([api]) => api))

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `key ${i}`)

describe("effect-cache warm", () => {
  it.scopedLive("warms through the application's API, with the token, and waits where the API asks for patience", () =>
    Effect.gen(function* () {
      const api = yield* apiOf((path, nth) =>
        nth === 1
          ? { status: 429 }
          : path.endsWith("4")
            ? { status: 404 }
            : { status: 200, cacheStatus: path.endsWith("3") ? "x; hit; ttl=9" : "x; fwd=miss" }
      )
      const file = yield* fileOf(numbered(5))
      const variables = { EFFECT_CACHE_TOKEN: "a-token-of-the-api" }
      const output = yield* RunCli.run(variables, "warm", "--url", `${api.url}/users/{key}`, "--file", file, "--json")
      expect(RunCli.json(output)).toEqual({
        done: 5,
        loaded: 3,
        alreadyThere: 1,
        failed: 1,
        cursor: 5,
        failures: [{ key: "key 4", reason: "404" }]
      })
      expect(new Set(api.read)).toEqual(new Set(numbered(5).map((key) => `/users/${encodeURIComponent(key)}`)))
      expect([...api.tokens]).toEqual(["Bearer a-token-of-the-api"])
    })
  )

  it.scopedLive(
    "stops where the API's Redis is away, and continues from the cursor without a key twice or left out",
    () =>
      Effect.gen(function* () {
        let isAway = false
        const api = yield* apiOf((path) => {
          if (path === "/12") isAway = true
          return { status: 200, cacheStatus: isAway ? 'x; fwd=bypass; detail="degraded: Disconnected"' : "x; fwd=miss" }
        })
        const keys = Array.from({ length: 20 }, (_, i) => `${i}`)
        const file = yield* fileOf(keys)
        const words = ["warm", "--url", `${api.url}/{key}`, "--file", file, "--concurrency", "1"]
        const stopped = yield* RunCli.run({}, ...words)
        expect(stopped.exitCode).toBe(1)
        expect(stopped.all).toContain("the application's Redis is away")
        const from = /continue with --from (\d+)/.exec(stopped.all)?.[1] ?? ""
        expect(from).toBe("12")
        expect(api.read.slice(0, 12)).toEqual(keys.slice(0, 12).map((key) => `/${key}`))

        api.read.length = 0
        const again = yield* apiOf(() => ({ status: 200 }))
        const rest = yield* RunCli.run({}, "warm", "--url", `${again.url}/{key}`, "--file", file, "--from", from)
        expect(rest).toMatchObject({ exitCode: 0, out: ["warmed 8 keys: 8 loaded, 0 already there, 0 failed"] })
        expect(new Set(again.read)).toEqual(new Set(keys.slice(12).map((key) => `/${key}`)))
      })
  )

  it.scopedLive("stops with the cursor where the API cannot be reached, or refuses the token", () =>
    Effect.gen(function* () {
      const unreachable = yield* RunCli.run({}, "warm", "--url", "http://127.0.0.1:1/{key}", "a")
      expect(unreachable.exitCode).toBe(1)
      expect(unreachable.all).toContain("continue with --from 0")
      const api = yield* apiOf(() => ({ status: 401 }))
      const refused = yield* RunCli.run({}, "warm", "--url", `${api.url}/{key}`, "a")
      expect(refused.all).toContain("set EFFECT_CACHE_TOKEN")
    })
  )

  it.scopedLive("draws a bar at a terminal, and none elsewhere", () =>
    Effect.gen(function* () {
      const api = yield* apiOf(() => ({ status: 200 }))
      const file = yield* fileOf(numbered(8))
      const words = ["warm", "--url", `${api.url}/{key}`, "--file", file, "--concurrency", "1"]
      const drawn = yield* RunCli.runPressing([], {}, ...words)
      expect(drawn.all).toContain("[############------------] 50 % 4/8: 4 loaded, 0 there, 0 failed")
      expect(drawn.all).toContain("[########################] 100 % 8/8")
      expect((yield* RunCli.run({}, ...words)).all).not.toContain("[#")
    })
  )

  it("has a bar that fits the terminal, and counts alone while the list is still coming", () => {
    expect(ProgressBar.line({ ...nothingDone(0), cursor: 5 }, 10, 30)).toHaveLength(30)
    expect(ProgressBar.line({ ...nothingDone(0), cursor: 5, loaded: 5 }, undefined, 80)).toBe(
      "5 keys: 5 loaded, 0 there, 0 failed"
    )
    expect(ProgressBar.line(nothingDone(0), 0, 80)).toContain("100 % 0/0")
  })

  it.live("ends with 2 where it is not said what loads the keys, or that is no cache", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
        [["a"], "does not know the application's lookup"],
        [["a", "--url", "http://localhost/{key}", "--module", "./caches.js"], "does not know the application's lookup"],
        [["a", "--url", "http://localhost/"], "has no {key}"],
        [["a", "--url", "localhost{key}"], "is no URL"],
        [["--url", "http://localhost/{key}", "--file", "/no/such/file"], "the file of keys cannot be read"],
        [["a", "--url", "http://localhost/{key}", "--concurrency", "0"], "--concurrency is at least 1"]
      ]
      for (const [words, message] of cases) {
        const output = yield* RunCli.run(nowhere, "warm", ...words)
        expect(output.err.join()).toContain(message)
        expect(output.exitCode).toBe(2)
      }
    })
  )
})
