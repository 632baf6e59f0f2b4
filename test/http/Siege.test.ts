/**
 * The server under what hurts it: 100 callers, a database that another program locks or whose network goes silent, and
 * SIGTERM in the middle. `SIEGE_REQUESTS` and `SIEGE_LOCK_SECONDS` make it longer; a run of 10,000 requests and 10 seconds
 * is in docs/security.md.
 */
import { Database as SqliteFile } from "bun:sqlite"
import * as http from "node:http"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ChildProgram from "../support/ChildProgram.js"
import * as FaultProxy from "../support/faults/FaultProxy.js"
import * as PostgresSchema from "../support/server/PostgresSchema.js"
import { until } from "../support/until.js"
import * as ServerProgram from "./support/ServerProgram.js"

const requests = Number(process.env.SIEGE_REQUESTS ?? 1_000)
const lockMillis = 1_000 * Number(process.env.SIEGE_LOCK_SECONDS ?? 1)
const callers = 100
const token = "sesame"

/**
 * What became of a request: the status of its whole answer; `refused` where nothing listened any more; `late` where it was
 * sent after the signal and not answered; `lost` where it was sent before.
 */
type Outcome = number | "refused" | "late" | "lost"

interface Tally {
  readonly outcomes: Map<Outcome, number>
  /** the time of which so great a part of the answers took no longer, in whole milliseconds */
  readonly quantile: (part: number) => number
  readonly count: (outcome: Outcome, millis: number) => void
  readonly total: () => number
}

const makeTally = (): Tally => {
  const outcomes = new Map<Outcome, number>()
  const times: Array<number> = []
  return {
    outcomes,
    quantile: (part) => {
      const sorted = times.toSorted((one, other) => one - other)
      return Math.round(sorted[Math.max(Math.ceil(part * sorted.length) - 1, 0)] ?? 0)
    },
    count: (outcome, millis) => {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      times.push(millis)
    },
    total: () => Array.from(outcomes.values()).reduce((sum, count) => sum + count, 0)
  }
}

interface Sent {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

/** One request; `refused` where nothing listens any more, so that none of it was sent. */
const send = (port: number, agent: http.Agent, { body, method, path }: Sent): Promise<readonly [Outcome, string]> =>
  new Promise((resolve) => {
    const text = body === undefined ? "" : JSON.stringify(body)
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text)
    }
    const request = http.request({ host: "127.0.0.1", port, agent, method, path, headers }, (response) => {
      let received = ""
      response.on("data", (chunk: Buffer) => {
        received += chunk.toString()
      })
      response.on("end", () => resolve([response.complete ? (response.statusCode ?? 0) : "lost", received]))
      response.on("error", () => resolve(["lost", received]))
    })
    request.on("error", (error: NodeJS.ErrnoException) =>
      resolve([error.code === "ECONNREFUSED" || error.code === "ConnectionRefused" ? "refused" : "lost", error.message])
    )
    request.end(text)
  })

/** Users that the requests are about. */
const createUsers = async (port: number, agent: http.Agent): Promise<ReadonlyArray<string>> => {
  const ids: Array<string> = []
  for (let i = 0; i < 10; i++) {
    const body = { username: `user-${i}`, displayName: "User", email: "user@example.com" }
    const [status, text] = await send(port, agent, { method: "POST", path: "/api/users", body })
    expect(status).toBe(201)
    ids.push((JSON.parse(text) as { id: string }).id)
  }
  return ids
}

const requestOf = (ids: ReadonlyArray<string>, i: number): Sent => {
  const path = `/api/users/${ids[i % ids.length]}`
  return i % 5 === 0
    ? { method: "PUT", path: `${path}/balance`, body: { balance: i } }
    : { method: "GET", path: `${path}/${i % 2 === 0 ? "profile" : "balance"}` }
}

/** Sends so many requests by so many callers at once; a caller ends when nothing listens any more. */
const besiege = (
  port: number,
  ids: ReadonlyArray<string>,
  tally: Tally,
  { endedAt = () => Number.POSITIVE_INFINITY, count = requests, onAnswered = () => {} } = {}
) =>
  Effect.promise(async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: callers })
    let next = 0
    const caller = async () => {
      while (next < count) {
        const sent = requestOf(ids, next++)
        const sentAt = performance.now()
        const [outcome] = await send(port, agent, sent)
        const isLate = outcome === "lost" && sentAt >= endedAt()
        tally.count(isLate ? "late" : outcome, performance.now() - sentAt)
        onAnswered()
        if (outcome === "refused") return
      }
    }
    await Promise.all(Array.from({ length: callers }, caller))
    agent.destroy()
  })

/** A server that has just started compiles what it runs: the siege is of one that runs. */
const warmUp = (port: number, ids: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const agent = new http.Agent({ keepAlive: true })
    for (let i = 0; i < 300; i++) {
      await send(port, agent, i % 10 === 0 ? { method: "GET", path: "/api/health/detailed" } : requestOf(ids, i))
    }
    agent.destroy()
  })

/** Has another process ask for the health while an effect runs, so that only the server's own time counts. */
const watching = <A>(port: number, health: Tally, effect: Effect.Effect<A>) =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* ChildProgram.start({
        program: fileURLToPath(new URL("./support/healthWatch.ts", import.meta.url)),
        argument: `${port} ${token}`,
        hear: (line) => {
          const [status = "", millis = ""] = line.split(" ")
          health.count(status === "lost" ? "lost" : Number(status), Number(millis))
        }
      })
      yield* until("the health was asked for", () => health.total() > 0)
      return yield* effect
    })
  )

