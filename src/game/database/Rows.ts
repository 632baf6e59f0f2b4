/**
 * Decodes the rows of either dialect. A row that does not decode is a `SqlError`, like a failed statement.
 *
 * @since 0.1.0
 */
import { SqlError } from "@effect/sql/SqlError"
import type { Statement } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { FencingToken } from "../../coordination/DistributedLock.js"
import { GameState, UserId, UserProfile, UserStats } from "../Player.js"

/** A BIGINT: a number from SQLite, text from Postgres. */
const Integer = Schema.Union(Schema.Int, Schema.compose(Schema.NumberFromString, Schema.Int))

/** Milliseconds since 1970, so that both dialects store the same time. */
const Timestamp = Schema.compose(Integer, Schema.DateTimeUtcFromNumber)

const all = <A, I>(row: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknown(Schema.Array(row))
  return (statement: Statement<object>): Effect.Effect<ReadonlyArray<A>, SqlError> =>
    Effect.flatMap(statement, (rows) =>
      Effect.mapError(decode(rows), (cause) => new SqlError({ cause, message: "a row does not match its schema" }))
    )
}

const first = <A, I, B>(row: Schema.Schema<A, I>, f: (row: A) => B) => {
  const decoded = all(row)
  return (statement: Statement<object>): Effect.Effect<Option.Option<B>, SqlError> =>
    Effect.map(decoded(statement), ([head]) => Option.map(Option.fromNullable(head), f))
}

/**
 * @since 0.1.0
 * @category rows
 */
export const profile = first(
  Schema.Struct({ ...UserProfile.fields, createdAt: Timestamp }),
  (row) => new UserProfile(row)
)

/**
 * @since 0.1.0
 * @category rows
 */
export const stats = first(
  Schema.Struct({ gamesPlayed: Integer, gamesWon: Integer, bestScore: Integer, totalScore: Integer }),
  (row) => new UserStats(row)
)

/**
 * @since 0.1.0
 * @category rows
 */
export const recordedGame = first(
  Schema.Struct({ gamesPlayed: Integer, gamesWon: Integer, bestScore: Integer, totalScore: Integer, arrival: Integer }),
  ({ arrival, ...stats }) => ({ stats: new UserStats(stats), arrival })
)

/**
 * @since 0.1.0
 * @category rows
 */
export const balance = first(Schema.Struct({ balance: Integer }), (row) => row.balance)

/**
 * @since 0.1.0
 * @category rows
 */
export const bonus = first(Schema.Struct({ claimedAt: Timestamp }), (row) => row.claimedAt)

/**
 * @since 0.1.0
 * @category rows
 */
export const scores = all(Schema.Struct({ userId: UserId, score: Integer, arrival: Integer }))

/**
 * @since 0.1.0
 * @category rows
 */
export const rank = first(Schema.Struct({ rank: Integer, score: Integer }), (row) => row)

/**
 * @since 0.1.0
 * @category rows
 */
export const game = first(
  Schema.Struct({
    ...GameState.fields,
    players: Schema.parseJson(GameState.fields.players),
    round: Integer,
    startedAt: Timestamp
  }),
  (row) => new GameState(row)
)

/**
 * @since 0.1.0
 * @category rows
 */
export const fence = first(
  Schema.Struct({ fencingToken: Schema.compose(Integer, FencingToken) }),
  (row) => row.fencingToken
)

/**
 * @since 0.1.0
 * @category rows
 */
export const count = first(Schema.Struct({ count: Integer }), (row) => row.count)
