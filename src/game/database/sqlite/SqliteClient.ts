/**
 * A `SqlClient` over the SQLite that is part of Bun and of Node from 22.13 on, without a package to install.
 *
 * @since 0.2.0
 */
import type { SQLInputValue, StatementSync } from "node:sqlite"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import * as Statement from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import { TwoGenerationMap } from "../../../internal/collection/TwoGenerationMap.js"

/** The names that drivers give to the result codes of SQLite (https://www.sqlite.org/rescode.html). */
const resultCodes: Record<number, string> = {
  5: "SQLITE_BUSY",
  6: "SQLITE_LOCKED",
  8: "SQLITE_READONLY",
  11: "SQLITE_CORRUPT",
  13: "SQLITE_FULL",
  14: "SQLITE_CANTOPEN",
  26: "SQLITE_NOTADB",
  275: "SQLITE_CONSTRAINT_CHECK",
  2067: "SQLITE_CONSTRAINT_UNIQUE"
}

/** A failure of SQLite, with the name of its result code. Anything else that is thrown stays as it is. */
const named = (thrown: unknown): unknown => {
  if (!Predicate.hasProperty(thrown, "errcode") || !Predicate.isNumber(thrown.errcode)) return thrown
  // the last byte of an extended code is the plain one
  const code = resultCodes[thrown.errcode] ?? resultCodes[thrown.errcode & 0xff] ?? "SQLITE_ERROR"
  const message = Predicate.hasProperty(thrown, "message") ? String(thrown.message) : code
  return Object.assign(new Error(message, { cause: thrown }), { code })
}

const failed =
  (message: string) =>
  (thrown: unknown): SqlError =>
    new SqlError({ cause: named(thrown), message })

/** How many statements stay compiled. */
const compiledStatements = 100

/**
 * Opens a file, or with `:memory:` a database that ends with the scope. Its statements run one after the other, and while a
 * transaction is open, those of others wait. Fails with `SqlError` when the file cannot be opened, or on a Node without SQLite.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (filename: string): Effect.Effect<SqlClient.SqlClient, SqlError, Scope.Scope> =>
  Effect.gen(function* () {
    const { DatabaseSync } = yield* Effect.tryPromise({
      try: () => import("node:sqlite"),
      catch: (cause) =>
        new SqlError({
          cause: new Error(
            "this runtime has no SQLite: use Bun 1.4 or Node 22.13, or pass a client such as that of " +
              "@effect/sql-sqlite-node to SqlDatabase.layerClient",
            { cause }
          )
        })
    })
    const database = yield* Effect.acquireRelease(
      Effect.try({ try: () => new DatabaseSync(filename), catch: failed("SQLite does not open") }),
      (open) => Effect.sync(() => open.close())
    )

    const compiled = new TwoGenerationMap<StatementSync>(compiledStatements)
    const compile = (sql: string): StatementSync => {
      const known = compiled.get(sql)
      if (known !== undefined) return known
      const statement = database.prepare(sql)
      compiled.set(sql, statement)
      return statement
    }
    const run = (sql: string, values: ReadonlyArray<unknown>) =>
      Effect.try({
        // SQLite itself rejects a value that it cannot store
        try: () => compile(sql).all(...(values as ReadonlyArray<SQLInputValue>)),
        catch: failed("SQLite rejects a statement")
      })
    const execute: Connection["execute"] = (sql, values, transform) =>
      transform === undefined ? run(sql, values) : Effect.map(run(sql, values), transform)
    const connection: Connection = {
      execute,
      executeRaw: run,
      executeUnprepared: execute,
      executeStream: () => Effect.dieMessage("this client has no streams"),
      executeValues: () => Effect.dieMessage("this client has no rows without names")
    }

    const turn = yield* Effect.makeSemaphore(1)
    return yield* SqlClient.make({
      acquirer: Effect.as(turn.withPermits(1)(Effect.void), connection),
      transactionAcquirer: Effect.uninterruptibleMask((restore) =>
        Effect.as(
          Effect.acquireRelease(restore(turn.take(1)), () => turn.release(1)),
          connection
        )
      ),
      compiler: Statement.makeCompilerSqlite(),
      spanAttributes: [["db.system.name", "sqlite"]]
    })
  }).pipe(Effect.provide(Reactivity.layer))
