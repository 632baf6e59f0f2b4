import { Database as SqliteFile } from "bun:sqlite"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as SqliteClient from "@effect/sql-sqlite-bun/SqliteClient"
import { describe, expect, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Database, DatabaseError } from "../../src/game/Database.js"
import * as SqlDatabase from "../../src/game/database/SqlDatabase.js"
import * as PostgresSchema from "../support/server/PostgresSchema.js"
import { freePort } from "../support/server/RedisServer.js"

const ada = { username: "ada", displayName: "Ada", email: "ada@example.com" }

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "database-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

const use = <A, E>(url: string, f: (database: Database.Service) => Effect.Effect<A, E>) =>
  Effect.provide(Effect.flatMap(Database, f), SqlDatabase.layer({ url }))

const openingFailure = (options: SqlDatabase.SqlDatabaseOptions) =>
  Layer.build(SqlDatabase.layer(options)).pipe(Effect.flip, Effect.scoped)

const layerConfigWith = (variables: ReadonlyArray<readonly [string, string]>) =>
  Layer.build(SqlDatabase.layerConfig()).pipe(
    Effect.scoped,
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(variables)))
  )

describe("a database whose options cannot be right", () => {
  it.effect.each(["connectTimeout", "operationTimeout"] as const)("dies before it is opened, naming %s", (name) =>
    Effect.gen(function* () {
      const cause = yield* Effect.flip(
        Effect.sandbox(Effect.scoped(Layer.build(SqlDatabase.layer({ url: "sqlite::memory:", [name]: 0 }))))
      )
      expect(String(Cause.squash(cause))).toContain(`option \`${name}\` is 0`)
    })
  )
})

describe("a database URL", () => {
  it("is described without its password", () => {
    expect(SqlDatabase.describe("sqlite:./data/toolkit.db")).toBe("SQLite ./data/toolkit.db")
    expect(SqlDatabase.describe("sqlite:///var/lib/toolkit.db")).toBe("SQLite /var/lib/toolkit.db")
    expect(SqlDatabase.describe("sqlite::memory:")).toBe("SQLite in memory")
    expect(SqlDatabase.describe(Redacted.make("postgres://ada:s3cret@db.example/game?password=s3cret"))).toBe(
      "Postgres db.example:5432/game"
    )
    expect(SqlDatabase.describe("postgresql://ada:s3cret@[::1]:6543/game")).toBe("Postgres [::1]:6543/game")
  })

  it("of another form is rejected without being shown", () => {
    for (const url of [
      "s3cret",
      "mysql://ada:s3cret@db.example/game",
      "s3cret:s3cret",
      "postgres://ada:s3cret/s3cret@db.example/game",
      "postgres://ada:77/s3cret@db.example/game",
      "postgres://ada:77?s3cret@db.example/game",
      "postgres://ada:77#s3cret@db.example/game",
      "sqlite:",
      ""
    ]) {
      const shown = SqlDatabase.describe(url)
      expect(shown).toMatch(/^a URL that /)
      expect(shown).not.toMatch(/s3cret|77/)
    }
  })

  it.effect("of another form fails the layer and says which forms there are", () =>
    Effect.gen(function* () {
      const error = yield* openingFailure({ url: "mysql://ada:s3cret@db.example/game" })
      expect(error).toBeInstanceOf(DatabaseError)
      expect(error.message).toContain("DATABASE_URL")
      expect(error.message).toContain("sqlite:<file>, sqlite::memory: or postgres://")
      expect(error.message).not.toContain("s3cret")
    })
  )

  it.effect("from the environment is named in the ConfigError when its form is wrong", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(layerConfigWith([["DATABASE_URL", "http://ada:s3cret@db.example"]]))
      expect(error).toMatchObject({ _op: "InvalidData", path: ["DATABASE_URL"] })
      expect(String(error)).toContain("sqlite:<file>")
      expect(String(error)).not.toContain("s3cret")
    })
  )

  it.effect("from the environment is opened, and has a default when unset or empty", () =>
    Effect.gen(function* () {
      yield* layerConfigWith([["DATABASE_URL", "sqlite::memory:"]])
      for (const variables of [[], [["DATABASE_URL", " "]]] as ReadonlyArray<Array<[string, string]>>) {
        const described = yield* Effect.withConfigProvider(
          SqlDatabase.describeConfig,
          ConfigProvider.fromMap(new Map(variables))
        )
        expect(described).toBe("SQLite ./data/toolkit.db")
      }
    })
  )
})

