/** Text for a terminal: tables, bars, and colours where the terminal shows them. */
import { Duration } from "effect"

const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined

const paint = (code: number) => (text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text)

export const bold = paint(1)
export const dim = paint(2)
export const green = paint(32)
export const yellow = paint(33)
export const cyan = paint(36)

/** Colours take no room. */
const width = (text: string): number => Bun.stringWidth(text)

const pad = (text: string, to: number, align: "left" | "right"): string => {
  const space = " ".repeat(Math.max(0, to - width(text)))
  return align === "left" ? text + space : space + text
}

export interface Column {
  readonly title: string
  readonly align?: "left" | "right"
}

/** Rows under a head, between rules. */
export const table = (columns: ReadonlyArray<Column>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = columns.map(({ title }, index) =>
    Math.max(width(title), ...rows.map((row) => width(row[index] ?? "")))
  )
  const line = (cells: ReadonlyArray<string>) =>
    `  ${columns.map(({ align = "left" }, index) => pad(cells[index] ?? "", widths[index] ?? 0, align)).join("   ")}`.trimEnd()
  const rule = dim(`  ${widths.map((length) => "─".repeat(length)).join("───")}`)
  return [line(columns.map(({ title }) => bold(title))), rule, ...rows.map(line), rule].join("\n")
}

/** Names and what is said of them, under each other. */
export const list = (rows: ReadonlyArray<readonly [name: string, text: string]>): string => {
  const longest = Math.max(...rows.map(([name]) => width(name)))
  return rows.map(([name, text]) => `  ${pad(bold(name), longest, "left")}   ${text}`).join("\n")
}

export const bar = (share: number): string => cyan("█".repeat(Math.max(1, Math.round(share * 24))))

export const millis = (duration: Duration.Duration): string => `${Duration.toMillis(duration).toFixed(2)} ms`

export const median = (durations: ReadonlyArray<Duration.Duration>): Duration.Duration =>
  [...durations].sort(Duration.Order)[Math.floor(durations.length / 2)] ?? Duration.zero
