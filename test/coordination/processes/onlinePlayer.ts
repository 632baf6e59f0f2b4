/** A process whose player is online until the process is killed. Argument: the server's URL. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Presence from "../../../src/coordination/Presence.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisConfig from "../../../src/redis/RedisConfig.js"
import { driverUnderTest } from "../../support/server/drivers.js"

const address = Either.getOrThrow(RedisConfig.fromUrl(Redacted.make(process.argv[2] ?? "")))

const program = Effect.gen(function* () {
  const redis = yield* RedisClient
  yield* Stream.runHead(Stream.filter(redis.statusChanges, ({ _tag }) => _tag === "Connected"))
  const presence = yield* Presence.make({ key: "players", timeToLive: "1 second" })
  yield* Effect.never.pipe(presence.whileOnline(`player of ${process.pid}`))
})

Effect.runPromise(Effect.provide(program, driverUnderTest.layer(address)))