describe("a SQLite file", () => {
  it.scoped("is made with its directories, in WAL mode, and keeps what was written", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a", "b", "toolkit.db")
      const created = yield* use(`sqlite:${path}`, (database) => database.createUser(ada))
      expect(yield* use(`sqlite:${path}`, (database) => database.getUser(created.id))).toEqual(created)
      const file = new SqliteFile(path, { readonly: true })
      expect(file.query("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" })
      expect(file.query("SELECT name FROM toolkit_migrations").all()).toEqual([
        { name: "users_and_games" },
        { name: "best_arrival" },
        { name: "fenced_games" },
        { name: "health" }
      ])
      file.close()
    })
  )

  it.scoped("of the program's own client fails the layer when its tables are of another program", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "foreign.db")
      const other = new SqliteFile(path)
      other.run("CREATE TABLE users (name TEXT)")
      other.close()
      const client = Layer.orDie(SqliteClient.layer({ filename: path }))
      const error = yield* Effect.flip(Layer.build(Layer.provide(SqlDatabase.layerClient(), client)))
      expect(error).toMatchObject({ _tag: "DatabaseError", operation: "open" })
      expect(error.message).toContain("table users already exists")
    })
  )

  it.scoped("that cannot be opened fails the layer with what was tried and what to do", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const text = join(directory, "notes.txt")
      writeFileSync(text, "this is no database, and long enough to be taken for the header of one. ".repeat(20))
      const foreign = join(directory, "foreign.db")
      const other = new SqliteFile(foreign)
      other.run("CREATE TABLE users (name TEXT)")
      other.close()
      for (const [path, problem] of [
        [directory, /unable to open database file: choose a file/],
        [join(text, "toolkit.db"), /a file stands where a directory is needed/],
        [text, /file is not a database: the file belongs to something else/],
        [foreign, /table users already exists/]
      ] as const) {
        const error = yield* openingFailure({ url: `sqlite:${path}` })
        expect(error).toMatchObject({ _tag: "DatabaseError", operation: "open" })
        expect(error.message).toContain(`SQLite ${path} cannot be used`)
        expect(error.message).toMatch(problem)
        expect(error.message).toContain("DATABASE_URL may name another one: sqlite:<file>")
      }
    })
  )

  it.scopedLive("is migrated once when several programs start on it together", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "toolkit.db")
      const program = fileURLToPath(new URL("../support/server/openDatabase.ts", import.meta.url))
      const exits = yield* Effect.forEach(
        Array.range(1, 4),
        (i) =>
          Effect.promise(async () => {
            const child = Bun.spawn([process.execPath, program, `sqlite:${path}`, `user-${i}`], { stderr: "pipe" })
            return [await child.exited, await new Response(child.stderr).text()] as const
          }),
        { concurrency: "unbounded" }
      )
      expect(exits).toEqual(Array.replicate([0, ""], 4))
      const file = new SqliteFile(path, { readonly: true })
      expect(file.query("SELECT count(*) AS count FROM users").get()).toEqual({ count: 4 })
      file.close()
    })
  )

  it.scoped("that fails later fails the operation, which is named, and never as a defect", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "toolkit.db")
      yield* use(
        `sqlite:${path}`,
        Effect.fnUntraced(function* (database) {
          const { id } = yield* database.createUser(ada)
          const { id: other } = yield* database.createUser({ ...ada, username: "bob" })
          const file = new SqliteFile(path)
          file.run("ALTER TABLE users RENAME TO elsewhere")
          file.close()
          for (const [operation, effect] of [
            ["getBalance", database.getBalance(id)],
            ["transfer", database.transfer(id, other, 0)],
            ["updateBalance", database.updateBalance(id, 1)]
          ] as const) {
            expect(yield* Effect.flip<unknown, unknown, never>(effect)).toMatchObject({
              _tag: "DatabaseError",
              operation,
              detail: expect.stringContaining("no such table: users")
            })
          }
        })
      )
    })
  )
})

