/** A user's program that has every peer and runs under Bun: each import below must type-check and load. */

import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as BunRedis from "effect-cache-toolkit/BunRedis"
import * as SqlDatabase from "effect-cache-toolkit/game/SqlDatabase"
import * as Http from "effect-cache-toolkit/http"
import { CachedHttpClient, ResponseCache } from "effect-cache-toolkit/http-cache"
import * as Telemetry from "effect-cache-toolkit/telemetry"

const layers = Layer.mergeAll(
  BunRedis.layer({ host: "127.0.0.1" }),
  SqlDatabase.layerConfig(),
  ResponseCache.layer({ shared: true }),
  CachedHttpClient.layer(),
  Telemetry.Prometheus.layer(),
  Telemetry.OpenTelemetry.layer()
)

Effect.runPromise(Console.log(`${Layer.isLayer(layers)}: ${Object.keys(Http).join(" ")}`))
