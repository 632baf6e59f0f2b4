/**
 * The report as a picture: for each chosen measurement the rates of its subjects, as bars on a scale of their own.
 */
import { rate } from "./numbers.js"
import type { Speed } from "./Outcome.js"

export interface Group {
  readonly title: string
  /** the first is the toolkit's */
  readonly results: ReadonlyArray<Speed>
}

const width = 760
const margin = 24
const labelWidth = 210
const rateWidth = 80
const barHeight = 16
const lineHeight = 22
const titleHeight = 34
const headHeight = 46

const own = "#2563eb"
const others = "#9ca3af"

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

const heightOf = ({ results }: Group): number => titleHeight + results.length * lineHeight

const bars = ({ results, title }: Group, top: number): string => {
  const fastest = Math.max(...results.map(({ opsPerSecond }) => opsPerSecond))
  const longest = width - 2 * margin - labelWidth - rateWidth
  const lines = results.map(({ opsPerSecond, subject }, i) => {
    const y = top + titleHeight + i * lineHeight
    const length = Math.max(1, (longest * opsPerSecond) / fastest)
    const baseline = y + barHeight - 4
    return [
      `<text x="${margin + labelWidth - 10}" y="${baseline}" text-anchor="end"${i === 0 ? ' font-weight="600"' : ""}>${escaped(subject)}</text>`,
      `<rect x="${margin + labelWidth}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="2" fill="${i === 0 ? own : others}"/>`,
      `<text x="${(margin + labelWidth + length + 8).toFixed(1)}" y="${baseline}"${i === 0 ? ' font-weight="600"' : ""}>${rate(opsPerSecond)}/s</text>`
    ].join("\n")
  })
  return [
    `<text x="${margin}" y="${top + 20}" font-size="14" font-weight="600">${escaped(title)}</text>`,
    ...lines
  ].join("\n")
}

/** An SVG document. */
export const draw = (title: string, groups: ReadonlyArray<Group>): string => {
  const height = headHeight + groups.reduce((sum, group) => sum + heightOf(group), 0) + margin
  let top = headHeight
  const drawn = groups.map((group) => {
    const text = bars(group, top)
    top += heightOf(group)
    return text
  })
  return `<!-- Written by \`bun run bench\`. Do not edit: run it again. -->
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#1f2937" role="img" aria-label="${escaped(title)}">
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="${margin}" y="30" font-size="16" font-weight="700">${escaped(title)}</text>
${drawn.join("\n")}
</svg>
`
}
