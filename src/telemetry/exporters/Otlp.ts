/**
 * The pipelines of OpenTelemetry: metrics that are read at an interval, and spans that leave in batches. Loaded where a
 * collector is named.
 *
 * @internal
 */
import * as OtelMetrics from "@effect/opentelemetry/Metrics"
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import type { Resource } from "@effect/opentelemetry/Resource"
import * as Tracer from "@effect/opentelemetry/Tracer"
import { PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics"
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Metrics from "../Metrics.js"
import * as Peer from "./Peer.js"
import * as Producer from "./Producer.js"
import * as Protocol from "./Protocol.js"
import * as ServiceResource from "./ServiceResource.js"

const metricExporter = (protocol: Protocol.Protocol) =>
  protocol === "http/json"
    ? Effect.map(
        Peer.load(
          "@opentelemetry/exporter-metrics-otlp-http",
          () => import("@opentelemetry/exporter-metrics-otlp-http")
        ),
        ({ OTLPMetricExporter }) => new OTLPMetricExporter()
      )
    : Effect.map(
        Peer.load(
          "@opentelemetry/exporter-metrics-otlp-proto",
          () => import("@opentelemetry/exporter-metrics-otlp-proto")
        ),
        ({ OTLPMetricExporter }) => new OTLPMetricExporter()
      )

const spanExporter = (protocol: Protocol.Protocol) =>
  protocol === "http/json"
    ? Effect.map(
        Peer.load("@opentelemetry/exporter-trace-otlp-http", () => import("@opentelemetry/exporter-trace-otlp-http")),
        ({ OTLPTraceExporter }) => new OTLPTraceExporter()
      )
    : Effect.map(
        Peer.load("@opentelemetry/exporter-trace-otlp-proto", () => import("@opentelemetry/exporter-trace-otlp-proto")),
        ({ OTLPTraceExporter }) => new OTLPTraceExporter()
      )

const metrics = (protocol: Option.Option<Protocol.Protocol>): Layer.Layer<never, ConfigError, Resource> =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      if (Option.isNone(protocol)) return
      const exporter = yield* metricExporter(protocol.value)
      const exportIntervalMillis = yield* Protocol.metricInterval
      yield* Metrics.record
      const producer = yield* Producer.make
      const exportTimeoutMillis = Math.min(exportIntervalMillis, 30_000)
      yield* OtelMetrics.registerProducer(
        producer,
        () => new PeriodicExportingMetricReader({ exporter, exportIntervalMillis, exportTimeoutMillis })
      )
    })
  )

const traces = (protocol: Option.Option<Protocol.Protocol>): Layer.Layer<never, never, Resource> =>
  Option.match(protocol, {
    onNone: () => Layer.empty,
    onSome: (protocol) =>
      Layer.unwrapEffect(
        Effect.map(spanExporter(protocol), (exporter) =>
          Layer.provide(Tracer.layer, NodeSdk.layerTracerProvider(new BatchSpanProcessor(exporter)))
        )
      )
  })

export const layer = (
  protocols: Protocol.Protocols,
  serviceName: string | undefined
): Layer.Layer<never, ConfigError> =>
  Layer.provide(Layer.merge(metrics(protocols.METRICS), traces(protocols.TRACES)), ServiceResource.layer(serviceName))
