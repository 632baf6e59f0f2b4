/** The same program on one server, behind sentinels or with Redis in its own process: the environment decides. */

import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { RedisClient } from "effect-cache-toolkit"
import * as BunRedis from "effect-cache-toolkit/BunRedis"

const program = Effect.gen(function* () {
  const redis = yield* RedisClient.RedisClient
  yield* redis.set("greeting", "hello", { timeToLive: "1 minute" })
  const { address, server, state } = yield* redis.getStatus
  const name = Option.match(server, { onNone: () => "no server", onSome: ({ name }) => name })
  yield* Console.log(`${state._tag}: ${name} at ${Option.getOrElse(address, () => "no address")}`)
  yield* Console.log(yield* redis.get("greeting"))
})

const redis = BunRedis.layerConfig({ embeddedWhenUnset: true })

await Effect.runPromise(Effect.provide(program, redis))
