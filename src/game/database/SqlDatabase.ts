/**
 * The Database on SQLite or Postgres, by the same statements. Under Bun.
 *
 * @since 0.1.0
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import {
  DailyBonusAlreadyClaimed,
  Database,
  DatabaseError,
  dailyBonusInterval,
  GameNotFound,
  InsufficientFunds,
  StaleFencingToken,
  UserNotFound,
  UsernameTaken
} from "../Database.js"
import { type GameId, GameState, type UserId, UserProfile } from "../Player.js"
import * as DatabaseUrl from "./DatabaseUrl.js"
import * as Input from "./Input.js"
import * as Migrations from "./Migrations.js"
import * as RandomId from "./RandomId.js"
import * as Rows from "./Rows.js"
import * as SqlFailure from "./SqlFailure.js"

/**
 * The service over any connection whose tables are up to date.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Database.Service, never, SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient

  const failed = (operation: string) => (error: SqlError) =>
    new DatabaseError({ operation, detail: SqlFailure.describe(error) })

  const transaction = <A, E>(effect: Effect.Effect<A, E>) =>
    sql.withTransaction(effect).pipe(SqlFailure.fromDefect((defect) => defect instanceof SqlError))

  const profileColumns = sql.literal(`id, username, display_name AS "displayName", email, created_at AS "createdAt"`)
  const gameColumns = sql.literal(`id, players, status, round, started_at AS "startedAt"`)
  const statsColumns = sql.literal(
    `games_played AS "gamesPlayed", games_won AS "gamesWon", best_score AS "bestScore", total_score AS "totalScore"`
  )

  const orNotFound =
    (userId: UserId) =>
    <A, E>(found: Effect.Effect<Option.Option<A>, E>): Effect.Effect<A, E | UserNotFound> =>
      Effect.flatMap(
        found,
        Option.match({ onNone: () => new UserNotFound({ userId }), onSome: (row) => Effect.succeed(row) })
      )

  const orNoGame =
    (gameId: GameId) =>
    <A, E>(found: Effect.Effect<Option.Option<A>, E>): Effect.Effect<A, E | GameNotFound> =>
      Effect.flatMap(
        found,
        Option.match({ onNone: () => new GameNotFound({ gameId }), onSome: (row) => Effect.succeed(row) })
      )

  const unlessTaken =
    (username: string) =>
    <A, E>(write: Effect.Effect<A, E | SqlError>): Effect.Effect<A, E | SqlError | UsernameTaken> =>
      Effect.mapError(write, (error) =>
        error instanceof SqlError && SqlFailure.isUsernameTaken(error) ? new UsernameTaken({ username }) : error
      )

  const balanceOf = (userId: UserId) =>
    Rows.balance(sql`SELECT balance FROM users WHERE id = ${userId}`).pipe(orNotFound(userId))

  return Database.of({
    createUser: Effect.fnUntraced(function* (user) {
      const { displayName, email, username } = yield* Input.newUser("createUser", user)
      const id = yield* RandomId.userId
      const createdAt = yield* DateTime.now
      yield* sql`
        INSERT INTO users
          (id, username, display_name, email, created_at, balance, games_played, games_won, best_score, total_score)
        VALUES (${id}, ${username}, ${displayName}, ${email}, ${createdAt.epochMillis}, 0, 0, 0, 0, 0)
      `.pipe(unlessTaken(username), Effect.catchTag("SqlError", failed("createUser")))
      return new UserProfile({ id, username, displayName, email, createdAt })
    }),

    getUser: (userId) =>
      Rows.profile(sql`SELECT ${profileColumns} FROM users WHERE id = ${userId}`).pipe(
        orNotFound(userId),
        Effect.catchTag("SqlError", failed("getUser"))
      ),

    updateUser: Effect.fnUntraced(function* (userId, updates) {
      const { displayName, email, username } = yield* Input.userUpdates("updateUser", updates)
      return yield* Rows.profile(sql`
        UPDATE users
        SET username = COALESCE(${username ?? null}, username),
            display_name = COALESCE(${displayName ?? null}, display_name),
            email = COALESCE(${email ?? null}, email)
        WHERE id = ${userId}
        RETURNING ${profileColumns}
      `).pipe(unlessTaken(username ?? ""), orNotFound(userId), Effect.catchTag("SqlError", failed("updateUser")))
    }),

    getBalance: (userId) => balanceOf(userId).pipe(Effect.catchTag("SqlError", failed("getBalance"))),

    updateBalance: Effect.fnUntraced(function* (userId, balance) {
      const next = yield* Input.amount("updateBalance", balance)
      return yield* Rows.balance(sql`UPDATE users SET balance = ${next} WHERE id = ${userId} RETURNING balance`).pipe(
        orNotFound(userId),
        Effect.catchTag("SqlError", failed("updateBalance"))
      )
    }),

    transfer: Effect.fnUntraced(function* (from, to, requested) {
      const amount = yield* Input.amount("transfer", requested)
      const uncovered = (balance: number) => new InsufficientFunds({ userId: from, balance })
      const debited = Rows.balance(sql`
        UPDATE users SET balance = balance - ${amount} WHERE id = ${from} AND balance >= ${amount} RETURNING balance
      `)
      const credited = Rows.balance(sql`
        UPDATE users SET balance = balance + ${amount} WHERE id = ${to} RETURNING balance
      `)
      const toOneself = Effect.flatMap(balanceOf(from), (balance) =>
        balance < amount ? uncovered(balance) : Effect.succeed({ from: balance, to: balance })
      )
      const toAnother = Effect.gen(function* () {
        // says what is wrong in an order of its own, whichever row is touched first; the updates decide all the same
        const available = yield* balanceOf(from)
        yield* balanceOf(to)
        if (available < amount) return yield* uncovered(available)
        // rows lock in the order of ids, so that transfers in opposite directions cannot deadlock
        const moved = yield* Effect.all(from < to ? { debited, credited } : { credited, debited })
        if (Option.isSome(moved.debited) && Option.isSome(moved.credited)) {
          return { from: moved.debited.value, to: moved.credited.value }
        }
        const balance = yield* balanceOf(from)
        return yield* Option.isNone(moved.credited) ? new UserNotFound({ userId: to }) : uncovered(balance)
      })
      return yield* (from === to ? toOneself : transaction(toAnother)).pipe(
        Effect.catchTag("SqlError", failed("transfer"))
      )
    }),

    getStats: (userId) =>
      Rows.stats(sql`SELECT ${statsColumns} FROM users WHERE id = ${userId}`).pipe(
        orNotFound(userId),
        Effect.catchTag("SqlError", failed("getStats"))
      ),

    recordGame: Effect.fnUntraced(function* (userId, game) {
      const { score, won } = yield* Input.playedGame("recordGame", game)
      return yield* Rows.recordedGame(sql`
        UPDATE users
        SET games_played = games_played + 1,
            games_won = games_won + ${won ? 1 : 0},
            best_arrival = CASE
              WHEN games_played = 0 OR best_score < ${score} THEN (SELECT COALESCE(MAX(best_arrival), 0) + 1 FROM users)
              ELSE best_arrival
            END,
            best_score = CASE WHEN best_score < ${score} THEN ${score} ELSE best_score END,
            total_score = total_score + ${score}
        WHERE id = ${userId}
        RETURNING ${statsColumns}, best_arrival AS arrival
      `).pipe(orNotFound(userId), Effect.catchTag("SqlError", failed("recordGame")))
    }),

    claimDailyBonus: Effect.fnUntraced(function* (userId, { amount, now }) {
      const bonus = yield* Input.amount("claimDailyBonus", amount)
      const claimable = DateTime.subtractDuration(now, dailyBonusInterval)
      const granted = Rows.balance(sql`
        UPDATE users
        SET balance = balance + ${bonus}, bonus_claimed_at = ${now.epochMillis}
        WHERE id = ${userId} AND (bonus_claimed_at IS NULL OR bonus_claimed_at <= ${claimable.epochMillis})
        RETURNING balance
      `)
      const refused = Rows.bonus(sql`
        SELECT bonus_claimed_at AS "claimedAt" FROM users WHERE id = ${userId} AND bonus_claimed_at IS NOT NULL
      `).pipe(
        orNotFound(userId),
        Effect.flatMap((claimedAt) => DailyBonusAlreadyClaimed.since(userId, claimedAt, now))
      )
      return yield* Effect.flatMap(
        granted,
        Option.match({ onNone: () => refused, onSome: (balance) => Effect.succeed(balance) })
      ).pipe(Effect.catchTag("SqlError", failed("claimDailyBonus")))
    }),

    topScores: Effect.fnUntraced(function* (page) {
      const { limit, offset } = yield* Input.page("topScores", page)
      return yield* Rows.scores(sql`
        SELECT id AS "userId", best_score AS score, best_arrival AS arrival
        FROM users
        WHERE games_played > 0
        ORDER BY best_score DESC, best_arrival, id DESC
        LIMIT ${limit} OFFSET ${offset}
      `).pipe(Effect.catchTag("SqlError", failed("topScores")))
    }),

    rankOf: (userId) =>
      Rows.rank(sql`
        SELECT me.best_score AS score, (
          SELECT count(*) FROM users
          WHERE games_played > 0 AND best_score >= me.best_score AND (
            best_score > me.best_score
            OR best_arrival < me.best_arrival
            OR (best_arrival = me.best_arrival AND id > me.id)
          )
        ) AS rank
        FROM users me
        WHERE id = ${userId} AND games_played > 0
      `).pipe(orNotFound(userId), Effect.catchTag("SqlError", failed("rankOf"))),

    createGame: Effect.fnUntraced(function* (players) {
      const id = yield* RandomId.gameId
      const startedAt = yield* DateTime.now
      const game = new GameState({ id, players, status: "running", round: 0, startedAt })
      yield* sql`
        INSERT INTO games (id, players, status, round, started_at)
        VALUES (${id}, ${JSON.stringify(players)}, ${game.status}, ${game.round}, ${startedAt.epochMillis})
      `.pipe(Effect.catchTag("SqlError", failed("createGame")))
      return game
    }),

    getGame: (gameId) =>
      Rows.game(sql`SELECT ${gameColumns} FROM games WHERE id = ${gameId}`).pipe(
        orNoGame(gameId),
        Effect.catchTag("SqlError", failed("getGame"))
      ),

    updateGame: Effect.fnUntraced(function* (gameId, requested, token) {
      const { fencingToken, updates } = yield* Input.gameUpdate("updateGame", {
        updates: requested,
        fencingToken: token
      })
      const written = Rows.game(sql`
        UPDATE games
        SET status = COALESCE(${updates.status ?? null}, status),
            round = COALESCE(${updates.round ?? null}, round),
            fencing_token = ${fencingToken}
        WHERE id = ${gameId} AND fencing_token <= ${fencingToken}
        RETURNING ${gameColumns}
      `)
      const refused = Rows.fence(sql`
        SELECT fencing_token AS "fencingToken" FROM games WHERE id = ${gameId}
      `).pipe(
        orNoGame(gameId),
        Effect.flatMap((latest) => new StaleFencingToken({ gameId, fencingToken, latest }))
      )
      return yield* Effect.flatMap(
        written,
        Option.match({ onNone: () => refused, onSome: (game) => Effect.succeed(game) })
      ).pipe(Effect.catchTag("SqlError", failed("updateGame")))
    }),

    deleteGame: (gameId) =>
      sql`DELETE FROM games WHERE id = ${gameId} RETURNING id`.pipe(
        Effect.filterOrFail(
          (deleted) => deleted.length > 0,
          () => new GameNotFound({ gameId })
        ),
        Effect.asVoid,
        Effect.catchTag("SqlError", failed("deleteGame"))
      ),

    countGames: Rows.count(sql`SELECT count(*) AS count FROM games`).pipe(
      Effect.map(Option.getOrElse(() => 0)),
      Effect.catchTag("SqlError", failed("countGames"))
    ),

    ping: sql`SELECT 1`.pipe(
      Effect.asVoid,
      Effect.catchTag("SqlError", failed("ping")),
      // who stops waiting for an answer does not wait until the server has cancelled the question
      Effect.disconnect
    )
  })
})

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
}

const connect = Effect.fnUntraced(function* (url: DatabaseUrl.DatabaseUrl, connectTimeout: Duration.DurationInput) {
  // a program needs only the driver that it uses: each is an optional peer
  if (url._tag === "Postgres") {
    const Postgres = yield* Effect.tryPromise({ try: () => import("./Postgres.js"), catch: SqlFailure.notInstalled })
    return yield* Postgres.open(url.url, connectTimeout)
  }
  const Sqlite = yield* Effect.tryPromise({ try: () => import("./Sqlite.js"), catch: SqlFailure.notInstalled })
  return yield* Sqlite.open(url._tag === "SqliteMemory" ? ":memory:" : url.path)
})

const open = (
  url: DatabaseUrl.DatabaseUrl,
  connectTimeout: Duration.DurationInput = "5 seconds"
): Effect.Effect<Database.Service, DatabaseError, Scope.Scope> =>
  connect(url, connectTimeout).pipe(
    Effect.flatMap((context) => Effect.provide(Effect.zipRight(Migrations.run, make), context)),
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
 * import * as SqlDatabase from "effect-cache-toolkit/game/database/SqlDatabase"
 *
 * const database = SqlDatabase.layer({ url: "sqlite:./data/toolkit.db" })
 */
export const layer = (options: SqlDatabaseOptions): Layer.Layer<Database, DatabaseError> =>
  Layer.scoped(
    Database,
    DatabaseUrl.parse(options.url).pipe(
      Either.mapLeft((problem) => new DatabaseError({ operation: "open", detail: `DATABASE_URL ${problem}` })),
      Effect.flatMap((url) => open(url, options.connectTimeout))
    )
  )

/**
 * The database that `DATABASE_URL` names, by default `sqlite:./data/toolkit.db`. Fails with `ConfigError` when its form
 * is not accepted, with `DatabaseError` as `layer` does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<Database, ConfigError.ConfigError | DatabaseError> = Layer.scoped(
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
