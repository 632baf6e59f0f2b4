import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { onMemory } from "../../support/server/clientLayers.js"
import { settle, until } from "../../support/until.js"

/** The metrics of a cache, by event or size. */
const metricsOf = (name: string) =>
  Effect.map(Metric.snapshot, (pairs) => {
    const found: Record<string, unknown> = {}
    for (const { metricKey, metricState } of pairs) {
      const labels = Object.fromEntries(Array.from(metricKey.tags, ({ key, value }) => [key, value]))
      const what = [labels.event, labels.of, labels.statistic].filter((label) => label !== undefined)
      if (labels.cache === name) found[what.join(".")] = metricState
    }
    return found
  })

it.effect("a cache copies its counts into Effect's metrics, each count once, while it runs and at its end", () =>
  Effect.gen(function* () {
    const { cache, name } = CacheWorld.make({ a: 1 }, { local: { capacity: 10, timeToLive: "1 minute" } })
    yield* Effect.scoped(
      Effect.gen(function* () {
        const { get } = yield* cache()
        yield* settle
        yield* Effect.replicateEffect(get("a"), 3)
        yield* until("the metrics are published", () =>
          Effect.map(metricsOf(name), (metrics) => metrics.hitsLocal !== undefined)
        )
        expect(yield* metricsOf(name)).toMatchObject({ hitsLocal: { count: 2 }, lookups: { count: 1 } })
        yield* get("a")
      })
    )
    expect(yield* metricsOf(name)).toMatchObject({
      hitsLocal: { count: 3 },
      lookups: { count: 1 },
      misses: { count: 1 },
      local: { value: 1 },
      outbox: { value: 0 },
      "lookup.max": { value: expect.any(Number) },
      "redis.p99": { value: expect.any(Number) }
    })
  }).pipe(Effect.provide(onMemory))
)
