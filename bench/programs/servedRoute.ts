/**
 * The smallest program on the packages of the platform that the toolkit's server is built on: one route of a contract.
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpServer from "@effect/platform/HttpServer"
import * as BunHttpServer from "@effect/platform-bun/BunHttpServer"
import * as BunRuntime from "@effect/platform-bun/BunRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

class Api extends HttpApi.make("one-route").add(
  HttpApiGroup.make("health").add(
    HttpApiEndpoint.get("alive", "/api/health").addSuccess(Schema.Struct({ status: Schema.Literal("ok") }))
  )
) {}

const health = HttpApiBuilder.group(Api, "health", (handlers) =>
  handlers.handle("alive", () => Effect.succeed({ status: "ok" as const }))
)

const announce = HttpServer.addressFormattedWith((address) => Console.log(`listening on ${address}`))

Layer.effectDiscard(announce).pipe(
  Layer.provide(HttpApiBuilder.serve()),
  Layer.provide(HttpApiBuilder.api(Api)),
  Layer.provide(health),
  Layer.provide(BunHttpServer.layer({ hostname: "127.0.0.1", port: 0, development: false })),
  Layer.launch,
  BunRuntime.runMain
)
