/** What `bun scripts/effect4.ts` prints: tables in Markdown. */
import { relative } from "node:path"
import type ts from "typescript"
import { members, modules, packages } from "./names.js"
import type { Kind, Ported } from "./port.js"
import type { Uses } from "./uses.js"

export interface Source {
  readonly name: string
  readonly file: ts.SourceFile
  readonly uses: Uses
  readonly ported: Ported
}

export interface Measured {
  readonly root: string
  readonly sources: ReadonlyArray<Source>
  /** the code beside `src`, which is rewritten and not checked */
  readonly others: ReadonlyArray<Source>
  /** the exports of the modules of Effect 4 */
  readonly exported: ReadonlyMap<string, ReadonlySet<string>>
  /** the errors of the sources as they are, and of those that are rewritten */
  readonly before: ReadonlyArray<ts.Diagnostic>
  readonly after: ReadonlyArray<ts.Diagnostic>
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, n) => total + n, 0)

const grouped = <A>(all: ReadonlyArray<A>, keyOf: (one: A) => string): ReadonlyMap<string, ReadonlyArray<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one])
  return groups
}

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string | number>>): string =>
  [head, head.map(() => "---"), ...rows]
    .map((row) => `| ${row.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en") : cell)).join(" | ")} |`)
    .join("\n")

/** A kind of error of TypeScript, by its code. */
const kinds: ReadonlyArray<readonly [kind: string, codes: ReadonlyArray<number>]> = [
  ["a module, an export or a field that Effect 4 does not have", [2305, 2307, 2339, 2551, 2694, 2713, 2724]],
  ["a comparison with a tag that Effect 4 does not have", [2367, 2678]],
  ["arguments or type arguments of another number", [2314, 2315, 2344, 2554, 2556, 2558]],
  ["an `any` or `unknown` that follows from one of the above", [2571, 7006, 7019, 7031, 7053, 18046, 18048]]
]

const kindOf = ({ code }: ts.Diagnostic): string =>
  kinds.find(([, codes]) => codes.includes(code))?.[0] ?? "another type"

const lineOf = ({ file, start }: ts.Diagnostic): number => file?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0

/** The lines of a source that change, and those of one kind. */
const linesOf = ({ ported }: Source, ...of: ReadonlyArray<Kind>): ReadonlySet<number> =>
  new Set(of.flatMap((kind) => [...(ported.lines.get(kind) ?? [])]))

const byFolder = ({ after, root, sources }: Measured): string => {
  const errors = grouped(after, ({ file }) => file?.fileName ?? "")
  const folderOf = ({ name }: Source): string => /^src\/(?:[^/]+\/)?/.exec(relative(root, name))?.[0] ?? ""
  const rowOf = (folder: string, of: ReadonlyArray<Source>): ReadonlyArray<string | number> => {
    const errorLines = (source: Source) => new Set((errors.get(source.name) ?? []).map(lineOf))
    const size = sum(of.map(({ file }) => file.getLineStarts().length - 1))
    const touched = sum(
      of.map(
        (source) =>
          new Set([...linesOf(source, "import", "name", "arguments"), ...errorLines(source)]).size +
          source.ported.added.size
      )
    )
    return [
      folder,
      of.length,
      size,
      sum(of.map((source) => linesOf(source, "import").size + source.ported.added.size)),
      sum(of.map((source) => linesOf(source, "name").size)),
      sum(of.map((source) => linesOf(source, "arguments").size)),
      sum(of.map((source) => errorLines(source).size)),
      touched,
      `${((100 * touched) / size).toFixed(0)} %`
    ]
  }
  return table(
    ["folder", "files", "lines", "imports", "names", "arguments", "lines with errors", "lines touched", "share"],
    [...[...grouped(sources, folderOf)].sort().map(([folder, of]) => rowOf(`\`${folder}\``, of)), rowOf("all", sources)]
  )
}

const byKind = ({ after, before }: Measured): string => {
  const left = grouped(after, kindOf)
  const names = [...kinds.map(([kind]) => kind), "another type"]
  const asItIs = grouped(before, kindOf)
  const rows = names.map((kind) => [kind, asItIs.get(kind)?.length ?? 0, left.get(kind)?.length ?? 0])
  return table(
    ["kind", "errors as it is", "errors after the names are replaced"],
    [...rows, ["all", before.length, after.length]]
  )
}

/** Each module that is elsewhere, or lacks a name. */
const byModule = ({ exported, sources }: Measured): string => {
  const imports = grouped(
    sources.flatMap(({ uses }) => uses.imports),
    ({ text }) => text
  )
  const uses = grouped(
    sources.flatMap(({ uses }) => uses.members),
    ({ module }) => module
  )
  const unchanged: Array<string> = []
  const rows = [...imports].sort().flatMap(([module, all]) => {
    const used = uses.get(module) ?? []
    const place = modules.get(module) ?? module
    const names = exported.get(place)
    const renamed = used.filter(({ name }) => members[module]?.[name] !== undefined)
    const gone = used.filter(({ name }) => members[module]?.[name] === undefined && names?.has(name) !== true)
    if (place === module && renamed.length === 0 && gone.length === 0) {
      unchanged.push(module)
      return []
    }
    const lacking = [...grouped(gone, ({ name }) => name)]
      .sort((a, b) => b[1].length - a[1].length)
      .map(([name, { length }]) => (length === 1 ? `\`${name}\`` : `\`${name}\` ${length}`))
    const target = names === undefined ? "gone" : place === module ? "" : `\`${place}\``
    return [[`\`${module}\``, all.length, used.length, target, renamed.length, lacking.join(", ")]]
  })
  return [
    table(["Effect 3", "imports", "uses", "Effect 4", "renamed uses", "without a name of the same use"], rows),
    "",
    `${unchanged.length} of ${imports.size} modules are where they were, with every name: ${unchanged.map((module) => `\`${module}\``).join(", ")}.`
  ].join("\n")
}

const besideSources = ({ others, root }: Measured): string =>
  table(
    ["folder", "files", "lines", "imports", "names and arguments"],
    [...grouped(others, ({ name }) => `\`${relative(root, name).split("/")[0]}/\``)].map(([folder, of]) => [
      folder,
      of.length,
      sum(of.map(({ file }) => file.getLineStarts().length - 1)),
      sum(of.map((source) => linesOf(source, "import").size + source.ported.added.size)),
      sum(of.map((source) => linesOf(source, "name", "arguments").size))
    ])
  )

/** The tables, with a sentence before each. */
export const report = (measured: Measured): string =>
  [
    `Measured with ${Object.entries(packages)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
    "### Lines by folder",
    byFolder(measured),
    "### Errors by kind",
    byKind(measured),
    "### Beside the sources",
    besideSources(measured),
    "### Modules",
    byModule(measured)
  ].join("\n\n")
