/**
 * A connection to SQLite: to a file, whose directory is made when missing, or to memory.
 *
 * @since 0.1.0
 */
import { SQLiteError } from "bun:sqlite"
import { mkdir } from "node:fs/promises"
import { dirname } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as SqliteClient from "@effect/sql-sqlite-bun/SqliteClient"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as SqlFailure from "./SqlFailure.js"

const memory = ":memory:"

/** For how long a statement waits while another process writes. */
const busyTimeoutMillis = 5000

const connect = (filename: string): Effect.Effect<Context.Context<SqlClient>, SqlError, Scope.Scope> =>
  // the client would ask for WAL before the busy timeout is set, and fail beside another process that starts
  Layer.build(SqliteClient.layer({ filename, disableWAL: true })).pipe(
    // its type names a ConfigError, which only its variant that reads the environment has
    Effect.orDie,
    SqlFailure.fromDefect((defect) => defect instanceof SQLiteError),
    Effect.mapError((cause) => new SqlError({ cause, message: "SQLite does not open" })),
    Effect.tap((context) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* sql`PRAGMA busy_timeout = ${sql.literal(`${busyTimeoutMillis}`)}`
        yield* sql`PRAGMA journal_mode = WAL`
      }).pipe(Effect.provide(context))
    )
  )

/**
 * Opens a file, or with `:memory:` a database that ends with the scope. Fails with `SqlError` when the directory cannot
 * be made or the file cannot be opened.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (path: string): Effect.Effect<Context.Context<SqlClient>, SqlError, Scope.Scope> =>
  path === memory
    ? connect(path)
    : Effect.tryPromise({
        try: () => mkdir(dirname(path), { recursive: true }),
        catch: (cause) => new SqlError({ cause, message: "the directory cannot be made" })
      }).pipe(Effect.zipRight(connect(path)))
