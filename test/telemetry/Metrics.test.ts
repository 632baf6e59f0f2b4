import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import * as Metrics from "../../src/telemetry/Metrics.js"
import * as Instrument from "../../src/telemetry/meters/Instrument.js"
import * as CacheWorld from "../support/cache/CacheWorld.js"
import { onMemory } from "../support/server/clientLayers.js"
import { settle, until } from "../support/until.js"

/** The numbers of a metric, each with its labels in one text. */
const seriesOf = (name: string): ReadonlyArray<readonly [labels: string, value: number]> =>
  Metric.unsafeSnapshot().flatMap(({ metricKey, metricState }) => {
    if (metricKey.name !== name) return []
    const labels = Array.from(metricKey.tags, ({ key, value }) => `${key}=${value}`).sort()
    const value = MetricState.isGaugeState(metricState)
      ? metricState.value
      : MetricState.isCounterState(metricState) || MetricState.isHistogramState(metricState)
        ? metricState.count
        : Number.NaN
    return [[labels.join(" "), Number(value)] as const]
  })

const valueOf = (metric: string, labels: string): number | undefined =>
  seriesOf(metric).find(([found]) => found === labels)?.[1]

const hitsOf = (name: string) => valueOf("cache.gets", `cache=${name} result=hit tier=local`)

describe("Metrics", () => {
  it.effect("a cache copies its counts into Effect's metrics, each count once, while it runs and at its end", () =>
    Effect.gen(function* () {
      const { cache, name } = CacheWorld.make({ a: 1 }, { local: { capacity: 10, timeToLive: "1 minute" } })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { get } = yield* cache()
          yield* settle
          yield* get("a")
          // stored after its caller's answer
          yield* settle
          yield* Effect.replicateEffect(get("a"), 2)
          yield* until("the metrics are published", () => hitsOf(name) === 2)
          expect(valueOf("cache.entries", `cache=${name}`)).toBe(1)
          expect(valueOf("cache.size", `cache=${name}`)).toBeGreaterThan(0)
          yield* get("a")
        })
      )
      expect(hitsOf(name)).toBe(3)
      expect(valueOf("cache.gets", `cache=${name} result=miss tier=none`)).toBe(1)
      expect(valueOf("cache.loads", `cache=${name} result=success`)).toBe(1)
      expect(valueOf("cache.load.duration", `cache=${name}`)).toBe(1)
      expect(valueOf("cache.redis.read.duration", `cache=${name}`)).toBe(1)
    }).pipe(Effect.provide(Metrics.layer({ every: "10 millis" })), Effect.provide(onMemory))
  )

  it.effect("the sizes of a cache that has ended are zero, and its counts stay", () =>
    Effect.gen(function* () {
      const { cache, name } = CacheWorld.make({ a: 1 }, { local: { capacity: 10, timeToLive: "1 minute" } })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { get } = yield* cache()
          yield* settle
          yield* get("a")
          // stored after its caller's answer
          yield* settle
          Metrics.unsafeCollect()
          expect(valueOf("cache.entries", `cache=${name}`)).toBe(1)
        })
      )
      expect(valueOf("cache.entries", `cache=${name}`)).toBe(0)
      expect(valueOf("cache.loads", `cache=${name} result=success`)).toBe(1)
    }).pipe(Effect.provide(Metrics.layer()), Effect.provide(onMemory))
  )

  it.scoped("two caches of one name add up", () =>
    Effect.gen(function* () {
      yield* Metrics.record
      const { cache, name } = CacheWorld.make({ a: 1 }, { local: { capacity: 10, timeToLive: "1 minute" } })
      const one = yield* cache()
      const other = yield* cache()
      yield* settle
      yield* one.get("a")
      yield* other.get("a")
      Metrics.unsafeCollect()
      expect(valueOf("cache.entries", `cache=${name}`)).toBe(2)
      expect(valueOf("cache.gets", `cache=${name} result=hit tier=redis`)).toBe(1)
      expect(valueOf("cache.gets", `cache=${name} result=miss tier=none`)).toBe(1)
    }).pipe(Effect.provide(onMemory))
  )

  it.effect("nothing is recorded after the scope of the last recorder has ended", () =>
    Effect.gen(function* () {
      const { cache, name } = CacheWorld.make({ a: 1, b: 1, c: 1 })
      const { get } = yield* cache()
      const outer = Effect.scoped(
        Effect.gen(function* () {
          yield* Metrics.record
          yield* Effect.scoped(Effect.zipRight(Metrics.record, get("a")))
          yield* get("b")
        })
      )
      yield* outer
      yield* get("c")
      expect(valueOf("cache.load.duration", `cache=${name}`)).toBe(2)
    }).pipe(Effect.scoped, Effect.provide(onMemory))
  )

  it("a metric has at most a thousand series by its labels: those beyond share one", () => {
    const count = Instrument.counter("test.bounded", "")
    for (let i = 0; i < 1_100; i++) count({ key: String(i) })
    const series = seriesOf("test.bounded")
    expect(series.length).toBe(1_001)
    expect(valueOf("test.bounded", "otel.metric.overflow=true")).toBe(100)
  })
})
