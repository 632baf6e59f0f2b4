import { Console, Effect, Layer, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"
import { OpenTelemetry } from "effect-cache-toolkit/telemetry"

class Articles extends TypedCache.Tag("app/Articles")<Articles>()({
  name: "article",
  key: Schema.Int,
  value: Schema.String,
  timeToLive: "10 minutes",
  local: { capacity: 1_000 }
}) {
  static readonly Live = Articles.layer({
    // the span of the query is a child of cache.lookup, and so of the request that started it
    lookup: (id) => Effect.withSpan(Effect.delay(Effect.succeed(`Article ${id}`), "20 millis"), "SELECT articles")
  })
}

/** A request: its span is the root. Ten at once wait for one lookup, whose span links to all of them. */
const request = Effect.flatMap(Articles, (articles) => articles.get(7)).pipe(Effect.withSpan("GET /articles/7"))

const program = Effect.gen(function* () {
  yield* Effect.replicateEffect(request, 10, { concurrency: "unbounded" })
  const { lookups, lookupsSaved } = yield* Effect.flatMap(Articles, ({ stats }) => stats)
  yield* Console.log(`${lookups} lookup for ${lookups + lookupsSaved} requests`)
})

// exports nothing where no OTEL_EXPORTER_OTLP_ENDPOINT is set
const live = Articles.Live.pipe(
  Layer.provide(SocketRedis.layerConfig({ embeddedWhenUnset: true })),
  Layer.provideMerge(OpenTelemetry.layer({ serviceName: "news" }))
)

Effect.runPromise(Effect.provide(program, live))
