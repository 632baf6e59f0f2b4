/** A cache that hears when another program removes its keys. Run it with REDIS_URL: in its own memory there is no other program. */

import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { RedisClient, TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

const program = Effect.gen(function* () {
  const redis = yield* RedisClient.RedisClient
  let price = 10
  const prices = yield* TypedCache.make({
    name: "price",
    key: Schema.String,
    value: Schema.Int,
    timeToLive: "1 hour",
    local: { capacity: 1_000, timeToLive: "1 hour", tracking: true },
    lookup: () => Effect.sync(() => price)
  })
  const read = Effect.delay(prices.getResult("tea"), "10 millis")
  yield* Effect.repeat(read, { until: ({ source }) => source === "Local" })

  // as `redis-cli DEL price:tea` would after a change by hand
  price = 12
  yield* redis.del("price:tea")
  const heard = yield* read.pipe(
    Effect.repeat({ until: ({ value }) => value === 12 }),
    Effect.timeoutOption("500 millis")
  )
  yield* Console.log(Option.isSome(heard) ? `the new price: ${heard.value.value}` : "no server, and no other program")
}).pipe(Effect.scoped)

const redis = SocketRedis.layerConfig({ embeddedWhenUnset: true })

await Effect.runPromise(Effect.provide(program, redis))
