import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { root } from "../support/root.js"
import * as RedisServer from "../support/server/RedisServer.js"
import { run, serve } from "./support/program.js"

/** What each example prints, in this order. */
const examples: Record<string, ReadonlyArray<RegExp>> = {
  "quickstart.ts": [/Lookup Redis/, /Gothenburg/],
  "cache-aside.ts": [
    /at first: Ada \(Lookup\) has 0 \(Lookup\)/,
    /again: Ada \(Redis\) has 0 \(Redis\)/,
    /after a write-through: Ada \(Redis\) has 250 \(Redis\)/,
    /after an invalidation: Countess \(Lookup\) has 250 \(Redis\)/,
    /without Redis: Countess \(Degraded\) has 250 \(Degraded\)/
  ],
  "rate-limit.ts": [/ada may try, 2 left/, /ada may try, 0 left/, /ada has to wait \d+ s/, /grace may try, 2 left/],
  "lock.ts": [
    /first leads round 1/,
    /third goes without/,
    /first is done/,
    /second leads round 2/,
    /second is done/,
    /too late: a later holder of its lock has written the game/,
    /the game is at round 2/
  ],
  "sql.ts": [
    /at first: 100 \(Lookup\), 0 \(Lookup\)/,
    /again: 100 \(Redis\), 0 \(Redis\)/,
    /after a transfer: 70 \(Lookup\), 30 \(Lookup\)/,
    /after NotEnough, which was rolled back: 70 \(Redis\), 30 \(Redis\)/
  ],
  "worker.ts": [/has done job \d/, /6 jobs, 6 runs/],
  "tutorial.ts": [
    /1,000 readers of a cold article: 1 query/,
    /the next reader: from (Local|Redis)/,
    /after a change: Snow, by a Lookup/,
    /after an invalidation by tag: by a Lookup/,
    /an article that there is not: ArticleNotFound/,
    /4 queries in all/
  ],
  "tutorial/1-slow-function.ts": [/^200 queries/],
  "tutorial/2-cached.ts": [/first round: 10 queries/, /second round: 10 queries/],
  "tutorial/3-many-readers.ts": [/10,000 readers in two processes: 1 query/],
  "tutorial/4-second-tier.ts": [/from Redis: /, /from Local: /],
  "tutorial/5-a-change.ts": [
    /before: Snow, from the memory of the reader's process/,
    /after: Rain, by a (Lookup|Redis)/,
    /the editor's process: Rain/
  ],
  "tutorial/6-an-outage.ts": [
    /cold: Article 7 \(Lookup\)/,
    /the database is away: Article 7 \(Stale\)/,
    /both are away: Article 7 \(Stale\)/,
    /Redis is away: Article 7 \(Degraded\)/,
    /both are back: Article 7 \((Lookup|Local)\)/
  ],
  "tutorial/7-tags.ts": [/cold: 1000 queries/, /after a change of Ada's name: 500 queries/],
  "demo.ts": [/Everything went as it should/]
}

/** Those that listen until they are ended. */
const servers = ["api-limit.ts", "bun-server.ts", "http-responses.ts"]

const filesIn = (folder: string) => readdirSync(join(root, folder)).filter((name) => name.endsWith(".ts"))

const inOrder = (lines: ReadonlyArray<RegExp>) => new RegExp(lines.map((line) => line.source).join("[\\s\\S]*"))

const start = (file: string) => serve(join("examples", file))

const request = (url: string, init?: RequestInit) =>
  Effect.promise(async () => {
    const response = await fetch(url, { ...init, headers: { connection: "close", ...init?.headers } })
    return { status: response.status, headers: response.headers, text: await response.text() }
  })

describe("the examples", () => {
  it("are all run here", () => {
    const files = [...filesIn("examples"), ...filesIn("examples/tutorial").map((name) => `tutorial/${name}`)]
    expect(files.sort()).toEqual([...Object.keys(examples), ...servers].sort())
  })

  it("have a line each in examples/README.md", () => {
    const readme = readFileSync(join(root, "examples", "README.md"), "utf8")
    const named = [...filesIn("examples"), "demo/", "docs/", "node/", "tutorial/"]
    expect(named.filter((name) => !readme.includes(`](${name})`))).toEqual([])
  })

  for (const [file, lines] of Object.entries(examples)) {
    it.live(`${file} runs alone and prints what it promises`, () =>
      Effect.gen(function* () {
        const { code, output } = yield* run(join("examples", file))
        expect(output).toMatch(inOrder(lines))
        expect(code, output).toBe(0)
      })
    )
  }

  it.scopedLive("bun-server.ts answers from its cache, and ends on SIGTERM", () =>
    Effect.gen(function* () {
      const { end, url } = yield* start("bun-server.ts")
      const first = yield* request(`${url}/cities/gothenburg`)
      const second = yield* request(`${url}/cities/gothenburg`)
      const missing = yield* request(`${url}/cities/atlantis`)
      expect(JSON.parse(first.text)).toEqual({ name: "Gothenburg", founded: 1621, source: "Lookup" })
      expect(JSON.parse(second.text).source).toMatch(/Local|Redis/)
      expect(missing.status).toBe(404)
      expect(yield* end).toBe(0)
    })
  )

  it.scopedLive("http-responses.ts runs a handler once, and again after a change", () =>
    Effect.gen(function* () {
      const { end, url } = yield* start("http-responses.ts")
      const sources: Array<string> = []
      const read = Effect.map(request(`${url}/articles/1`), ({ headers, text }) => {
        sources.push(headers.get("cache-status")?.includes("hit") === true ? "hit" : "miss")
        return JSON.parse(text).title
      })
      expect([yield* read, yield* read]).toEqual(["Snow", "Snow"])
      expect((yield* request(`${url}/articles/1/Rain`, { method: "PUT" })).status).toBe(204)
      expect(yield* read).toBe("Rain")
      expect(sources).toEqual(["miss", "hit", "miss"])
      expect((yield* request(`${url}/articles/2`)).status).toBe(404)
      expect(yield* end).toBe(0)
    })
  )

  it.scopedLive("api-limit.ts answers five requests of a key, and rejects the sixth", () =>
    Effect.gen(function* () {
      const { end, url } = yield* start("api-limit.ts")
      const quote = (key: string) => request(`${url}/quote`, { headers: { "x-api-key": key } })
      const answers = yield* Effect.replicateEffect(quote("ada"), 6)
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429])
      expect(Number(answers[5]?.headers.get("retry-after"))).toBeGreaterThan(0)
      expect((yield* quote("grace")).status).toBe(200)
      expect(yield* end).toBe(0)
    })
  )
})

describe.skipIf(RedisServer.skipReason !== undefined)("the tutorial on a server", () => {
  it.scopedLive("prints the same as without one", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer.make()
      for (const file of ["tutorial.ts", ...filesIn("examples/tutorial").map((name) => `tutorial/${name}`)]) {
        const { code, output } = yield* run(join("examples", file), { REDIS_URL: url })
        const printed = output.replace(/^timestamp=.*\n/gm, "")
        expect(printed, file).toMatch(inOrder(examples[file] ?? []))
        expect(code, output).toBe(0)
      }
    })
  )

  it.scopedLive("makes no query in a second process, whose values are in Redis", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer.make()
      const cached = run(join("examples", "tutorial", "2-cached.ts"), { REDIS_URL: url })
      yield* cached
      expect((yield* cached).output).toMatch(/first round: 0 queries/)
    })
  )
})
