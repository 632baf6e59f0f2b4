/**
 * What a command prints: sentences for a person, or one JSON document for a program.
 *
 * @internal
 */
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import type * as Effect from "effect/Effect"

/** The option that every command has. */
export const json = Options.boolean("json").pipe(
  Options.withDescription("Print JSON for programs, and nothing else on the standard output.")
)

/** What a command has to say, in both forms. */
export interface Report {
  readonly lines: ReadonlyArray<string>
  readonly data: unknown
}

/** Prints a report. A command that prints several prints one JSON document a line. */
export const print = (isJson: boolean, { data, lines }: Report): Effect.Effect<void> =>
  isJson ? Console.log(JSON.stringify(data)) : Console.log(lines.join("\n"))

/** Texts of servers and keys may hold control characters, which would reach the terminal as commands. */
export const plain = (text: string): string =>
  text.replace(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`)

/** Aligns the columns of a table by the width of their cells. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows.reduce<ReadonlyArray<number>>(
    (widths, row) => row.map((cell, column) => Math.max(widths[column] ?? 0, cell.length)),
    []
  )
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  )
}
