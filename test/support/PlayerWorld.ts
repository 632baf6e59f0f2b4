/**
 * Players on memory layers, for tests that look behind the player service: into its cache, its database, its Redis.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as CacheService from "../../src/game/CacheService.js"
import { Database } from "../../src/game/Database.js"
import * as MemoryDatabase from "../../src/game/database/MemoryDatabase.js"
import * as PlayerService from "../../src/game/PlayerService.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../src/redis/RedisClient.js"

export interface World {
  readonly players: PlayerService.PlayerService.Service
  readonly cache: CacheService.CacheService.Service
  readonly database: Database.Service
  readonly redis: RedisClient.Service
}

/** Runs a test on memory layers; `spy` may replace operations of the database as the player service sees it. */
export const withWorld = <A, E>(
  body: (world: World) => Effect.Effect<A, E>,
  options: {
    readonly redis?: Layer.Layer<RedisClient>
    readonly spy?: (database: Database.Service) => Partial<Database.Service>
  } = {}
) =>
  Effect.gen(function* () {
    const database = yield* Database
    const spied = Layer.succeed(Database, { ...database, ...options.spy?.(database) })
    const layers = PlayerService.layer.pipe(
      Layer.provideMerge(CacheService.layer),
      Layer.provideMerge(options.redis ?? MemoryRedis.layer()),
      Layer.provide(spied)
    )
    return yield* Effect.gen(function* () {
      const players = yield* PlayerService.PlayerService
      const cache = yield* CacheService.CacheService
      const redis = yield* RedisClient
      return yield* body({ players, cache, database, redis })
    }).pipe(Effect.provide(layers))
  }).pipe(Effect.provide(MemoryDatabase.layer))

export const newUser = (players: PlayerService.PlayerService.Service, username: string) =>
  Effect.map(players.createUser({ username, displayName: username, email: `${username}@example.org` }), ({ id }) => id)

export const page = { offset: 0, limit: 10 }

/** Lets the fiber that builds the leaderboard run until a condition holds. */
export const until = <E>(condition: Effect.Effect<boolean, E>) =>
  Effect.repeat(Effect.zipRight(Effect.yieldNow(), condition), { until: (holds) => holds })

export const whole = ({ players, redis }: World) =>
  Effect.zipRight(
    players.readLeaderboard({ offset: 0, limit: 1 }),
    until(
      Effect.map(
        redis.get("{leaderboard:global}:whole"),
        Option.exists((mark) => mark !== "building")
      )
    )
  )
