/**
 * The tables, made step by step: a step that was released is never edited, the next one is added.
 *
 * @since 0.1.0
 */
import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as SqlFailure from "./SqlFailure.js"

/** Not the migrator's default: a database may be shared with a program that numbers migrations of its own. */
const table = "toolkit_migrations"

const usersAndGames = Effect.gen(function* () {
  const sql = yield* SqlClient
  // ids order by bytes, as members of a Redis sorted set do; that is SQLite's default
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

/** Scores from before are all older than those that come, and equal ones among them rank by id. */
const bestArrival = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`ALTER TABLE users ADD COLUMN best_arrival BIGINT NOT NULL DEFAULT 0`
  yield* sql`DROP INDEX users_by_best_score`
  yield* sql`CREATE INDEX users_by_rank ON users (best_score DESC, best_arrival, id DESC) WHERE games_played > 0`
  yield* sql`CREATE INDEX users_by_best_arrival ON users (best_arrival)`
})

/** Every fencing token is greater than 0: a game from before takes the first one. */
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
 * Brings the tables up to date. Several processes may do so at once: one does the work and the others wait for it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run: Effect.Effect<void, SqlError | Migrator.MigrationError, SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* migrate
  // the migrator also succeeds when it finds another process at work, whose tables are not there yet
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
