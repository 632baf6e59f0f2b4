import { Database as SqliteFile } from "bun:sqlite"
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { Database, DatabaseError } from "../../src/game/Database.js"
import * as Migrations from "../../src/game/database/Migrations.js"
import * as SqlDatabase from "../../src/game/database/SqlDatabase.js"
import * as SqlStatements from "../../src/game/database/SqlStatements.js"
import * as Sqlite from "../../src/game/database/sqlite/SqliteFile.js"
import * as FaultProxy from "../support/faults/FaultProxy.js"
import * as PostgresSchema from "../support/server/PostgresSchema.js"

const ada = { username: "ada", displayName: "Ada", email: "ada@example.com" }
const bob = { ...ada, username: "bob" }

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "database-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

const open = (options: SqlDatabase.SqlDatabaseOptions) =>
  Effect.map(Layer.build(SqlDatabase.layer(options)), (context) => Effect.provide(Database, context)).pipe(
    Effect.flatten
  )

/** A lock as another program takes it: nobody else writes until it is given back. */
const lock = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const file = new SqliteFile(path)
      file.run("BEGIN IMMEDIATE")
      return file
    }),
    (file) => Effect.sync(() => file.close())
  )

const unlock = (file: SqliteFile) => Effect.sync(() => file.run("COMMIT"))

/** Passes everything, until it passes one byte of a reply and then nothing more on its connection. */
const cuttingProxy = (target: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      let isCutting = false
      const server = createServer((client) => {
        const upstream = connect(target, "127.0.0.1")
        client.on("error", () => {})
        upstream.on("error", () => {})
        client.on("data", (data) => upstream.write(data))
        let isSilent = false
        upstream.on("data", (data) => {
          if (isSilent) return
          isSilent = isCutting
          isCutting = false
          client.write(isSilent ? Buffer.from(data).subarray(0, 1) : data)
        })
        client.once("close", () => upstream.destroy())
        upstream.once("close", () => client.destroy())
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const cutNextReply = () => {
        isCutting = true
      }
      return { port, close: () => server.close(), cutNextReply }
    }),
    ({ close }) => Effect.sync(close)
  )

const isDatabaseError = (operation: string, detail: RegExp) => (error: unknown) => {
  expect(error).toBeInstanceOf(DatabaseError)
  expect(error).toMatchObject({ operation, detail: expect.stringMatching(detail) })
}

