/**
 * One line of a terminal that shows how far a warming is.
 *
 * @internal
 */
import * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import type { WarmProgress } from "./WarmProgress.js"

const barWidth = 24

/** The line, at most so wide. Without a total the bar is left out. */
export const line = (
  { alreadyThere, cursor, failed, loaded }: WarmProgress,
  total: number | undefined,
  columns: number
): string => {
  const counts = `${loaded} loaded, ${alreadyThere} there, ${failed} failed`
  if (total === undefined) return `${cursor} keys: ${counts}`.slice(0, columns)
  const share = total === 0 ? 1 : Math.min(cursor / total, 1)
  const full = Math.floor(share * barWidth)
  const bar = "#".repeat(full).padEnd(barWidth, "-")
  return `[${bar}] ${Math.floor(share * 100)} % ${cursor}/${total}: ${counts}`.slice(0, columns)
}

const clearLine = "\r\u001b[K"

/** Redraws the line. Nothing where there is no terminal: a log would get a line for each step. */
export const draw = (
  progress: WarmProgress,
  total: number | undefined
): Effect.Effect<void, never, Terminal.Terminal> =>
  Effect.gen(function* () {
    const terminal = yield* Terminal.Terminal
    if (!(yield* terminal.isTTY)) return
    const columns = yield* terminal.columns
    yield* Effect.ignore(terminal.display(clearLine + line(progress, total, Math.max(columns - 1, 20))))
  })

export const erase: Effect.Effect<void, never, Terminal.Terminal> = Effect.gen(function* () {
  const terminal = yield* Terminal.Terminal
  if (yield* terminal.isTTY) yield* Effect.ignore(terminal.display(clearLine))
})
