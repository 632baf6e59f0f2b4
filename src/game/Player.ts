/**
 * Defines the schemas of the game: ids, profiles, balances, statistics, running games.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A text that every database stores unchanged. UTF-8 maps a lone surrogate to U+FFFD, which would merge distinct names.
 *
 * @since 0.1.0
 * @category models
 */
export const Text = Schema.String.pipe(
  Schema.filter((text) => text.isWellFormed(), { message: () => "is not well-formed Unicode" })
)

/**
 * @since 0.1.0
 * @category models
 */
export const UserId = Schema.String.pipe(Schema.brand("UserId"), Schema.annotations({ identifier: "UserId" }))

/**
 * @since 0.1.0
 * @category models
 */
export type UserId = typeof UserId.Type

/**
 * @since 0.1.0
 * @category models
 */
export const GameId = Schema.String.pipe(Schema.brand("GameId"), Schema.annotations({ identifier: "GameId" }))

/**
 * @since 0.1.0
 * @category models
 */
export type GameId = typeof GameId.Type

/**
 * @since 0.1.0
 * @category models
 */
export class UserProfile extends Schema.Class<UserProfile>("UserProfile")({
  id: UserId,
  username: Text.pipe(Schema.minLength(1), Schema.maxLength(64)),
  displayName: Text.pipe(Schema.minLength(1), Schema.maxLength(128)),
  email: Text.pipe(Schema.pattern(/^[^\s@]+@[^\s@]+$/), Schema.maxLength(254)),
  createdAt: Schema.DateTimeUtc
}) {}

/**
 * Whole units of the game's currency, never negative.
 *
 * @since 0.1.0
 * @category models
 */
export const Balance = Schema.Int.pipe(
  Schema.between(0, Number.MAX_SAFE_INTEGER),
  Schema.annotations({ identifier: "Balance" })
)

/**
 * @since 0.1.0
 * @category models
 */
export class UserStats extends Schema.Class<UserStats>("UserStats")({
  gamesPlayed: Schema.NonNegativeInt,
  gamesWon: Schema.NonNegativeInt,
  bestScore: Schema.NonNegativeInt,
  totalScore: Schema.NonNegativeInt
}) {}

/**
 * @since 0.1.0
 * @category models
 */
export class GameState extends Schema.Class<GameState>("GameState")({
  id: GameId,
  players: Schema.Array(UserId),
  status: Schema.Literal("waiting", "running"),
  round: Schema.NonNegativeInt,
  startedAt: Schema.DateTimeUtc
}) {}
