/**
 * What a program logs, for a test to read.
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"

export interface Line {
  readonly level: string
  readonly text: string
}

/** Replaces the default logger, at debug level, and gives the lines logged so far. */
export const make = Effect.map(
  Effect.sync((): Array<Line> => []),
  (lines) => ({
    lines,
    layer: Layer.merge(
      Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ logLevel, message }) => {
          lines.push({ level: logLevel.label, text: String(message) })
        })
      ),
      Layer.scopedDiscard(Effect.locallyScoped(FiberRef.currentMinimumLogLevel, LogLevel.Debug))
    )
  })
)
