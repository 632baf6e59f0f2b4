/**
 * The values that the OpenAPI document shows of requests and responses: one player, one game and their caches.
 *
 * @since 0.2.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type { CacheServiceStats, CacheSummary } from "../../game/CacheServiceStats.js"
import { GameId, GameState, UserId, UserProfile, UserStats } from "../../game/Player.js"

export const userId = UserId.make("7d3a9174-aa7e-41b2-836c-16201b6edbbc")
const otherId = UserId.make("c1f5b1f0-3f0e-4a53-9a41-6a0d6f6f5a02")
export const gameId = GameId.make("3e478a1c-078f-43ec-a48e-38ed302f2990")

export const newUser = { username: "ada", displayName: "Ada", email: "ada@example.com" }

export const profile = new UserProfile({
  id: userId,
  ...newUser,
  createdAt: DateTime.unsafeMake("2026-01-01T12:00:00Z")
})

export const balance = { userId, balance: 250 }

export const stats = new UserStats({ gamesPlayed: 3, gamesWon: 2, bestScore: 1200, totalScore: 2900 })

export const players = [userId, otherId]

export const game = new GameState({
  id: gameId,
  players,
  status: "running",
  round: 0,
  startedAt: DateTime.unsafeMake("2026-01-01T12:30:00Z")
})

export const entry = { rank: 0, userId, score: 1200 }

export const retryAfter = Duration.hours(23)

export const summary: typeof CacheSummary.Type = {
  available: true,
  connected: true,
  onlinePlayers: 1,
  activeGames: 1,
  hits: 128,
  misses: 9,
  decodeFailures: 0,
  failures: 0
}

const latency = { count: 128, mean: 0.4, p50: 0.3, p99: 1.6, max: 2.7 }

export const cacheStats: CacheServiceStats = {
  ...summary,
  caches: [
    {
      name: "user:profile",
      hitsLocal: 0,
      hitsRedis: 128,
      misses: 9,
      missesExpired: 2,
      missesInvalidated: 3,
      staleServed: 0,
      degraded: 0,
      lookups: 9,
      lookupFailures: 0,
      lookupsRejected: 0,
      lookupsSaved: 1,
      decodeFailures: 0,
      storeFailures: 0,
      leaseWaits: 0,
      fillsRejected: 0,
      invalidations: 3,
      redisFailures: 0,
      evictions: 0,
      local: 0,
      localBytes: 0,
      outbox: 0,
      tracking: "Off",
      redisLatency: latency,
      lookupLatency: { count: 9, mean: 2.1, p50: 1.9, p99: 4.4, max: 4.4 }
    }
  ]
}
