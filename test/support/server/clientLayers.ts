/** The clients that contract suites run on. */
import { layer, type Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { describe } from "vitest"
import type { ClientOptions } from "../../../src/redis/connection/ClientOptions.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisConfig from "../../../src/redis/RedisConfig.js"
import { countingListeners } from "../cache/Listening.js"
import { onCluster } from "./ClusterLayers.js"
import { driverUnderTest } from "./drivers.js"
import * as RedisServer from "./RedisServer.js"

/** The prefix of every client: the contracts hold with one as they do without. */
const keyPrefix = process.env.TEST_KEY_PREFIX || undefined

export const onMemory: Layer.Layer<RedisClient> = MemoryRedis.layer({ keyPrefix })

/** A client that is connected before a test begins. */
export const connected = (
  address: RedisConfig.RedisAddress,
  options: ClientOptions = { keyPrefix }
): Layer.Layer<RedisClient> =>
  Layer.tap(driverUnderTest.layer(address, options), (context) =>
    RedisClient.pipe(
      Effect.flatMap((client) => Stream.runHead(Stream.filter(client.statusChanges, (s) => s._tag === "Connected"))),
      Effect.provide(context)
    )
  )

/** A connected client of `TEST_REDIS_URL`, or of a server that lives as long as the layer. */
export const onServer: Layer.Layer<RedisClient> = Layer.unwrapScoped(
  Effect.flatMap(RedisServer.givenOrStarted, (url) =>
    Effect.map(RedisConfig.fromUrl(Redacted.make(url)), (address) => connected(address))
  ).pipe(Effect.orDieWith((problem) => new Error(`TEST_REDIS_URL ${problem}`)))
)

/** The layers of this run: each project of vitest.config.ts names its own. */
const chosenLayers = process.env.TEST_LAYERS ?? "memory server"

/** Runs the same tests on the memory layer, in project `unit`, and on a real server, in project `server`. */
export const onEveryLayer = (tests: (it: Vitest.MethodsNonLive<RedisClient, true>) => void): void => {
  if (chosenLayers.includes("memory"))
    layer(countingListeners(onMemory), { excludeTestServices: true })("on the memory layer", tests)
  if (chosenLayers.includes("cluster"))
    layer(countingListeners(onCluster), { excludeTestServices: true, timeout: "1 minute" })("on a cluster", tests)
  if (!chosenLayers.includes("server")) return
  const reason = RedisServer.skipReasonOfUse()
  if (reason === undefined) layer(countingListeners(onServer), { excludeTestServices: true })("on a server", tests)
  else describe.skip(`on a server (skipped: ${reason})`, () => {})
}

/** Shortens the time to live of a key, as if time had passed. */
export const age = (key: string, millis: number) =>
  Effect.gen(function* () {
    const client = yield* RedisClient
    const left = Number(yield* client.send("PTTL", key))
    if (left >= 0) yield* client.send("PEXPIRE", key, Math.max(left - millis, 0))
  })
