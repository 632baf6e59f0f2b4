import { HttpRouter, HttpServer } from "@effect/platform"
import { BunHttpServer } from "@effect/platform-bun"
import { Console, Effect, Layer } from "effect"
import { MemoryRedis } from "effect-cache-toolkit"
import { DrainingServer, HealthProbes } from "effect-cache-toolkit/http"

const pingDatabase = Effect.sleep("1 millis")

const server = HttpRouter.Default.serve().pipe(
  Layer.provide(HealthProbes.layer(HttpRouter.Default, { checks: { database: pingDatabase } })),
  Layer.provide(HttpRouter.Default.Live),
  Layer.provideMerge(DrainingServer.layer(BunHttpServer.make({ port: 0 }), { lastRequests: "250 millis" })),
  Layer.provide([MemoryRedis.layer(), BunHttpServer.layerContext])
)

const program = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const port = address._tag === "TcpAddress" ? address.port : 0
  for (const probe of ["live", "ready", "startup"]) {
    const response = yield* Effect.promise(() => fetch(`http://localhost:${port}/health/${probe}`))
    yield* Console.log(probe, response.status, yield* Effect.promise(() => response.text()))
  }
})

Effect.runPromise(Effect.provide(program, server))
