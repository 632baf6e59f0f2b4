/** Locks and permits of several processes, some of which are killed or stopped, on a server that is restarted. */
import { Database as SqliteFile } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Database } from "../../../src/game/Database.js"
import * as SqlDatabase from "../../../src/game/database/SqlDatabase.js"
import { test, title } from "../../support/faults/FaultSuite.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import * as LockProcess from "./processes/LockProcess.js"
import type { Settings } from "./processes/messages.js"

const seconds = Number(process.env.LOCK_PROCESSES_SECONDS ?? 20)
const fibers = Number(process.env.LOCK_PROCESSES_FIBERS ?? 200)
const options = { timeout: (seconds + 240) * 1_000 }
/** long enough for a restart of the server on a busy machine */
const timeToLiveMillis = 8_000

const temporaryFile = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "locks-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  ),
  (directory) => join(directory, "toolkit.db")
)

/** Eight processes on one server and one file. */
const world = (settings: Pick<Settings, "database" | "gameId" | "permits">) =>
  Effect.gen(function* () {
    const server = yield* RedisServer.make({ keepsData: true })
    const all: Array<LockProcess.LockProcess> = []
    const dead = new Set<LockProcess.LockProcess>()
    const began = yield* Clock.currentTimeMillis

    const start = Effect.gen(function* () {
      const process = yield* LockProcess.start({
        ...settings,
        name: `process ${all.length + 1}`,
        redisPort: server.port,
        fibers,
        timeToLiveMillis
      })
      all.push(process)
      return process
    })
    const living = () => all.filter((process) => !dead.has(process))

    yield* Effect.all(
      Array.from({ length: 8 }, () => start),
      { concurrency: 4 }
    )
    return {
      server,
      all,
      start,
      kill: (process: LockProcess.LockProcess) =>
        Effect.suspend(() => {
          dead.add(process)
          return process.kill
        }),
      restart: server.outage(0),
      restartWithoutData: Effect.zipRight(server.kill, server.start({ keepsData: false })),
      /** In every process twenty fibers have had their turn from here on, and the time of the test is over. */
      everyProcessHasItsTurn: Effect.gen(function* () {
        for (const process of living()) process.forget()
        yield* LockProcess.becomes(() =>
          living().every((process) => process.turns().filter((turns) => turns > 0).length >= Math.min(20, fibers))
        )
        const left = began + seconds * 1_000 - (yield* Clock.currentTimeMillis)
        yield* Effect.sleep(Math.max(0, left))
      }),
      end: Effect.forEach(all, (process) => process.kill, { concurrency: "unbounded" }),
      reports: () => all.flatMap((process) => process.reports)
    }
  })

const Written = Schema.Struct({ token: Schema.Int, status: Schema.Literal("running", "waiting") })
const decodeWritten = Schema.decodeUnknownSync(Schema.Array(Written))
const decodeCounts = Schema.decodeUnknownSync(Schema.Array(Schema.Struct({ held: Schema.Int })))

const openFile = (path: string, ...statements: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const file = new SqliteFile(path)
      for (const statement of ["PRAGMA busy_timeout = 20000", ...statements]) file.run(statement)
      return file
    }),
    (file) => Effect.sync(() => file.close())
  )

