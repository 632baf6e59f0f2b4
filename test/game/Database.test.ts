import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as SqliteClient from "@effect/sql-sqlite-bun/SqliteClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MemoryDatabase from "../../src/game/database/MemoryDatabase.js"
import * as SqlDatabase from "../../src/game/database/SqlDatabase.js"
import { suite } from "../suites/DatabaseSuite.js"
import * as PostgresSchema from "../support/server/PostgresSchema.js"

const temporaryFile = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "database-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  ),
  (directory) => join(directory, "missing", "toolkit.db")
)

suite("MemoryDatabase", MemoryDatabase.layer)
suite("SqlDatabase on SQLite in memory", SqlDatabase.layer({ url: "sqlite::memory:" }))
suite(
  "SqlDatabase on a SQLite file",
  Layer.unwrapScoped(Effect.map(temporaryFile, (path) => SqlDatabase.layer({ url: `sqlite:${path}` })))
)
suite(
  "SqlDatabase on a client of the program",
  Layer.provide(SqlDatabase.layerClient(), Layer.orDie(SqliteClient.layer({ filename: ":memory:" })))
)
suite(
  "SqlDatabase on Postgres",
  Layer.unwrapScoped(Effect.map(PostgresSchema.make, (url) => SqlDatabase.layer({ url }))),
  PostgresSchema.skipReason
)