describe("a Postgres", () => {
  it.live("that refuses connections fails the layer without showing the password", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const error = yield* openingFailure({ url: `postgres://ada:s3cret@127.0.0.1:${port}/game` })
      expect(error).toMatchObject({ _tag: "DatabaseError", operation: "open" })
      expect(error.message).toContain(`Postgres 127.0.0.1:${port}/game cannot be used`)
      expect(error.message).toContain("check that the server runs and listens there")
      expect(error.message).toContain("DATABASE_URL")
      expect(JSON.stringify(error) + String(error.stack)).not.toContain("s3cret")
    })
  )

  it.scopedLive("that accepts and never answers fails the layer after the connect timeout", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      yield* Effect.acquireRelease(
        Effect.async<ReturnType<typeof createServer>>((resume) => {
          const server = createServer(() => {}).listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const error = yield* openingFailure({
        url: `postgres://ada:s3cret@127.0.0.1:${port}/game`,
        connectTimeout: "100 millis"
      })
      // by the pool or by the socket, whichever comes first
      expect(error.message).toMatch(/timeout|timed out/)
      expect(error.message).not.toContain("s3cret")
    })
  )

  const onServer = it.scopedLive.skipIf(PostgresSchema.skipReason !== undefined)

  onServer("without the named database fails the layer and says to create it", () =>
    Effect.gen(function* () {
      const url = new URL(process.env.TEST_POSTGRES_URL ?? "")
      url.pathname = "/no_such_database"
      const error = yield* openingFailure({ url: url.href })
      expect(error.message).toContain('database "no_such_database" does not exist: create it, or name another one')
    })
  )

  onServer("is migrated once when several programs start on it together", () =>
    Effect.gen(function* () {
      const url = yield* PostgresSchema.make
      yield* Effect.forEach(Array.range(1, 5), (i) => use(url, (d) => d.createUser({ ...ada, username: `ada-${i}` })), {
        concurrency: "unbounded"
      })
    })
  )

  onServer("is opened by a program that meets the table's type before its table", () =>
    Effect.gen(function* () {
      const url = yield* PostgresSchema.make
      const schema = PostgresSchema.nameOf(url)
      const type = `${schema}.toolkit_migrations`
      yield* PostgresSchema.send(`CREATE TYPE ${type} AS ENUM ('created by another program')`)
      const opened = yield* Effect.fork(use(url, (database) => database.createUser(ada)))
      const tries = PostgresSchema.send(
        `SELECT 1 FROM pg_stat_activity
         WHERE application_name = '${schema}' AND state LIKE 'idle%' AND query LIKE '%CREATE TABLE%'`
      )
      yield* Effect.repeat(tries, { until: (rows) => rows.length > 0 || opened.unsafePoll() !== null })
      yield* PostgresSchema.send(`DROP TYPE ${type}`)
      expect(yield* Fiber.join(opened)).toMatchObject(ada)
    })
  )

  onServer("that cuts its connections costs DatabaseErrors and no money", () =>
    Effect.gen(function* () {
      const url = yield* PostgresSchema.make
      yield* use(
        url,
        Effect.fnUntraced(function* (database) {
          const a = yield* database.createUser(ada)
          const b = yield* database.createUser({ ...ada, username: "bob" })
          yield* database.updateBalance(a.id, 1000)
          const cut = PostgresSchema.send(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = '${PostgresSchema.nameOf(url)}'`
          )
          const cuts = yield* Effect.fork(Effect.repeatN(cut, 9))
          const outcomes: globalThis.Array<Either.Either<unknown, { readonly _tag: string }>> = []
          while (cuts.unsafePoll() === null) {
            const round = Array.makeBy(20, (i) =>
              Effect.either(i % 2 === 0 ? database.transfer(a.id, b.id, 3) : database.transfer(b.id, a.id, 2))
            )
            outcomes.push(...(yield* Effect.all(round, { concurrency: "unbounded" })))
          }
          const failures = new Set(Array.getLefts(outcomes).map(({ _tag }) => _tag))
          expect(failures).toContain("DatabaseError")
          failures.delete("DatabaseError")
          failures.delete("InsufficientFunds")
          expect([...failures]).toEqual([])
          const balances = yield* Effect.forEach([a.id, b.id], (id) =>
            Effect.retry(database.getBalance(id), { times: 20 })
          )
          expect(balances.reduce((sum, balance) => sum + balance)).toBe(1000)
        })
      )
    })
  )
})
