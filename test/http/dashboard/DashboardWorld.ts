/** An application with two caches under load and the dashboard on its router. */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as BunHttpServer from "@effect/platform-bun/BunHttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { RateLimiter, type RedisClient, TypedCache } from "effect-cache-toolkit"
import { Dashboard, DrainingServer } from "effect-cache-toolkit/http"

export const token = "open-sesame"

const products = TypedCache.make({
  name: "product",
  key: Schema.String,
  value: Schema.Struct({ id: Schema.String, price: Schema.Number }),
  timeToLive: "2 seconds",
  staleFor: "1 second",
  tags: ({ id }) => [`shelf:${id.slice(-1)}`],
  local: { capacity: 500, timeToLive: "1 minute" },
  lookup: (id) => Effect.delay(Effect.succeed({ id, price: id.length }), `${5 + (Number(id.slice(1)) % 20)} millis`)
})

const stock = TypedCache.make({
  name: "stock",
  key: Schema.String,
  value: Schema.Number,
  timeToLive: "1 second",
  lookup: (id) => Effect.succeed(Number(id.slice(1)))
})

/** Builds everything; `limiter` is on the same client; the load runs until the scope closes. */
export const make = (redis: Layer.Layer<RedisClient.RedisClient>) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      HttpRouter.Default.serve().pipe(
        Layer.provide(Dashboard.layer(HttpRouter.Default, { token: Redacted.make(token) })),
        Layer.provideMerge(
          DrainingServer.layer(BunHttpServer.make({ hostname: "127.0.0.1", port: 0, idleTimeout: 60 }), {
            drainTimeout: "1 hour"
          })
        ),
        Layer.provideMerge(redis),
        Layer.provide(BunHttpServer.layerContext)
      )
    )
    return yield* Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const product = yield* products
      const quantity = yield* stock
      let turn = 0
      const read = Effect.suspend(() => {
        turn++
        // a few keys are read far more than the others
        const id = `p${turn % 3 === 0 ? turn % 200 : turn % 5}`
        return Effect.zipRight(Effect.ignore(product.get(id)), Effect.ignore(quantity.get(id)))
      })
      yield* Effect.forkScoped(Effect.repeat(read, Schedule.spaced("3 millis")))
      return {
        origin: `http://127.0.0.1:${address._tag === "TcpAddress" ? address.port : Number.NaN}`,
        product,
        limiter: yield* RateLimiter.make
      }
    }).pipe(Effect.provide(context))
  })
