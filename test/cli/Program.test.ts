import { createServer } from "node:http"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CliProcess from "../support/cli/CliProcess.js"
import { root } from "../support/root.js"
import * as RedisServer from "../support/server/RedisServer.js"
import { until } from "../support/until.js"

const caches = join(root, "test/support/cli/WarmedCaches.ts")
const nowhere = { REDIS_URL: "redis://127.0.0.1:1" }

interface StuckApi {
  readonly url: string
  readonly isStuck: () => boolean
}

/** An API that answers every key but one, whose request it holds until the scope ends. */
const stuckAt = (stuck: string) =>
  Effect.acquireRelease(
    Effect.async<readonly [StuckApi, close: () => void]>((resume) => {
      let isStuck = false
      const server = createServer((request, response) => {
        if (request.url === `/${stuck}`) isStuck = true
        else response.end("{}")
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const close = () => {
          server.close()
          server.closeAllConnections()
        }
        resume(Effect.succeed([{ url: `http://127.0.0.1:${port}/{key}`, isStuck: () => isStuck }, close]))
      })
    }),
    ([, close]) => Effect.sync(close)
  ).pipe(Effect.map(([api]) => api))

describe("the program effect-cache", () => {
  it.scopedLive("warms the cache that a module exports with keys of the standard input", (context) =>
    Effect.gen(function* () {
      if (RedisServer.skipReason !== undefined) return context.skip(RedisServer.skipReason)
      const { send, url } = yield* RedisServer.make()
      const variables = { REDIS_URL: url }
      const first = yield* CliProcess.run(variables, "ada\nbob\n\n", "warm", "--module", caches, "--json")
      expect(JSON.parse(first.printed)).toEqual({
        ...{ done: 2, loaded: 2, alreadyThere: 0, failed: 0, cursor: 2 },
        failures: []
      })
      expect(first.exitCode).toBe(0)
      const second = yield* CliProcess.run(variables, "ada\r\nnobody\r\ncy", "warm", "--module", caches)
      expect(second.printed.split("\n")).toEqual([
        "warmed 3 keys: 1 loaded, 1 already there, 1 failed",
        "  nobody: there is no user nobody"
      ])
      expect(second.exitCode).toBe(1)
      expect(yield* send("GET", "warmed:user:cy")).toContain('"value":"user cy"')

      const seats = '{"row":"A","number":1}\n{"number":2,"row":"A"}\n'
      const words = ["warm", "--module", caches, "--export", "seats", "--json-keys"]
      expect((yield* CliProcess.run(variables, seats, ...words)).printed).toBe(
        "warmed 2 keys: 2 loaded, 0 already there, 0 failed"
      )

      const broken = yield* CliProcess.run(variables, "{broken\n", ...words)
      expect(broken.printed).toContain("the key {broken is none")
      expect(broken.exitCode).toBe(1)

      const wrong = yield* CliProcess.run(variables, "a", "warm", "--module", caches, "--export", "nothing")
      expect(wrong.printed).toContain("the export nothing of")
      expect(wrong.exitCode).toBe(2)
      const missing = yield* CliProcess.run(variables, "a", "warm", "--module", "/no/such/module.js")
      expect(missing.printed).toContain("cannot be loaded")
      expect(missing.exitCode).toBe(2)
      const away = yield* CliProcess.run(nowhere, "a", "warm", "--module", caches)
      expect(away.printed).toContain("nothing accepts connections there")
      expect(away.exitCode).toBe(3)
    })
  )

  it.scopedLive("ends with 130 at Ctrl-C, and says from which cursor a warming continues", () =>
    Effect.gen(function* () {
      const api = yield* stuckAt("4")
      const child = yield* CliProcess.start({}, "warm", "--url", api.url, "--concurrency", "1")
      child.write("0\n1\n2\n3\n4\n5\n6\n7\n")
      yield* until("the fifth key is on its way", api.isStuck)
      yield* child.interrupt
      expect(yield* child.exitCode).toBe(130)
      expect(child.printed()).toContain("stopped at the cursor 4: continue with --from 4")
    })
  )

  it.scopedLive("ends with the exit code of its failure, and prints nothing but JSON with --json", () =>
    Effect.gen(function* () {
      const { exitCode, printed } = yield* CliProcess.run(nowhere, "", "doctor", "--json")
      expect(exitCode).toBe(1)
      expect(JSON.parse(printed)).toMatchObject({ healthy: false })
    })
  )
})
