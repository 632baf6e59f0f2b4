/** A server by Bun.serve, with a cache behind it: one runtime answers all requests. `bun examples/bun-server.ts` */
import { Console, Effect, Layer, ManagedRuntime, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as BunRedis from "effect-cache-toolkit/BunRedis"

const City = Schema.Struct({ name: Schema.String, founded: Schema.Int })

class CityNotFound extends Schema.TaggedError<CityNotFound>()("CityNotFound", { id: Schema.String }) {}

class Cities extends TypedCache.Tag("app/Cities")<Cities, CityNotFound>()({
  name: "city",
  key: Schema.String,
  value: City,
  timeToLive: "10 minutes",
  local: { capacity: 1_000 }
}) {
  /** The lookup stands for a query of your database. */
  static readonly Live = Cities.layer({
    lookup: (id) =>
      id === "gothenburg"
        ? Effect.delay(Effect.succeed({ name: "Gothenburg", founded: 1621 }), "20 millis")
        : Effect.fail(new CityNotFound({ id }))
  })
}

const answer = (id: string) =>
  Effect.gen(function* () {
    const cities = yield* Cities
    const { source, value } = yield* cities.getResult(id)
    return Response.json({ ...value, source })
  }).pipe(
    Effect.catchTag("CityNotFound", ({ id }) => Effect.succeed(Response.json({ missing: id }, { status: 404 }))),
    // InvalidKey: no city has such an id. The others: Redis is away, and too many lookups run already
    Effect.catchTag("InvalidKey", () => Effect.succeed(new Response(null, { status: 400 }))),
    Effect.catchAll(() => Effect.succeed(new Response(null, { status: 503, headers: { "retry-after": "1" } })))
  )

// built once: a layer in each request would build a cache, and a connection, for each request
const runtime = ManagedRuntime.make(Layer.provide(Cities.Live, BunRedis.layerConfig({ embeddedWhenUnset: true })))

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: process.env.PORT ?? 3000,
  routes: { "/cities/:id": ({ params }) => runtime.runPromise(answer(params.id)) }
})
Effect.runSync(Console.log(`listens on http://127.0.0.1:${server.port}/cities/gothenburg`))

process.once("SIGTERM", async () => {
  await server.stop()
  await runtime.dispose()
})
