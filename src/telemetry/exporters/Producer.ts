/**
 * Hands Effect's metrics to OpenTelemetry's readers: brings them up to date first, and adds their units.
 *
 * @internal
 */
import * as OtelMetrics from "@effect/opentelemetry/Metrics"
import type { Resource } from "@effect/opentelemetry/Resource"
import type { MetricData, MetricProducer, ResourceMetrics } from "@opentelemetry/sdk-metrics"
import * as Effect from "effect/Effect"
import * as Metrics from "../Metrics.js"
import { units } from "../meters/Instrument.js"

/** Replaces name and unit of each metric. */
export const mapDescriptors = (
  metrics: ResourceMetrics,
  describe: (descriptor: MetricData["descriptor"]) => { readonly name: string; readonly unit: string }
): ResourceMetrics => ({
  ...metrics,
  scopeMetrics: metrics.scopeMetrics.map((scope) => ({
    ...scope,
    metrics: scope.metrics.map((metric) => ({
      ...metric,
      descriptor: { ...metric.descriptor, ...describe(metric.descriptor) }
    }))
  }))
})

export const make: Effect.Effect<MetricProducer, never, Resource> = Effect.map(
  OtelMetrics.makeProducer,
  (producer) => ({
    collect: async (options) => {
      Metrics.unsafeCollect()
      const { errors, resourceMetrics } = await producer.collect(options)
      return {
        errors,
        resourceMetrics: mapDescriptors(resourceMetrics, ({ name, unit }) => ({ name, unit: units.get(name) ?? unit }))
      }
    }
  })
)
