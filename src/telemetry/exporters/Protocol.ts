/**
 * The variables of OpenTelemetry that the exporters do not read themselves: which signals are exported, and how.
 *
 * @internal
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"

type Signal = "TRACES" | "METRICS"

export type Protocol = "http/protobuf" | "http/json"

/** An empty variable counts as unset, by OpenTelemetry's rules. */
const variable = (name: string): Config.Config<Option.Option<string>> =>
  Config.map(Config.option(Config.string(name)), (value) =>
    Option.filter(
      Option.map(value, (text) => text.trim()),
      (text) => text !== ""
    )
  )

const either = (first: string, second: string) =>
  Config.zipWith(variable(first), variable(second), (own, general) => Option.orElse(own, () => general))

const protocolOf = (signal: Signal): Config.Config<Protocol> =>
  either(`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`, "OTEL_EXPORTER_OTLP_PROTOCOL").pipe(
    Config.mapOrFail((value) => {
      const protocol = Option.getOrElse(value, () => "http/protobuf")
      return protocol === "http/protobuf" || protocol === "http/json"
        ? Either.right(protocol)
        : Either.left(
            ConfigError.InvalidData(
              ["OTEL_EXPORTER_OTLP_PROTOCOL"],
              `expected http/protobuf or http/json, received ${JSON.stringify(protocol)}`
            )
          )
    })
  )

/**
 * The protocol of a signal; none where it is not exported. Exporting is off without an endpoint: OpenTelemetry's default, a
 * collector on this machine, would be a failure every few seconds in programs that have none.
 */
const protocol = (signal: Signal): Effect.Effect<Option.Option<Protocol>, ConfigError.ConfigError> =>
  Effect.gen(function* () {
    const disabled = yield* variable("OTEL_SDK_DISABLED")
    if (Option.isSome(disabled) && disabled.value.toLowerCase() === "true") return Option.none()
    const exporter = yield* variable(`OTEL_${signal}_EXPORTER`)
    if (Option.isSome(exporter) && exporter.value !== "otlp") return Option.none()
    const endpoint = yield* either(`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`, "OTEL_EXPORTER_OTLP_ENDPOINT")
    if (Option.isNone(endpoint)) return Option.none()
    return Option.some(yield* protocolOf(signal))
  })

export type Protocols = Readonly<Record<Signal, Option.Option<Protocol>>>

export const fromEnvironment: Effect.Effect<Protocols, ConfigError.ConfigError> = Effect.all({
  TRACES: protocol("TRACES"),
  METRICS: protocol("METRICS")
})

/** In milliseconds; a minute by OpenTelemetry's rules. */
export const metricInterval: Config.Config<number> = variable("OTEL_METRIC_EXPORT_INTERVAL").pipe(
  Config.mapOrFail((value) => {
    const millis = Option.match(value, { onNone: () => 60_000, onSome: Number })
    return Number.isInteger(millis) && millis > 0
      ? Either.right(millis)
      : Either.left(ConfigError.InvalidData(["OTEL_METRIC_EXPORT_INTERVAL"], "expected milliseconds above 0"))
  })
)
