/**
 * Exports metrics and traces over OTLP, by OpenTelemetry's own exporters and as OpenTelemetry's variables say.
 *
 * @since 0.2.0
 */
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Peer from "./exporters/Peer.js"
import * as Protocol from "./exporters/Protocol.js"
import * as Traces from "./Traces.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface Options extends Traces.Options {
  /** the name of the service, where neither OTEL_SERVICE_NAME nor OTEL_RESOURCE_ATTRIBUTES has one: default `unknown_service` */
  readonly serviceName?: string | undefined
}

/**
 * Exports Effect's metrics and spans of the program that it is provided to. The metrics of the toolkit are recorded for the
 * whole process.
 *
 * A signal is exported where OTEL_EXPORTER_OTLP_ENDPOINT, or the variable of the signal, names a collector. Everywhere else
 * the layer does nothing. Fails with `ConfigError` where a variable cannot be right. Dies where an exporter's package is not
 * installed. A collector that is away costs no request: what does not fit into the exporter's queue is dropped.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { OpenTelemetry } from "effect-cache-toolkit/telemetry"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.log("with OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 this is a part of a trace").pipe(
 *   Effect.withSpan("greet"),
 *   Effect.provide(OpenTelemetry.layer({ serviceName: "shop" }))
 * )
 */
export const layer = (options: Options = {}): Layer.Layer<never, ConfigError> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const protocols = yield* Protocol.fromEnvironment
      if (Option.isNone(protocols.METRICS) && Option.isNone(protocols.TRACES)) return Layer.empty
      const otlp = yield* Peer.load("@effect/opentelemetry", () => import("./exporters/Otlp.js"))
      const exported = otlp.layer(protocols, options.serviceName)
      return Option.isNone(protocols.TRACES) ? exported : Layer.merge(exported, Traces.layer(options))
    })
  )
