/**
 * Creates the tables step by step. A released step is never edited; a change adds the next step.
 *
 * @since 0.1.0
 */
import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as SqlFailure from "./SqlFailure.js"

/** Not the migrator's default: another program may number its own migrations in the same database. */
const table = "toolkit_migrations"

const usersAndGames = Effect.gen(function* () {
  const sql = yield* SqlClient
  // ids order by bytes, like the members of a Redis sorted set and the texts of SQLite
  const id = sql.onDialectOrElse({
    pg: () => sql.literal(`TEXT COLLATE "C"`),
    orElse: () => sql.literal("TEXT")
  })
  const natural = (column: string) =>
    sql.literal(`${column} BIGINT NOT NULL CHECK (${column} BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER})`)

  yield* sql`
    CREATE TABLE users (
      id ${id} NOT NULL PRIMARY KEY,
      username TEXT NOT NULL CONSTRAINT ${sql(SqlFailure.usernameConstraint)} UNIQUE,
      display_name TEXT NOT NULL,
      email TEXT NOT NULL,
      created_at BIGINT NOT NULL,
      ${natural("balance")},
      bonus_claimed_at BIGINT,
      ${natural("games_played")},
      ${natural("games_won")},
      ${natural("best_score")},
      ${natural("total_score")}
    )`
  yield* sql`CREATE INDEX users_by_best_score ON users (best_score, id) WHERE games_played > 0`
  yield* sql`
    CREATE TABLE games (
      id ${id} NOT NULL PRIMARY KEY,
      players TEXT NOT NULL,
      status TEXT NOT NULL,
      round BIGINT NOT NULL,
      started_at BIGINT NOT NULL
    )`
})

/** Existing scores are older than all later ones, and rank by id among equals. */
const bestArrival = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`ALTER TABLE users ADD COLUMN best_arrival BIGINT NOT NULL DEFAULT 0`
  yield* sql`DROP INDEX users_by_best_score`
  yield* sql`CREATE INDEX users_by_rank ON users (best_score DESC, best_arrival, id DESC) WHERE games_played > 0`
  yield* sql`CREATE INDEX users_by_best_arrival ON users (best_arrival)`
})

/** Fencing tokens are greater than 0, so that an existing game accepts the first one. */
const fencedGames = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`ALTER TABLE games ADD COLUMN fencing_token BIGINT NOT NULL DEFAULT 0`
})

/** One row, which the health check writes. */
const health = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`CREATE TABLE toolkit_health (id BIGINT NOT NULL PRIMARY KEY, checked_at BIGINT NOT NULL)`
})

const steps = {
  "1_users_and_games": usersAndGames,
  "2_best_arrival": bestArrival,
  "3_fenced_games": fencedGames,
  "4_health": health
}

const latest = Object.keys(steps).length

const migrate = Migrator.make({})({ loader: Migrator.fromRecord(steps), table })

/**
 * Brings the tables up to date. When several processes start at once, one migrates and the others wait.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run: Effect.Effect<void, SqlError | Migrator.MigrationError, SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* migrate
  // the migrator also succeeds when another process is migrating, before the tables exist
  const done = yield* sql`SELECT migration_id FROM ${sql(table)} WHERE migration_id >= ${latest}`
  if (done.length === 0) {
    return yield* new Migrator.MigrationError({ reason: "locked", message: "another process is migrating it" })
  }
}).pipe(
  SqlFailure.fromDefect((defect) => defect instanceof SqlError || defect instanceof Migrator.MigrationError),
  Effect.retry({
    schedule: Schedule.spaced("50 millis"),
    times: 100,
    while: (error) =>
      SqlFailure.isBusy(error) ||
      (error._tag === "SqlError" ? SqlFailure.isCreatedTwice(error) : error.reason === "locked")
  })
)
