/** The pages of options as Markdown: one for each public module that has option types, and one that lists them. */
import type ts from "typescript"
import { anchorOf } from "../markdown/headings.js"
import { type PublicModule, publicModules } from "../publicModules.js"
import { declarationOf, type OptionRow, optionRows, propertiesOf, summaryOf } from "./optionRows.js"
import { isOptional, type OptionType, optionTypes } from "./optionTypes.js"

const notice = "<!-- Written by `bun run docs:options` from the doc comments of the options. Change those. -->"

/** A cell of a table: a bar would end it, and a bracket outside of code would be an element of HTML. */
const cell = (text: string): string =>
  text
    .replaceAll("|", "\\|")
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 0 ? part.replace(/</g, "&lt;") : part))
    .join("")

const code = (text: string): string => `\`${text}\``

interface Place {
  readonly page: string
  readonly anchor: string
}

/** The larger type has each option of the smaller one, as it is declared there or with a narrower type. */
const contained = (checker: ts.TypeChecker, small: OptionType, large: OptionType): boolean => {
  const outer = propertiesOf(checker, large)
  const inner = propertiesOf(checker, small)
  if (small === large || inner.length >= outer.length) return false
  return inner.every((property) => {
    const other = outer.find(({ name }) => name === property.name)
    if (other === undefined) return false
    if (declarationOf(other) === declarationOf(property)) return true
    return checker.isTypeAssignableTo(checker.getTypeOfSymbol(other), checker.getTypeOfSymbol(property))
  })
}

/** A type without a name is called after the function that takes it. */
const heading = ({ name }: OptionType): string => {
  const { below = "", taker } = /^(?<taker>.*)\(\w+\)\.?(?<below>.*)$/.exec(name)?.groups ?? {}
  if (taker === undefined) return code(name)
  return below === "" ? `Options of ${code(taker)}` : `${code(below)} of ${code(taker)}`
}

/** An entry point that is one module is imported whole. */
const importOf = ({ entryPoint, name }: PublicModule): string =>
  entryPoint.endsWith(`/${name}`)
    ? `import * as ${name} from "${entryPoint}"`
    : `import { ${name} } from "${entryPoint}"`

const namesOf = (names: ReadonlyArray<string>): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`

export interface OptionPages {
  /** the text of each page, by its name below docs/reference/options */
  readonly pages: ReadonlyMap<string, string>
  /** options without a meaning or a default */
  readonly problems: ReadonlyArray<string>
}

/** A cache in two tiers comes first: what it shares with others is shown on its page. */
const inOrder = (modules: ReadonlyArray<PublicModule>): ReadonlyArray<PublicModule> =>
  modules.toSorted((a, b) => Number(b.name === "TypedCache") - Number(a.name === "TypedCache"))

export const optionPages = (program: ts.Program): OptionPages => {
  const checker = program.getTypeChecker()
  const types = optionTypes(program, inOrder(publicModules(program)))
  const places = new Map<ts.Symbol, Place>(
    types.map((type) => [type.symbol, { page: `${type.module.name}.md`, anchor: anchorOf(heading(type)) }])
  )
  const problems = new Set<string>()

  const nameOf = (symbol: ts.Symbol) => types.find((type) => type.symbol === symbol)?.name ?? symbol.name

  const link = (from: string, text: string, place: Place): string =>
    `[${text}](${place.page === from ? "" : place.page}#${place.anchor})`

  const typeCell = (page: string, row: OptionRow): string => {
    const [group, ...others] = row.groups.flatMap((symbol) => {
      const place = places.get(symbol)
      return place === undefined ? [] : [{ place, name: nameOf(symbol) }]
    })
    if (group === undefined || others.length > 0) return cell(code(row.type))
    const to = (text: string) => link(page, cell(code(text)), group.place)
    const omitted = /^Omit<.*, (?<names>"[^>]*)>$/.exec(row.type)?.groups?.names
    if (omitted !== undefined) {
      const names = omitted.split(" | ").map((name) => code(name.replaceAll('"', "")))
      return `${to(group.name)} without ${namesOf(names)}`
    }
    return to(row.type.replace(/<.*$/, "").endsWith(group.name) ? group.name : row.type)
  }

  const table = (page: string, type: OptionType): string => {
    const found: Array<string> = []
    const rows = optionRows(checker, type, found)
    for (const problem of found) problems.add(problem)
    return [
      "| option | type | default | meaning |",
      "| --- | --- | --- | --- |",
      ...rows.map((row) => {
        const fallback = row.optional ? cell(row.default ?? "") : "*required*"
        return `| ${code(row.name)} | ${typeCell(page, row)} | ${fallback} | ${cell(row.meaning)} |`
      })
    ].join("\n")
  }

  const section = (page: string, type: OptionType): string => {
    const ofModule = types.filter(({ module }) => module === type.module)
    const larger = ofModule
      .filter((other) => contained(checker, type, other))
      .toSorted((a, b) => propertiesOf(checker, b).length - propertiesOf(checker, a).length)[0]
    const summary = cell(summaryOf(checker, type.symbol))
    const body = () => {
      if (larger === undefined) return table(page, type)
      const own = propertiesOf(checker, type)
      const others = propertiesOf(checker, larger).filter(({ name }) => own.every((property) => property.name !== name))
      const shown = link(page, heading(larger), { page, anchor: anchorOf(heading(larger)) })
      const optional = own.every(isOptional) ? " Each may be left out." : ""
      return own.length < others.length
        ? `${namesOf(own.map(({ name }) => code(name)))} of ${shown}.${optional}`
        : `The options of ${shown} without ${namesOf(others.map(({ name }) => code(name)))}.${optional}`
    }
    const besides = type.besides.flatMap((symbol) => {
      const place = places.get(symbol)
      return place === undefined ? [] : [`Besides the options of ${link(page, code(nameOf(symbol)), place)}:`]
    })
    return [`## ${heading(type)}`, ...(summary === "" ? [] : [summary]), ...besides, body()].join("\n\n")
  }

  const modules = [...new Set(types.map(({ module }) => module))]
  const pages = new Map<string, string>()
  for (const module of modules) {
    const page = `${module.name}.md`
    if (pages.has(page)) throw new Error(`two public modules are called ${module.name}`)
    const ofModule = types.filter((type) => type.module === module)
    // the options of the module itself stand above those of its methods and groups
    const sorted = ofModule.toSorted((a, b) => Number(b.name === "Options") - Number(a.name === "Options"))
    pages.set(
      page,
      [
        `# Options of ${module.name}`,
        notice,
        `\`\`\`ts\n${importOf(module)}\n\`\`\``,
        ...sorted.map((type) => section(page, type))
      ].join("\n\n") + "\n"
    )
  }
  const index = modules.map((module) => {
    const names = types.filter((type) => type.module === module)
    return `| [${module.name}](${module.name}.md) | \`${module.entryPoint}\` | ${names.map((type) => link("README.md", heading(type), { page: `${module.name}.md`, anchor: anchorOf(heading(type)) })).join(" · ")} |`
  })
  pages.set(
    "README.md",
    `${["# Options", notice, "What a program can set, module by module: the type, the default and the meaning of each option.", ["| module | import | options |", "| --- | --- | --- |", ...index].join("\n")].join("\n\n")}\n`
  )
  return { pages, problems: [...problems] }
}