describe("a lock of eight processes with many fibers", () => {
  test(
    title(
      "has one holder at a time in the eyes of the database, also when a process or the server is killed, paused or restarted"
    ),
    () =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        const game = yield* Effect.flatMap(Database, (database) => database.createGame([])).pipe(
          Effect.provide(SqlDatabase.layer({ url: `sqlite:${path}` }))
        )
        // what was written, in the order in which the database took it; the code under test does not know of it
        const file = yield* openFile(
          path,
          "CREATE TABLE written (id INTEGER PRIMARY KEY, token INTEGER, status TEXT)",
          `CREATE TRIGGER writes AFTER UPDATE ON games BEGIN
             INSERT INTO written (token, status) VALUES (NEW.fencing_token, NEW.status);
           END`
        )
        const written = () => decodeWritten(file.query("SELECT token, status FROM written ORDER BY id").all())
        const laterThan = (token: number) =>
          LockProcess.becomes(() => file.query("SELECT 1 FROM written WHERE token > ? LIMIT 1").get(token) !== null)

        const { all, end, everyProcessHasItsTurn, kill, reports, restart, restartWithoutData, start } = yield* world({
          database: path,
          gameId: game.id,
          permits: 1
        })
        const [victim, sleeper, lasting, forgotten] = all
        if (victim === undefined || sleeper === undefined || lasting === undefined || forgotten === undefined) {
          return yield* Effect.dieMessage("there are too few processes")
        }

        const killed = yield* victim.stayInside
        yield* kill(victim)
        yield* start
        yield* laterThan(killed)

        const stopped = yield* sleeper.stayInside
        yield* sleeper.signal("SIGSTOP")
        yield* laterThan(stopped)
        yield* sleeper.signal("SIGCONT")
        yield* sleeper.goOn

        // a restart that keeps the data, within the time to live, changes nothing for the holder of the lock
        const kept = yield* lasting.stayInside
        yield* restart
        yield* lasting.goOn
        yield* laterThan(kept)

        // when the data is lost, another caller acquires the lock beside its holder: only the fencing token keeps that one out
        const lost = yield* forgotten.stayInside
        yield* restartWithoutData
        yield* laterThan(lost)
        yield* forgotten.goOn

        yield* everyProcessHasItsTurn
        yield* end

        const rows = written()
        const sections = rows.filter(({ token }, i) => token !== rows[i - 1]?.token)
        const tokens = sections.map(({ token }) => token)
        // each holder's writes stand together, and each holder's token is greater than the last one's
        expect(tokens.filter((token, i) => i > 0 && token <= (tokens[i - 1] ?? 0))).toEqual([])

        const left = new Set(rows.filter(({ status }) => status === "waiting").map(({ token }) => token))
        const done = reports().flatMap((report) => (report._tag === "Done" ? [report.token] : []))
        const rejected = reports().flatMap((report) => (report._tag === "Rejected" ? [report.token] : []))
        expect(new Set(done).size).toBe(done.length)
        expect(done.filter((token) => !left.has(token))).toEqual([])
        expect(done).toContain(kept)
        // no other holder was interrupted: all that entered have left, except those that were killed or rejected
        const last = tokens.at(-1)
        expect(tokens.filter((token) => !left.has(token) && token !== last)).toEqual([killed, stopped, lost])

        const failures = new Set(reports().flatMap((report) => (report._tag === "Failed" ? [report.error] : [])))
        expect([...failures].filter((error) => error !== "LockLost" && !error.startsWith("Redis"))).toEqual([])
        // these two are rejected by the database, unless they heard that the lock was lost before they wrote
        expect(rejected.filter((token) => token !== stopped && token !== lost)).toEqual([])
        if (rejected.length < 2) expect(failures).toContain("LockLost")
      }),
    options
  )
})

describe("a semaphore of eight processes with many fibers", () => {
  test(
    title("has no more holders at a time than permits among the processes that run"),
    () =>
      Effect.gen(function* () {
        const permits = 5
        const path = yield* temporaryFile
        // the holders inside, and their number at each entry; a paused process does nothing and does not count
        const file = yield* openFile(
          path,
          "PRAGMA journal_mode = WAL",
          "CREATE TABLE holders (id INTEGER PRIMARY KEY AUTOINCREMENT, process TEXT)",
          "CREATE TABLE stopped (process TEXT)",
          "CREATE TABLE counts (held INTEGER)",
          `CREATE TRIGGER entries AFTER INSERT ON holders BEGIN
             INSERT INTO counts
             SELECT count(*) FROM holders WHERE process NOT IN (SELECT process FROM stopped);
           END`
        )
        const entered = () => decodeCounts(file.query("SELECT count(*) AS held FROM counts").all())[0]?.held ?? 0
        const entries = () => decodeCounts(file.query("SELECT held FROM counts").all())
        const othersEnter = Effect.suspend(() => {
          const before = entered()
          return LockProcess.becomes(() => entered() > before + 100)
        })

        const { all, end, everyProcessHasItsTurn, kill, reports, restart, start } = yield* world({
          database: path,
          permits
        })
        const [victim, sleeper, lasting] = all
        if (victim === undefined || sleeper === undefined || lasting === undefined) {
          return yield* Effect.dieMessage("there are too few processes")
        }

        yield* victim.stayInside
        yield* kill(victim)
        file.query("DELETE FROM holders WHERE process = ?").run(victim.name)
        yield* start
        yield* othersEnter

        yield* sleeper.stayInside
        yield* sleeper.stop
        yield* LockProcess.becomes(() => file.query("SELECT 1 FROM stopped").get() !== null)
        const insideWhenStopped = file.query("SELECT id FROM holders WHERE process = ? AND id <= ?")
        const lastId = entered()
        yield* othersEnter

        yield* lasting.stayInside
        yield* restart
        yield* othersEnter
        yield* lasting.goOn

        yield* sleeper.signal("SIGCONT")
        yield* sleeper.goOn
        yield* LockProcess.becomes(() => insideWhenStopped.all(sleeper.name, lastId).length === 0)
        file.run("DELETE FROM stopped")
        yield* everyProcessHasItsTurn
        yield* end

        const counts = entries().map(({ held }) => held)
        expect(Math.max(...counts)).toBe(permits)
        expect(counts.length).toBeGreaterThan(8 * Math.min(20, fibers))
        const failures = new Set(reports().flatMap((report) => (report._tag === "Failed" ? [report.error] : [])))
        expect([...failures].filter((error) => error !== "LockLost" && !error.startsWith("Redis"))).toEqual([])
      }),
    options
  )
})
