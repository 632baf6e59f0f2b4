/** An API with a limit for each key: 5 requests in any 10 seconds, in all processes together. `bun examples/api-limit.ts` */
import { HttpRouter, HttpServer, HttpServerResponse } from "@effect/platform"
import { BunHttpServer, BunRuntime } from "@effect/platform-bun"
import { Config, Effect, Layer } from "effect"
import { RateLimiter } from "effect-cache-toolkit"
import * as BunRedis from "effect-cache-toolkit/BunRedis"
import { RateLimitMiddleware } from "effect-cache-toolkit/http"

// without Redis each of at most two processes lets through half of it
const perKey = RateLimiter.slidingLog({ limit: 5, window: "10 seconds", onUnavailable: { local: { processes: 2 } } })

const router = HttpRouter.empty.pipe(HttpRouter.get("/quote", HttpServerResponse.text("To be, or not to be\n")))

const limits = RateLimitMiddleware.make({
  name: "per-key",
  limit: perKey,
  // in earnest: the user of a verified token. A client that may choose its name has no limit
  clientOf: ({ headers }) => headers["x-api-key"] ?? "anonymous"
})

const app = Effect.map(limits, (limited) =>
  limited(router).pipe(
    // the middleware has set Retry-After and RateLimit
    Effect.catchTag("RateLimitExceeded", ({ message }) => HttpServerResponse.text(`${message}\n`, { status: 429 })),
    Effect.catchTag("InvalidKey", () => HttpServerResponse.empty({ status: 400 }))
  )
)

const server = Layer.unwrapEffect(Effect.map(app, HttpServer.serve())).pipe(
  HttpServer.withLogAddress,
  Layer.provide(RateLimiter.layer),
  Layer.provide(BunRedis.layerConfig({ embeddedWhenUnset: true })),
  Layer.provide(BunHttpServer.layerConfig(Config.all({ port: Config.withDefault(Config.integer("PORT"), 3000) })))
)

BunRuntime.runMain(Layer.launch(server))