describe("a SQLite file that another program has locked", () => {
  it.scopedLive("lets a write wait without holding up the process, and applies it when the lock is free", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "toolkit.db")
      const database = yield* open({ url: `sqlite:${path}`, operationTimeout: "1 minute" })
      const { id } = yield* database.createUser(ada)
      const file = yield* lock(path)
      const writes = yield* Effect.fork(
        Effect.all([database.updateBalance(id, 7), database.createUser(bob)], { concurrency: "unbounded" })
      )
      // turns of the event loop pass while the writes wait, and reads are answered in them
      for (let turn = 0; turn < 100; turn++) {
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        expect(yield* database.getBalance(id)).toBe(0)
      }
      expect(writes.unsafePoll()).toBeNull()
      yield* unlock(file)
      const [balance, user] = yield* Fiber.join(writes)
      expect(balance).toBe(7)
      expect(yield* database.getBalance(id)).toBe(7)
      expect(yield* database.getUser(user.id)).toEqual(user)
    })
  )

  it.scopedLive("lets a transfer wait for a reader too, where the file system allows no WAL", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "toolkit.db")
      const { context } = yield* Sqlite.open(path)
      const database = yield* Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* sql`PRAGMA journal_mode = DELETE`
        yield* Migrations.run
        return yield* SqlStatements.make(Duration.minutes(1), Effect.void)
      }).pipe(Effect.provide(context))
      const [a, b] = [yield* database.createUser(ada), yield* database.createUser(bob)]
      yield* database.updateBalance(a.id, 10)
      const reader = yield* Effect.acquireRelease(
        Effect.sync(() => new SqliteFile(path)),
        (file) => Effect.sync(() => file.close())
      )
      reader.run("BEGIN")
      expect(reader.query("SELECT count(*) AS count FROM users").all()).toEqual([{ count: 2 }])
      const transfer = yield* Effect.fork(database.transfer(a.id, b.id, 4))
      for (let turn = 0; turn < 100; turn++) yield* Effect.promise(() => new Promise((next) => setImmediate(next)))
      expect(transfer.unsafePoll()).toBeNull()
      reader.run("COMMIT")
      expect(yield* Fiber.join(transfer)).toEqual({ from: 6, to: 4 })
      expect(reader.query("SELECT balance FROM users ORDER BY username").all()).toEqual([
        { balance: 6 },
        { balance: 4 }
      ])
    })
  )

  it.scopedLive("fails a write that has waited for the whole timeout, and answers reads and the health check", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "toolkit.db")
      const database = yield* open({ url: `sqlite:${path}`, operationTimeout: "100 millis" })
      const a = yield* database.createUser(ada)
      const b = yield* database.createUser(bob)
      yield* database.updateBalance(a.id, 10)
      const file = yield* lock(path)
      for (const [operation, write] of [
        ["updateBalance", database.updateBalance(a.id, 1)],
        ["transfer", database.transfer(a.id, b.id, 1)],
        ["createUser", database.createUser({ ...ada, username: "eve" })]
      ] as const) {
        isDatabaseError(
          operation,
          /no answer within 100ms: another program holds a lock/
        )(yield* Effect.flip<unknown, unknown, never>(write))
      }
      yield* database.ping
      expect(yield* database.getBalance(a.id)).toBe(10)
      yield* unlock(file)
      expect(yield* database.transfer(a.id, b.id, 4)).toEqual({ from: 6, to: 4 })
    })
  )

  it.scopedLive("is opened when the lock is free", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "toolkit.db")
      const file = new SqliteFile(path)
      file.run("PRAGMA journal_mode = WAL")
      file.run("BEGIN IMMEDIATE")
      const opening = yield* Effect.fork(open({ url: `sqlite:${path}` }))
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1)))
      expect(opening.unsafePoll()).toBeNull()
      file.run("COMMIT")
      file.close()
      const database = yield* Fiber.join(opening)
      expect(yield* database.countGames).toBe(0)
    })
  )
})

describe("a SQLite file", () => {
  it.scoped("and what SQLite puts beside it belong to this user alone, and the directory that is made for it", () =>
    Effect.gen(function* () {
      const umask = process.umask(0)
      yield* Effect.addFinalizer(() => Effect.sync(() => process.umask(umask)))
      const directory = join(yield* temporaryDirectory, "data")
      const path = join(directory, "toolkit.db")
      const database = yield* open({ url: `sqlite:${path}` })
      yield* database.createUser(ada)
      const modeOf = (name: string) => (statSync(name).mode & 0o777).toString(8)
      expect([path, `${path}-wal`, `${path}-shm`].map(modeOf)).toEqual(["600", "600", "600"])
      expect(modeOf(directory)).toBe("700")
    })
  )

  const broken: ReadonlyArray<readonly [string, (path: string) => void, RegExp]> = [
    ["deleted", unlinkSync, /cannot be read any more \(ENOENT/],
    [
      "replaced",
      (path) => {
        writeFileSync(`${path}.copy`, readFileSync(path))
        renameSync(`${path}.copy`, path)
      },
      /another file stands at .* than was opened/
    ],
    [
      "overwritten",
      (path) => writeFileSync(path, "no database any more".repeat(1000)),
      /is no SQLite database any more/
    ],
    ["emptied", (path) => writeFileSync(path, ""), /is no SQLite database any more/]
  ]
  it.scoped.each(broken)("that was %s fails the health check", ([, damage, problem]) =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "toolkit.db")
      const database = yield* open({ url: `sqlite:${path}` })
      yield* database.ping
      damage(path)
      isDatabaseError("ping", problem)(yield* Effect.flip(database.ping))
    })
  )

  it.scoped("whose table is damaged, or that may not be written, fails the health check", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "toolkit.db")
      const database = yield* open({ url: `sqlite:${path}` })
      yield* database.ping
      const file = new SqliteFile(path)
      file.run("CREATE TRIGGER full BEFORE UPDATE ON toolkit_health BEGIN SELECT RAISE(FAIL, 'cannot be written'); END")
      isDatabaseError("ping", /cannot be written/)(yield* Effect.flip(database.ping))
      file.run("DROP TABLE toolkit_health")
      file.close()
      isDatabaseError("ping", /no such table/)(yield* Effect.flip(database.ping))
    })
  )
})

