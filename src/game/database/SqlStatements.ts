/**
 * Implements the operations of `Database` as statements for SQLite and Postgres.
 *
 * @since 0.2.0
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
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
import * as Input from "./Input.js"
import * as RandomId from "./RandomId.js"
import * as Rows from "./Rows.js"
import * as SqlFailure from "./SqlFailure.js"

/**
 * Builds the service over a connection with current tables. An operation that takes longer than `operationTimeout`,
 * including its waiting, fails with `DatabaseError`. After eight tenths of that time, `whenLate` runs.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  operationTimeout: Duration.Duration,
  whenLate: Effect.Effect<void>
): Effect.Effect<Database.Service, never, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient

    const failed = (operation: string) => (error: SqlError) =>
      new DatabaseError({ operation, detail: SqlFailure.describe(error), rejected: SqlFailure.isRejected(error) })

    /** Retries a statement that meets a lock, until the time-out. */
    const inTime = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | SqlError> =>
      effect.pipe(
        SqlFailure.retryWhileBusy,
        // before the interruption: the driver would first cancel its statement through the same network
        Effect.raceFirst(
          Effect.sleep(Duration.times(operationTimeout, 0.8)).pipe(
            Effect.zipRight(whenLate),
            Effect.zipRight(Effect.sleep(Duration.times(operationTimeout, 0.2))),
            Effect.zipRight(Effect.suspend(() => SqlFailure.timedOut(operationTimeout)))
          )
        )
      )

    /**
     * Beside a reader and without WAL, SQLite rejects a COMMIT and leaves the transaction open to other operations. A
     * rejected statement is rolled back, and the COMMIT after it has nothing to do.
     */
    const committed = sql.onDialectOrElse({
      sqlite: () => Effect.zipRight(sql`COMMIT`, sql`BEGIN`),
      orElse: () => Effect.void
    })
    const transaction = <A, E>(effect: Effect.Effect<A, E>) =>
      sql
        .withTransaction(Effect.zipLeft(effect, Effect.uninterruptible(committed)))
        .pipe(SqlFailure.fromDefect((defect) => defect instanceof SqlError))

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
      `.pipe(unlessTaken(username), inTime, Effect.catchTag("SqlError", failed("createUser")))
        return new UserProfile({ id, username, displayName, email, createdAt })
      }),

      getUser: (userId) =>
        Rows.profile(sql`SELECT ${profileColumns} FROM users WHERE id = ${userId}`).pipe(
          orNotFound(userId),
          inTime,
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
      `).pipe(
          unlessTaken(username ?? ""),
          orNotFound(userId),
          inTime,
          Effect.catchTag("SqlError", failed("updateUser"))
        )
      }),

      getBalance: (userId) => balanceOf(userId).pipe(inTime, Effect.catchTag("SqlError", failed("getBalance"))),

      updateBalance: Effect.fnUntraced(function* (userId, balance) {
        const next = yield* Input.amount("updateBalance", balance)
        return yield* Rows.balance(sql`UPDATE users SET balance = ${next} WHERE id = ${userId} RETURNING balance`).pipe(
          orNotFound(userId),
          inTime,
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
          // fails with the same error whichever row is read first; the updates decide
          const available = yield* balanceOf(from)
          yield* balanceOf(to)
          if (available < amount) return yield* uncovered(available)
          // rows lock in the order of ids, so that opposite transfers cannot deadlock
          const moved = yield* Effect.all(from < to ? { debited, credited } : { credited, debited })
          if (Option.isSome(moved.debited) && Option.isSome(moved.credited)) {
            return { from: moved.debited.value, to: moved.credited.value }
          }
          const balance = yield* balanceOf(from)
          return yield* Option.isNone(moved.credited) ? new UserNotFound({ userId: to }) : uncovered(balance)
        })
        return yield* (from === to ? toOneself : transaction(toAnother)).pipe(
          inTime,
          Effect.catchTag("SqlError", failed("transfer"))
        )
      }),

      getStats: (userId) =>
        Rows.stats(sql`SELECT ${statsColumns} FROM users WHERE id = ${userId}`).pipe(
          orNotFound(userId),
          inTime,
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
      `).pipe(orNotFound(userId), inTime, Effect.catchTag("SqlError", failed("recordGame")))
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
        const rejected = Rows.bonus(sql`
        SELECT bonus_claimed_at AS "claimedAt" FROM users WHERE id = ${userId} AND bonus_claimed_at IS NOT NULL
      `).pipe(
          orNotFound(userId),
          Effect.flatMap((claimedAt) => DailyBonusAlreadyClaimed.since(userId, claimedAt, now))
        )
        return yield* Effect.flatMap(
          granted,
          Option.match({ onNone: () => rejected, onSome: (balance) => Effect.succeed(balance) })
        ).pipe(inTime, Effect.catchTag("SqlError", failed("claimDailyBonus")))
      }),

      topScores: Effect.fnUntraced(function* (page) {
        const { limit, offset } = yield* Input.page("topScores", page)
        return yield* Rows.scores(sql`
        SELECT id AS "userId", best_score AS score, best_arrival AS arrival
        FROM users
        WHERE games_played > 0
        ORDER BY best_score DESC, best_arrival, id DESC
        LIMIT ${limit} OFFSET ${offset}
      `).pipe(inTime, Effect.catchTag("SqlError", failed("topScores")))
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
      `).pipe(orNotFound(userId), inTime, Effect.catchTag("SqlError", failed("rankOf"))),

      createGame: Effect.fnUntraced(function* (players) {
        const id = yield* RandomId.gameId
        const startedAt = yield* DateTime.now
        const game = new GameState({ id, players, status: "running", round: 0, startedAt })
        yield* sql`
        INSERT INTO games (id, players, status, round, started_at)
        VALUES (${id}, ${JSON.stringify(players)}, ${game.status}, ${game.round}, ${startedAt.epochMillis})
      `.pipe(inTime, Effect.catchTag("SqlError", failed("createGame")))
        return game
      }),

      getGame: (gameId) =>
        Rows.game(sql`SELECT ${gameColumns} FROM games WHERE id = ${gameId}`).pipe(
          orNoGame(gameId),
          inTime,
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
        const rejected = Rows.fence(sql`
        SELECT fencing_token AS "fencingToken" FROM games WHERE id = ${gameId}
      `).pipe(
          orNoGame(gameId),
          Effect.flatMap((latest) => new StaleFencingToken({ gameId, fencingToken, latest }))
        )
        return yield* Effect.flatMap(
          written,
          Option.match({ onNone: () => rejected, onSome: (game) => Effect.succeed(game) })
        ).pipe(inTime, Effect.catchTag("SqlError", failed("updateGame")))
      }),

      deleteGame: (gameId) =>
        sql`DELETE FROM games WHERE id = ${gameId} RETURNING id`.pipe(
          Effect.filterOrFail(
            (deleted) => deleted.length > 0,
            () => new GameNotFound({ gameId })
          ),
          Effect.asVoid,
          inTime,
          Effect.catchTag("SqlError", failed("deleteGame"))
        ),

      countGames: Rows.count(sql`SELECT count(*) AS count FROM games`).pipe(
        Effect.map(Option.getOrElse(() => 0)),
        inTime,
        Effect.catchTag("SqlError", failed("countGames"))
      ),

      ping: DateTime.now.pipe(
        Effect.flatMap(
          ({ epochMillis }) => sql`
        INSERT INTO toolkit_health (id, checked_at) VALUES (1, ${epochMillis})
        ON CONFLICT (id) DO UPDATE SET checked_at = excluded.checked_at
      `
        ),
        // only a write shows that the file can be written
        Effect.catchIf(SqlFailure.isBusy, () => Effect.void),
        Effect.asVoid,
        inTime,
        Effect.catchTag("SqlError", failed("ping")),
        // the caller need not wait until the server has cancelled the statement
        Effect.disconnect
      )
    })
  })
