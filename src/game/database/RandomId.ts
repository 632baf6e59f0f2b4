/**
 * Generates ids that cannot be guessed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { GameId, UserId } from "../Player.js"

const uuid = Effect.sync(() => crypto.randomUUID())

/**
 * @since 0.1.0
 * @category constructors
 */
export const userId: Effect.Effect<UserId> = Effect.map(uuid, (id) => UserId.make(id))

/**
 * @since 0.1.0
 * @category constructors
 */
export const gameId: Effect.Effect<GameId> = Effect.map(uuid, (id) => GameId.make(id))