describe.skipIf(PostgresSchema.skipReason !== undefined)("a Postgres", () => {
  const through = (port: number, url: string) => {
    const proxied = new URL(url)
    proxied.hostname = "127.0.0.1"
    proxied.port = String(port)
    return proxied.href
  }

  it.scopedLive("whose network goes silent fails operations in time, and is used again when it is back", () =>
    Effect.gen(function* () {
      const url = yield* PostgresSchema.make
      const proxy = yield* FaultProxy.make(Number(new URL(url).port || 5432))
      const database = yield* open({
        url: through(proxy.port, url),
        operationTimeout: "1 second",
        connectTimeout: "1 second"
      })
      const { id } = yield* database.createUser(ada)
      // the whole pool is connected
      const many = Effect.forEach(Array.range(1, 30), (n) => Effect.either(database.updateBalance(id, n)), {
        concurrency: "unbounded"
      })
      expect((yield* many).every(Either.isRight)).toBe(true)

      yield* proxy.become({ _tag: "Blackhole" })
      const failures = Array.getLefts(yield* many)
      expect(failures.length).toBe(30)
      for (const failure of failures) expect(failure).toBeInstanceOf(DatabaseError)

      yield* proxy.become({ _tag: "Pass" })
      // each failure on the way costs the timeout at the most: without an end to silent connections this would never end
      yield* Effect.retry(database.updateBalance(id, 42), Schedule.recurs(10))
      expect((yield* many).every(Either.isRight)).toBe(true)
    })
  )

  /** As through TLS, what has come back does not tell that something is missing. */
  it.scopedLive(
    "whose network goes silent in the middle of a reply costs one operation, whose connection is closed",
    () =>
      Effect.gen(function* () {
        const url = yield* PostgresSchema.make
        const proxy = yield* cuttingProxy(Number(new URL(url).port || 5432))
        const database = yield* open({ url: through(proxy.port, url), operationTimeout: "1 second" })
        const { id } = yield* database.createUser(ada)
        proxy.cutNextReply()
        isDatabaseError(
          "updateBalance",
          /has answered nothing for 700ms/
        )(yield* Effect.flip(database.updateBalance(id, 7)))
        expect(yield* database.updateBalance(id, 8)).toBe(8)
      })
  )

  it.scopedLive(
    "ends a statement that waits for a lock before its caller sees it fail, and does not apply it later",
    () =>
      Effect.gen(function* () {
        const url = yield* PostgresSchema.make
        const database = yield* open({ url, operationTimeout: "1 second" })
        const { id } = yield* database.createUser(ada)
        const other = yield* Effect.acquireRelease(
          Effect.sync(() => new Bun.SQL(url, { max: 1 })),
          (sql) => Effect.promise(() => sql.close())
        )
        yield* Effect.promise(() => other.unsafe(`BEGIN; SELECT 1 FROM ${PostgresSchema.nameOf(url)}.users FOR UPDATE`))
        isDatabaseError("updateBalance", /statement timeout/)(yield* Effect.flip(database.updateBalance(id, 7)))
        yield* Effect.promise(() => other.unsafe("COMMIT"))
        expect(yield* database.getBalance(id)).toBe(0)
      })
  )
})
