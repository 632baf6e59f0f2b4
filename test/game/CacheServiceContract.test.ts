// Apart from the other tests: a suite on a shared layer changes what `it.effect` means in the rest of its file.
import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as BunRedis from "../../src/redis/driver/BunRedis.js"
import * as MemoryRedis from "../../src/redis/driver/MemoryRedis.js"
import { cacheServiceSuite } from "../suites/CacheServiceSuite.js"
import * as RedisServer from "../support/RedisServer.js"

cacheServiceSuite("the cache service in memory", MemoryRedis.layer)

const serverLayer = Layer.unwrapScoped(
  Effect.map(RedisServer.make(), (server) => BunRedis.layer({ host: "127.0.0.1", port: server.port }))
)

describe.skipIf(RedisServer.skipReason !== undefined)(RedisServer.skipReason ?? RedisServer.binary ?? "", () =>
  cacheServiceSuite("the cache service on a server", serverLayer)
)
