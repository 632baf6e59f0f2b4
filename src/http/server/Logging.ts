/**
 * Configures the format and the level of the server's log.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"

type Format = "json" | "logfmt" | "pretty"

const isFormat = (name: string): name is Format => ["json", "logfmt", "pretty"].includes(name)

const loggers: Readonly<Record<Format, Layer.Layer<never>>> = {
  json: Logger.json,
  logfmt: Logger.logFmt,
  pretty: Logger.pretty
}

/**
 * `LOG_FORMAT`: `json`, `logfmt` or `pretty`. Unset it is `pretty` on a terminal and `logfmt` elsewhere.
 *
 * @since 0.2.0
 * @category config
 */
export const formatConfig: Config.Config<Format> = Config.string("LOG_FORMAT").pipe(
  Config.withDefault(""),
  Config.mapOrFail((text) => {
    const name = text.trim().toLowerCase()
    if (name === "") return Either.right(process.stdout.isTTY ? "pretty" : "logfmt")
    return isFormat(name)
      ? Either.right(name)
      : Either.left(ConfigError.InvalidData(["LOG_FORMAT"], "expected json, logfmt or pretty"))
  })
)

/**
 * Writes the log in the form of `LOG_FORMAT`. A wrong form is not reported here, since the report is itself a line:
 * `formatConfig` fails with it.
 *
 * @since 0.1.0
 * @category layers
 */
export const format: Layer.Layer<never> = Layer.unwrapEffect(
  Effect.map(
    Effect.orElseSucceed(formatConfig, () => "logfmt" as const),
    (name) => loggers[name]
  )
)

const levels: Readonly<Record<string, LogLevel.LogLevel>> = {
  "": LogLevel.Info,
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warning: LogLevel.Warning,
  error: LogLevel.Error,
  none: LogLevel.None
}

/**
 * Reads `LOG_LEVEL`: `info` by default; `debug` logs every hit and miss of the cache.
 *
 * @since 0.1.0
 * @category layers
 */
export const level: Layer.Layer<never, ConfigError.ConfigError> = Layer.unwrapEffect(
  Config.string("LOG_LEVEL").pipe(
    Config.withDefault(""),
    Config.mapOrFail((name) =>
      Either.fromNullable(levels[name.trim().toLowerCase()], () =>
        ConfigError.InvalidData(["LOG_LEVEL"], "expected debug, info, warning, error or none")
      )
    ),
    Config.map(Logger.minimumLogLevel)
  )
)
