/**
 * Configures the format and the level of the server's log.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"

/**
 * Colored lines on a terminal, `key=value` lines elsewhere.
 *
 * @since 0.1.0
 * @category layers
 */
export const format: Layer.Layer<never> = Layer.suspend(() => (process.stdout.isTTY ? Logger.pretty : Logger.logFmt))

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
