/**
 * Connects to SQLite: to a file, whose directory is created when missing, or to memory.
 *
 * @since 0.1.0
 */
import { mkdir, open as openFile } from "node:fs/promises"
import { dirname } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as SqlFailure from "../SqlFailure.js"
import * as SqliteClient from "./SqliteClient.js"

/**
 * An open database.
 *
 * @since 0.2.0
 * @category models
 */
export interface Sqlite {
  readonly context: Context.Context<SqlClient>
  /**
   * Fails with `SqlError` when the open file is no longer the one at its path, or no longer a database. SQLite itself
   * continues to write to a deleted file, and may not read again what it has cached.
   */
  readonly check: Effect.Effect<void, SqlError>
}

const memory = ":memory:"

/** The first bytes of every SQLite file (https://www.sqlite.org/fileformat.html, section 1.3.1). */
const magic = "SQLite format 3\0"

const failure = (message: string): SqlError => new SqlError({ cause: new Error(message), message })

const connect = (filename: string): Effect.Effect<Context.Context<SqlClient>, SqlError, Scope.Scope> =>
  Effect.gen(function* () {
    const sql = yield* SqliteClient.make(filename)
    // SQLite would block the process while it waits, so a statement that meets a lock is retried instead
    yield* sql`PRAGMA busy_timeout = 0`
    yield* SqlFailure.retryWhileBusy(sql`PRAGMA journal_mode = WAL`).pipe(
      Effect.timeoutFail({ duration: "5 seconds", onTimeout: () => SqlFailure.timedOut(Duration.seconds(5)) })
    )
    return Context.make(SqlClient, sql)
  })

/** Creates a file that only this user can read, whatever the umask. SQLite gives its other files the same mode. */
const create = (path: string): Effect.Effect<void> =>
  Effect.promise(() =>
    openFile(path, "wx", 0o600).then(
      (file) => file.close(),
      // the file exists, or SQLite will report why it cannot be created
      () => {}
    )
  )

interface FileIdentity {
  readonly device: bigint
  readonly inode: bigint
  readonly head: string
}

const identify = (path: string): Effect.Effect<FileIdentity, SqlError> =>
  Effect.tryPromise({
    try: async () => {
      const file = await openFile(path, "r")
      try {
        const { dev, ino } = await file.stat({ bigint: true })
        const { buffer, bytesRead } = await file.read(Buffer.alloc(magic.length), 0, magic.length, 0)
        return { device: dev, inode: ino, head: buffer.toString("latin1", 0, bytesRead) }
      } finally {
        await file.close()
      }
    },
    catch: (cause) =>
      failure(`the file ${path} cannot be read any more (${cause instanceof Error ? cause.message : cause})`)
  })

const unchanged = (path: string, opened: FileIdentity): Effect.Effect<void, SqlError> =>
  Effect.flatMap(identify(path), ({ device, head, inode }) => {
    if (device !== opened.device || inode !== opened.inode) {
      return failure(`another file stands at ${path} than was opened: restart the program, or put the file back`)
    }
    return head === magic ? Effect.void : failure(`${path} is no SQLite database any more: restore it from a backup`)
  })

/**
 * Opens a file, or with `:memory:` a database that ends with the scope. Only this user can read a new file. Fails with
 * `SqlError` when the directory cannot be created or the file cannot be opened.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (path: string): Effect.Effect<Sqlite, SqlError, Scope.Scope> =>
  path === memory
    ? Effect.map(connect(path), (context) => ({ context, check: Effect.void }))
    : Effect.gen(function* () {
        yield* Effect.tryPromise({
          try: () => mkdir(dirname(path), { recursive: true, mode: 0o700 }),
          catch: (cause) => new SqlError({ cause, message: "the directory cannot be created" })
        })
        yield* create(path)
        const context = yield* connect(path)
        const opened = yield* identify(path)
        return { context, check: unchanged(path, opened) }
      })
