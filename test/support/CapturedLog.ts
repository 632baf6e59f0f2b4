/**
 * What a program logs, for a test to read.
 */
import * as Cause from "effect/Cause"
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
  Effect.sync((): { readonly lines: Array<Line>; readonly causes: Array<string> } => ({ lines: [], causes: [] })),
  ({ causes, lines }) => ({
    lines,
    /** of the lines that have one */
    causes,
    layer: Layer.merge(
      Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ cause, logLevel, message }) => {
          if (!Cause.isEmpty(cause)) causes.push(Cause.pretty(cause))
          lines.push({ level: logLevel.label, text: String(message) })
        })
      ),
      Layer.scopedDiscard(Effect.locallyScoped(FiberRef.currentMinimumLogLevel, LogLevel.Debug))
    )
  })
)
