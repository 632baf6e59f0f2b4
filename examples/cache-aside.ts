/** Shows cache-aside, write-through and invalidation, and reads of the database while Redis is unavailable. */
import { Console, Effect, Layer, Logger, LogLevel } from "effect"
import { MemoryRedis, RedisClient } from "effect-cache-toolkit"
import { CacheService, MemoryDatabase, PlayerCaches, PlayerService } from "effect-cache-toolkit/game"

const program = Effect.gen(function* () {
  const players = yield* PlayerService.PlayerService
  const ada = yield* players.createUser({ username: "ada", displayName: "Ada", email: "ada@example.com" })

  const say = (what: string) =>
    Effect.gen(function* () {
      const profile = yield* players.readUserProfile(ada.id)
      const balance = yield* players.readUserBalance(ada.id)
      yield* Console.log(
        `${what}: ${profile.value.displayName} (${profile.source}) has ${balance.value} (${balance.source})`
      )
    })

  yield* say("at first")
  yield* say("again")

  // the database first, then the cache: the next reader hits the new balance
  yield* players.updateUserBalance(ada.id, 250)
  yield* say("after a write-through")

  // the database first, then out of the cache: the next reader loads the new profile
  yield* players.updateUserProfile(ada.id, { displayName: "Countess" })
  yield* say("after an invalidation")

  const redis = yield* RedisClient.RedisClient
  yield* redis.close
  yield* say("without Redis")
})

const layer = PlayerService.layer.pipe(
  Layer.provideMerge(CacheService.layer),
  Layer.provideMerge(PlayerCaches.layer),
  Layer.provideMerge(MemoryRedis.layer()),
  Layer.provideMerge(MemoryDatabase.layer),
  // LogLevel.Debug tells of each hit and miss
  Layer.provideMerge(Logger.minimumLogLevel(LogLevel.Error))
)

Effect.runPromise(Effect.provide(program, layer))
