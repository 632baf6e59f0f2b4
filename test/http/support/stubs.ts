import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Counters from "../../../src/cache/observe/Counters.js"
import { CacheService } from "../../../src/game/CacheService.js"
import { Database, UserNotFound } from "../../../src/game/Database.js"
import { type UserId, UserProfile } from "../../../src/game/Player.js"
import { type CacheResult, PlayerService } from "../../../src/game/PlayerService.js"
import * as LatencyHistogram from "../../../src/internal/collection/LatencyHistogram.js"
import { layerOff, RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisKey from "../../../src/redis/RedisKey.js"
import { ConnectionState, type RedisStatus } from "../../../src/redis/RedisStatus.js"

export const profileOf = (id: UserId): UserProfile =>
  new UserProfile({
    id,
    username: "ada",
    displayName: "Ada",
    email: "ada@example.com",
    createdAt: DateTime.unsafeMake("2026-01-01T00:00:00Z")
  })

export const status: RedisStatus = {
  state: ConnectionState.Connected({ generation: 1 }),
  connected: true,
  bufferedAmount: 0,
  inFlight: 0,
  waiting: 0,
  circuit: "Closed",
  generation: 1,
  server: Option.some({ name: "Redis", version: "7.0.15" }),
  latency: Option.some(Duration.millis(0.5)),
  clockOffsetMillis: 0,
  address: Option.none(),
  lastFailure: Option.none()
}

export const served = <A>(
  value: A,
  source: CacheResult<A>["source"],
  rest: Partial<Pick<CacheResult<A>, "timeLeft" | "reason">> = {}
): CacheResult<A> => ({
  value,
  source,
  age: Duration.zero,
  timeLeft: Duration.zero,
  reason: undefined,
  lookupReason: undefined,
  ...rest
})

/** There is one user, `ada`; a call that a test did not expect is a defect. */
export const players = (overrides: Partial<PlayerService.Service> = {}) =>
  Layer.mock(PlayerService, {
    readUserProfile: (id) =>
      Effect.flatMap(RedisKey.make("user:profile", id), () =>
        id === "ada" ? Effect.succeed(served(profileOf(id), "Lookup")) : Effect.fail(new UserNotFound({ userId: id }))
      ),
    createUser: (user) => Effect.succeed(new UserProfile({ ...profileOf("new" as UserId), ...user })),
    ...overrides
  })

export const cache = (overrides: Partial<CacheService.Service> = {}) =>
  Layer.mock(CacheService, {
    playerOnline: () => Effect.succeed(Option.some(1)),
    playerOffline: () => Effect.succeed(Option.some(0)),
    incrementOnlinePlayers: Effect.succeed(Option.some(1)),
    decrementOnlinePlayers: Effect.succeed(Option.some(0)),
    getOnlinePlayers: Effect.succeed(1),
    getActiveGames: Effect.succeed(2),
    getStats: Effect.succeed({
      available: true,
      connected: true,
      onlinePlayers: 1,
      activeGames: 2,
      hits: 3,
      misses: 4,
      decodeFailures: 0,
      failures: 0,
      caches: [
        {
          ...Counters.make(),
          name: "user:profile",
          hitsRedis: 3,
          evictions: 0,
          local: 0,
          localBytes: 0,
          outbox: 0,
          tracking: "Off" as const,
          redisLatency: LatencyHistogram.make().summary(),
          lookupLatency: LatencyHistogram.make().summary()
        }
      ]
    }),
    ...overrides
  })

export const database = (overrides: Partial<Database.Service> = {}) =>
  Layer.mock(Database, { ping: Effect.void, ...overrides })

/** A client that answers its status and fails every command. */
export const redis = (now: RedisStatus = status) =>
  Layer.effect(
    RedisClient,
    Effect.map(RedisClient, (off) =>
      RedisClient.of({ ...off, getStatus: Effect.succeed(now), isAvailable: Effect.succeed(now.connected) })
    )
  ).pipe(Layer.provide(layerOff))

export const services = (overrides: Partial<PlayerService.Service> = {}) =>
  Layer.mergeAll(players(overrides), cache(), database(), redis())
