/**
 * Logs go to the standard error, where they do not disturb the output, and only where something is wrong.
 *
 * @internal
 */
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"

/** `--log-level` of the command line sets another level. */
export const layer: Layer.Layer<never> = Layer.merge(
  Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger)),
  Logger.minimumLogLevel(LogLevel.Error)
)
