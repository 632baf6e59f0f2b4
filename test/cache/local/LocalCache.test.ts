/** A cache of one process keeps what a cache on Redis promises, as far as one process can tell. */
import { layer } from "@effect/vitest"
import * as Layer from "effect/Layer"
import { inOneProcess } from "../../suites/TypedCacheSuite.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { onMemory } from "../../support/server/clientLayers.js"

layer(Layer.merge(onMemory, Layer.succeed(CacheWorld.MadeBy, "LocalCache")), { excludeTestServices: true })(
  "a cache of one process",
  inOneProcess
)
