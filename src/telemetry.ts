/**
 * The entry point `/telemetry`: metrics and traces to Prometheus and OpenTelemetry.
 *
 * @since 0.2.0
 */
import "./internal/EffectVersion.js"

/**
 * Publishes what the toolkit does as Effect metrics.
 *
 * @since 0.2.0
 */
export * as Metrics from "./telemetry/Metrics.js"

/**
 * Exports metrics and traces over OTLP.
 *
 * @since 0.2.0
 */
export * as OpenTelemetry from "./telemetry/OpenTelemetry.js"

/**
 * Serves metrics as text for Prometheus.
 *
 * @since 0.2.0
 */
export * as Prometheus from "./telemetry/Prometheus.js"

/**
 * Spans of caches, commands, lookups, limits and locks.
 *
 * @since 0.2.0
 */
export * as Traces from "./telemetry/Traces.js"
