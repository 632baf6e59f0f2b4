import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { describe } from "vitest"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { contract } from "../../suites/RedisClientSuite.js"
import { contract as cacheContract } from "../../suites/TypedCacheSuite.js"
import { countingListeners } from "../../support/cache/Listening.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisSentinels from "../../support/server/RedisSentinels.js"
import * as RedisServer from "../../support/server/RedisServer.js"

/** A client of the primary that three sentinels name, connected before a test begins. */
const behindSentinels: Layer.Layer<RedisClient> = Layer.unwrapScoped(
  Effect.map(RedisSentinels.make(), ({ master, sentinels }) =>
    Layer.tap(
      driverUnderTest.layerSentinel({
        sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })),
        master
      }),
      (context) =>
        RedisClient.pipe(
          Effect.flatMap((client) =>
            Stream.runHead(Stream.filter(client.statusChanges, (s) => s._tag === "Connected"))
          ),
          Effect.provide(context)
        )
    )
  )
)

const reason = RedisServer.skipReasonFor("Sentinel")

if (reason === undefined) {
  layer(behindSentinels, { excludeTestServices: true })("a client behind sentinels", contract)
  layer(countingListeners(behindSentinels), { excludeTestServices: true })("a cache behind sentinels", cacheContract)
} else {
  describe.skip(`a client behind sentinels (skipped: ${reason})`, () => {})
}
