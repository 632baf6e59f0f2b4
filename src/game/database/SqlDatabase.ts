/**
 * Implements `Database` on SQLite or Postgres with the same statements. SQLite is that of Bun or of Node 22.13; `layerClient`
 * takes any other client of `@effect/sql`.
 *
 * @since 0.1.0
 */
import "../../internal/EffectVersion.js"
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import { Database, DatabaseError } from "../Database.js"
import * as DatabaseUrl from "./DatabaseUrl.js"
import * as Migrations from "./Migrations.js"
import * as SqlFailure from "./SqlFailure.js"
import * as SqlStatements from "./SqlStatements.js"
import * as SqliteFile from "./sqlite/SqliteFile.js"

/**
 * The URL of the database and its time-outs.
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
   * how long an operation may take, including the wait for a connection or a lock; default 5 seconds. Then it fails
   * with `DatabaseError`. Postgres ends a statement after six tenths of this time, and a connection without a reply for
   * seven tenths is dropped.
   */
  readonly operationTimeout?: Duration.DurationInput | undefined
}

type Timeouts = Pick<SqlDatabaseOptions, "connectTimeout" | "operationTimeout">

const timeoutsOf = (options: Timeouts) => {
  const check = OptionCheck.make("SqlDatabase")
  return {
    connectTimeout: Duration.decode(check.positiveDuration("connectTimeout", options.connectTimeout) ?? "5 seconds"),
    operationTimeout: Duration.decode(
      check.positiveDuration("operationTimeout", options.operationTimeout) ?? "5 seconds"
    )
  }
}

const openingFailure = (detail: string): DatabaseError => new DatabaseError({ operation: "open", detail })

const connect = Effect.fnUntraced(function* (url: DatabaseUrl.DatabaseUrl, timeouts: ReturnType<typeof timeoutsOf>) {
  // the driver of Postgres is an optional peer
  if (url._tag === "Postgres") {
    const Postgres = yield* Effect.tryPromise({ try: () => import("./Postgres.js"), catch: SqlFailure.notInstalled })
    const { context, whenLate } = yield* Postgres.open(url.url, timeouts)
    return { context, check: Effect.void, whenLate }
  }
  return { ...(yield* SqliteFile.open(url._tag === "SqliteMemory" ? ":memory:" : url.path)), whenLate: Effect.void }
})

const open = (
  url: DatabaseUrl.DatabaseUrl,
  options: Timeouts = {}
): Effect.Effect<Database.Service, DatabaseError, Scope.Scope> =>
  Effect.suspend(() => {
    const timeouts = timeoutsOf(options)
    return Effect.map(connect(url, timeouts), (connected) => ({ ...connected, timeouts }))
  }).pipe(
    Effect.flatMap(({ check, context, timeouts, whenLate }) =>
      Effect.map(
        Effect.provide(
          Effect.zipRight(Migrations.run, SqlStatements.make(timeouts.operationTimeout, whenLate)),
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
    Effect.mapError((error) =>
      openingFailure(
        `${DatabaseUrl.describe(url)} cannot be used (${SqlFailure.describe(error)}); ` +
          `DATABASE_URL may name another one: ${DatabaseUrl.acceptedForms}`
      )
    )
  )

/**
 * Opens the database and brings its tables up to date. Fails with `DatabaseError` when the URL has another form, or
 * when the database cannot be opened or migrated. A timeout that cannot be right is a defect.
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
      Either.mapLeft((problem) => openingFailure(`DATABASE_URL ${problem}`)),
      Effect.flatMap((url) => open(url, options))
    )
  )

/**
 * Keeps the tables in the database of a client of SQLite or Postgres that the program provides, and brings them up to date.
 * Fails with `DatabaseError` when they cannot be migrated.
 *
 * The time-outs of statements are the client's own: a statement may be applied after its operation has timed out.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { SqliteClient } from "@effect/sql-sqlite-bun"
 * import { Layer } from "effect"
 * import * as SqlDatabase from "effect-cache-toolkit/game/SqlDatabase"
 *
 * const database = Layer.provide(SqlDatabase.layerClient(), SqliteClient.layer({ filename: "toolkit.db" }))
 */
export const layerClient = (
  options: Pick<SqlDatabaseOptions, "operationTimeout"> = {}
): Layer.Layer<Database, DatabaseError, SqlClient> =>
  Layer.effect(
    Database,
    Effect.gen(function* () {
      const { operationTimeout } = timeoutsOf(options)
      yield* Effect.mapError(Migrations.run, (error) => openingFailure(SqlFailure.describe(error)))
      return yield* SqlStatements.make(operationTimeout, Effect.void)
    })
  )

/**
 * Opens the database of `DATABASE_URL`, `sqlite:./data/toolkit.db` by default. Fails with `ConfigError` for a URL of
 * another form, and with `DatabaseError` like `layer`.
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
 * Describes the database of a URL for a log line, without its password: `SQLite ./data/toolkit.db`.
 *
 * @since 0.1.0
 * @category utils
 */
export const describe = (url: string | Redacted.Redacted<string>): string =>
  Either.match(DatabaseUrl.parse(url), { onLeft: (problem) => `a URL that ${problem}`, onRight: DatabaseUrl.describe })

/**
 * Describes the database of `layerConfig` for a log line.
 *
 * @since 0.1.0
 * @category config
 */
export const describeConfig: Config.Config<string> = Config.map(DatabaseUrl.config, DatabaseUrl.describe)
