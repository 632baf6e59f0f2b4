/**
 * What the parts of the cache service's contract suite share.
 */
import * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type { CacheService } from "../../../src/game/CacheService.js"
import { GameId, GameState, UserId, UserProfile, UserStats } from "../../../src/game/Player.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"

/** Declares a test of a service over an empty database. */
export type Test = <A, E>(
  behaviour: string,
  body: (cache: CacheService.Service, redis: RedisClient.Service) => Effect.Effect<A, E>
) => void

export const createdAt = DateTime.unsafeMake("2025-01-02T03:04:05.678Z")
export const ada = UserId.make("ada")
export const bob = UserId.make("bob")
export const cid = UserId.make("cid")
export const game = GameId.make("g-1")

export const profile = (id: UserId) =>
  UserProfile.make({ id, username: "ada", displayName: "Ada Lovelace", email: "ada@example.org", createdAt })
export const stats = UserStats.make({ gamesPlayed: 3, gamesWon: 2, bestScore: 70, totalScore: 120 })
export const state = GameState.make({
  id: game,
  players: [ada, bob],
  status: "running",
  round: 4,
  startedAt: createdAt
})
