/** A user's program that has `effect` and no other peer: each import below must type-check and load. */

import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  CacheCodec,
  Counter,
  DistributedLock,
  DistributedSemaphore,
  Encryption,
  Leaderboard,
  MemoryRedis,
  Presence,
  RateLimiter,
  RedisClient,
  RedisConfig,
  RedisError,
  RedisKey,
  RedisScript,
  RedisStatus,
  RetryPolicy,
  TypedCache
} from "effect-cache-toolkit"
import * as Driver from "effect-cache-toolkit/driver"
import * as Game from "effect-cache-toolkit/game"
import * as Testing from "effect-cache-toolkit/testing"

const namespaces = [
  CacheCodec,
  Counter,
  DistributedLock,
  DistributedSemaphore,
  Encryption,
  Leaderboard,
  MemoryRedis,
  Presence,
  RateLimiter,
  RedisClient,
  RedisConfig,
  RedisError,
  RedisKey,
  RedisScript,
  RedisStatus,
  RetryPolicy,
  TypedCache,
  Driver,
  Game,
  Testing
]

const program = Effect.gen(function* () {
  const lengths = yield* TypedCache.make({
    name: "length",
    key: Schema.String,
    value: Schema.Int,
    timeToLive: "1 minute",
    lookup: (text) => Effect.succeed(text.length)
  })
  const { source, value } = yield* lengths.getResult("seven")
  yield* Console.log(`${namespaces.length} namespaces; a cache answers ${value} from ${source}`)
})

Effect.runPromise(Effect.provide(Effect.scoped(program), MemoryRedis.layer()))
