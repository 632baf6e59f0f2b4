/**
 * The Database on SQLite or Postgres, by the same statements. Under Bun.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { Database, DatabaseError } from "../Database.js"
import * as DatabaseUrl from "./DatabaseUrl.js"
import * as Migrations from "./Migrations.js"
import * as SqlFailure from "./SqlFailure.js"
import * as SqlStatements from "./SqlStatements.js"

/**
 * How to reach the database.
 *
 * @since 0.1.0
 * @category models
 */
export interface SqlDatabaseOptions {
  /** `sqlite:<file>`, `sqlite::memory:` or `postgres://user:password@host:5432/database` */
  readonly url: string | Redacted.Redacted<string>
  /** how long a connection to Postgres may take: default 5 seconds */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * How long an operation may take, waiting included: for a connection, for a lock that another program holds, for the
   * answer. Default 5 seconds; then it fails with `DatabaseError`. Postgres ends a statement after six tenths of it, and a
   * connection on which nothing is answered for seven tenths is dropped.
   */
  readonly operationTimeout?: Duration.DurationInput | undefined
}

type Timeouts = Pick<SqlDatabaseOptions, "connectTimeout" | "operationTimeout">

const operationTimeoutOf = (options: Timeouts): Duration.Duration =>
  Duration.decode(options.operationTimeout ?? "5 seconds")

const connect = Effect.fnUntraced(function* (url: DatabaseUrl.DatabaseUrl, options: Timeouts) {
  // a program needs only the driver that it uses: each is an optional peer
  if (url._tag === "Postgres") {
    const Postgres = yield* Effect.tryPromise({ try: () => import("./Postgres.js"), catch: SqlFailure.notInstalled })
    const { context, whenLate } = yield* Postgres.open(url.url, {
      connectTimeout: options.connectTimeout ?? "5 seconds",
      operationTimeout: operationTimeoutOf(options)
    })
    return { context, check: Effect.void, whenLate }
  }
  const Sqlite = yield* Effect.tryPromise({ try: () => import("./Sqlite.js"), catch: SqlFailure.notInstalled })
  return { ...(yield* Sqlite.open(url._tag === "SqliteMemory" ? ":memory:" : url.path)), whenLate: Effect.void }
})

const open = (
  url: DatabaseUrl.DatabaseUrl,
  options: Timeouts = {}
): Effect.Effect<Database.Service, DatabaseError, Scope.Scope> =>
  connect(url, options).pipe(
    Effect.flatMap(({ check, context, whenLate }) =>
      Effect.map(
        Effect.provide(
          Effect.zipRight(Migrations.run, SqlStatements.make(operationTimeoutOf(options), whenLate)),
          context
        ),
        (service) => ({
          ...service,
          ping: Effect.zipRight(
            Effect.mapError(
              check,
              (error) => new DatabaseError({ operation: "ping", detail: SqlFailure.describe(error) })
            ),
            service.ping
          )
        })
      )
    ),
    Effect.mapError(
      (error) =>
        new DatabaseError({
          operation: "open",
          detail:
            `${DatabaseUrl.describe(url)} cannot be used (${SqlFailure.describe(error)}); ` +
            `DATABASE_URL may name another one: ${DatabaseUrl.acceptedForms}`
        })
    )
  )

/**
 * Opens the database and brings its tables up to date. Fails with `DatabaseError` when the URL is of no accepted form,
 * or the database cannot be opened or migrated.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * import * as SqlDatabase from "effect-cache-toolkit/game/SqlDatabase"
 *
 * const database = SqlDatabase.layer({ url: "sqlite:./data/toolkit.db" })
 */
export const layer = (options: SqlDatabaseOptions): Layer.Layer<Database, DatabaseError> =>
  Layer.scoped(
    Database,
    DatabaseUrl.parse(options.url).pipe(
      Either.mapLeft((problem) => new DatabaseError({ operation: "open", detail: `DATABASE_URL ${problem}` })),
      Effect.flatMap((url) => open(url, options))
    )
  )

/**
 * The database that `DATABASE_URL` names, by default `sqlite:./data/toolkit.db`. Fails with `ConfigError` when its form
 * is not accepted, with `DatabaseError` as `layer` does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (): Layer.Layer<Database, ConfigError.ConfigError | DatabaseError> =>
  Layer.scoped(
    Database,
    Effect.flatMap(DatabaseUrl.config, (url) => open(url))
  )

/**
 * The database of a URL for a log line: `SQLite ./data/toolkit.db`, `Postgres db.example:5432/game`; never its password.
 *
 * @since 0.1.0
 * @category utils
 */
export const describe = (url: string | Redacted.Redacted<string>): string =>
  Either.match(DatabaseUrl.parse(url), { onLeft: (problem) => `a URL that ${problem}`, onRight: DatabaseUrl.describe })

/**
 * What `layerConfig` opens, for a log line.
 *
 * @since 0.1.0
 * @category config
 */
export const describeConfig: Config.Config<string> = Config.map(DatabaseUrl.config, DatabaseUrl.describe)
