/**
 * Writes metrics as text for Prometheus. Loaded by the first scrape.
 *
 * @internal
 */
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus"
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics"
import * as Effect from "effect/Effect"
import * as Producer from "./Producer.js"
import * as ServiceResource from "./ServiceResource.js"

/** Prometheus has the unit in the name, in full. */
const suffixes: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes" }

const named = (metrics: ResourceMetrics): ResourceMetrics =>
  Producer.mapDescriptors(metrics, ({ name, unit }) => ({
    // the suffix `_count` is a histogram's alone
    name: name.replace(/\.count$/, "s") + (suffixes[unit] ?? ""),
    // a unit that the name does not end with would be an error of the format
    unit: ""
  }))

export const make = (serviceName: string | undefined): Effect.Effect<Effect.Effect<string>> =>
  Effect.map(Effect.provide(Producer.make, ServiceResource.layer(serviceName)), (producer) => {
    const serializer = new PrometheusSerializer(undefined, false, undefined, false, true)
    return Effect.map(
      Effect.promise(() => producer.collect()),
      ({ resourceMetrics }) => `${serializer.serialize(named(resourceMetrics)).trimEnd()}\n`
    )
  })
