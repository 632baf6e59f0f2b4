/**
 * The report as Markdown. Ratios come first, since they mean something on other machines too.
 */

import type { MeasuredOn } from "../run/Machine.js"
import { rate, ratio } from "./numbers.js"
import type { Outcome, Quantity, Speed } from "./Outcome.js"
import { reachedBy } from "./targets.js"

export interface Section {
  readonly workload: { readonly name: string; readonly description: string }
  readonly outcome: Outcome
}

/** In a table a bar would begin another cell. */
const cell = (text: string): string => text.replaceAll("|", "\\|")

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const line = (cells: ReadonlyArray<string>) => `| ${cells.map(cell).join(" | ")} |`
  return [
    line(head),
    `| ${head.map((_, column) => (column === 0 ? "---" : "---:")).join(" | ")} |`,
    ...rows.map(line)
  ].join("\n")
}

const groupBy = <A>(all: ReadonlyArray<A>, keyOf: (one: A) => string): ReadonlyArray<ReadonlyArray<A>> => [
  ...Map.groupBy(all, keyOf).values()
]

/** One line for each measurement: how many times as fast the first subject is as each other one. */
const speeds = (results: ReadonlyArray<Speed>): string => {
  const measurements = groupBy(results, ({ concurrency, workload }) => `${concurrency} ${workload}`)
  const [first] = measurements
  if (first === undefined) return ""
  const [subject, ...peers] = first.map(({ subject }) => subject)
  return table(
    ["", "at once", ...peers.map((peer) => `× ${peer}`), `${subject}, per second`],
    measurements.map(([own, ...others]) => [
      own?.workload ?? "",
      (own?.concurrency ?? 0).toLocaleString("en-US"),
      ...others.map((other) => `**${ratio(own?.ratioTo[other.subject] ?? Number.NaN)}** (${rate(other.opsPerSecond)})`),
      rate(own?.opsPerSecond ?? Number.NaN)
    ])
  )
}

const amounts = (quantities: ReadonlyArray<Quantity>): string =>
  table(
    ["", "", ""],
    quantities.map(({ subject, unit, value, what }) => [
      subject,
      what,
      `${value.toLocaleString("en-US")} ${unit}`.trim()
    ])
  )

/** Results whose subjects are the same stand in one table. */
const body = ({ outcome: { quantities, results, tables } }: Section): ReadonlyArray<string> => {
  const subjectsOf = new Map(
    groupBy(results, ({ workload }) => workload).map((group) => [
      group[0]?.workload ?? "",
      [...new Set(group.map(({ subject }) => subject))].join()
    ])
  )
  return [
    ...groupBy(results, ({ workload }) => subjectsOf.get(workload) ?? "").map(speeds),
    ...(tables ?? []).map(({ head, rows }) => table(head, rows)),
    ...groupBy(tables === undefined ? quantities : [], ({ workload }) => workload).flatMap((group) => [
      ...(quantities.every(({ workload }) => workload === quantities[0]?.workload)
        ? []
        : [`**${group[0]?.workload ?? ""}**`]),
      amounts(group)
    ])
  ]
}

/** What is to be reached, and how far this run got. */
const targets = (sections: ReadonlyArray<Section>): ReadonlyArray<string> => {
  const reached = reachedBy({
    results: sections.flatMap(({ outcome }) => outcome.results),
    quantities: sections.flatMap(({ outcome }) => outcome.quantities)
  })
  return reached.length === 0
    ? []
    : [
        "## Targets",
        `The targets, and what the toolkit reached in this run: ${reached.filter(({ isReached }) => isReached).length} of ${reached.length}. Where a target names several peers, the fastest counts, or the one that spends least. For typed reads from Redis the table also has their limit, which does only what no cache can omit. [Speed](../speed.md) says what keeps the toolkit from the rest.`,
        table(
          ["", "target", "beside", "reached", "", "the limit"],
          reached.map(({ isReached, limit, peer, reached, target, what }) => [
            what,
            target,
            peer ?? "",
            `**${reached}**`,
            isReached ? "yes" : "**missed**",
            limit ?? ""
          ])
        )
      ]
}

export const document = (
  { machine, versions }: MeasuredOn,
  sections: ReadonlyArray<Section>,
  chartFile: string,
  rounds: number
): string =>
  `${[
    "<!-- Written by `bun run bench`. Do not edit: run it again. -->",
    "# Benchmarks",
    `Written by \`bun run bench\`, which measures the toolkit beside its peers in one run on one server. The subjects take turns. A rate is the median of ${rounds} rounds or more, and a ratio the median of the ratios within each round. Answers are checked before. Read the ratios: they say how many times as fast the first subject is as the one at the head of the column, whose own rate is in parentheses. Differences of a tenth are noise.`,
    `Measured on ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}, with everything on the same machine, the server included. ${Object.entries(
      versions
    )
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
    `![The toolkit beside its peers](${chartFile})`,
    ...targets(sections),
    ...sections.flatMap((section) => [`## ${section.workload.name}`, section.workload.description, ...body(section)])
  ].join("\n\n")}\n`