/** Shown by `vitest --silent=false`. */
const report = (title: string, tally: Tally, health: Tally) => {
  const told = (of: Tally) =>
    `${of.total()} ${JSON.stringify(Object.fromEntries(of.outcomes))}, ` +
    `median ${of.quantile(0.5)} ms, 99 % ${of.quantile(0.99)} ms, slowest ${of.quantile(1)} ms`
  return Effect.log(`${title}: requests ${told(tally)}; health ${told(health)}`)
}

const start = (settings: Record<string, string> = {}) => ServerProgram.start({ API_TOKEN: token, ...settings })

describe(`a server with ${callers} callers`, () => {
  it.scopedLive("answers each request while another program holds the lock of its SQLite file", () =>
    Effect.gen(function* () {
      const program = yield* start()
      const port = yield* program.listening
      const ids = yield* Effect.promise(() => createUsers(port, new http.Agent()))
      yield* warmUp(port, ids)
      const [tally, health] = [makeTally(), makeTally()]
      const file = yield* Effect.acquireRelease(
        Effect.sync(() => new SqliteFile(join(program.directory, "data/toolkit.db"))),
        (file) => Effect.sync(() => file.close())
      )
      file.run("BEGIN IMMEDIATE")
      const unlocking = yield* Effect.fork(
        Effect.zipRight(
          Effect.sleep(lockMillis),
          Effect.sync(() => file.run("COMMIT"))
        )
      )
      yield* watching(port, health, besiege(port, ids, tally))
      yield* Fiber.join(unlocking)
      yield* report("SQLite locked", tally, health)
      expect(tally.total()).toBe(requests)
      expect(Array.from(tally.outcomes.keys()).filter((outcome) => outcome !== 200 && outcome !== 503)).toEqual([])
      expect(tally.outcomes.get(200)).toBeGreaterThan(0)
      expect(Array.from(health.outcomes.keys())).toEqual([200])
      // writes are taken again
      expect(yield* Effect.promise(() => send(port, new http.Agent(), requestOf(ids, 0)))).toMatchObject([
        200,
        expect.any(String)
      ])
    })
  )

  it.scopedLive.skipIf(PostgresSchema.skipReason !== undefined)(
    "answers each request while its Postgres is silent, and uses it again when it is back",
    () =>
      Effect.gen(function* () {
        const url = new URL(yield* PostgresSchema.make)
        const proxy = yield* FaultProxy.make(Number(url.port || 5432))
        url.hostname = "127.0.0.1"
        url.port = String(proxy.port)
        const program = yield* start({ DATABASE_URL: url.href, REDIS_ENABLED: "false" })
        const port = yield* program.listening
        const ids = yield* Effect.promise(() => createUsers(port, new http.Agent()))
        yield* warmUp(port, ids)
        const [tally, health] = [makeTally(), makeTally()]
        yield* proxy.become({ _tag: "Blackhole" })
        let isBack = false
        const back = Effect.zipRight(
          Effect.sleep(lockMillis),
          Effect.flatMap(proxy.become({ _tag: "Pass" }), () =>
            Effect.sync(() => {
              isBack = true
            })
          )
        )
        const returning = yield* Effect.fork(back)
        yield* watching(port, health, besiege(port, ids, tally))
        yield* Fiber.join(returning)
        yield* report("Postgres silent", tally, health)
        expect(isBack).toBe(true)
        expect(tally.total()).toBe(requests)
        expect(Array.from(tally.outcomes.keys()).filter((outcome) => outcome !== 200 && outcome !== 503)).toEqual([])
        yield* until("Postgres is used again", () =>
          Effect.map(
            Effect.promise(() => send(port, new http.Agent(), requestOf(ids, 0))),
            ([outcome]) => outcome === 200
          )
        )
      })
  )

  it.scopedLive("loses no request when SIGTERM comes in the middle, and ends with 0", () =>
    Effect.gen(function* () {
      const program = yield* start()
      const port = yield* program.listening
      const ids = yield* Effect.promise(() => createUsers(port, new http.Agent()))
      yield* warmUp(port, ids)
      const [tally, health] = [makeTally(), makeTally()]
      let signalledAt = Number.POSITIVE_INFINITY
      // in the turn in which so many requests are answered, while all callers continue
      const onAnswered = () => {
        if (tally.total() < requests || signalledAt < Number.POSITIVE_INFINITY) return
        signalledAt = performance.now()
        program.process.kill("SIGTERM")
      }
      const siege = yield* Effect.fork(
        besiege(port, ids, tally, { endedAt: () => signalledAt, count: Number.POSITIVE_INFINITY, onAnswered })
      )
      expect(yield* program.exitCode).toBe(0)
      yield* Fiber.join(siege)
      yield* report("SIGTERM", tally, health)
      expect(Array.from(tally.outcomes.keys()).filter((outcome) => outcome === "lost" || outcome === 503)).toEqual([])
      expect(tally.outcomes.get(200)).toBeGreaterThanOrEqual(requests)
      expect(tally.outcomes.get("refused")).toBeGreaterThan(0)
    })
  )
})
