/** Where the compiler reports a wrong option: at that option, and not at the schemas beside it. */
import { fileURLToPath } from "node:url"
import { beforeAll, describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import ts from "typescript"
import * as TypedCache from "../../src/cache/TypedCache.js"

const root = fileURLToPath(new URL("../../", import.meta.url))

const right = {
  name: '"user"',
  key: "Schema.NumberFromString",
  value: "Schema.Struct({ name: Schema.String, at: Schema.Date })",
  timeToLive: '"5 minutes"',
  lookup: "(id) => Effect.succeed({ name: String(id), at: new Date() })"
}

interface Mistake {
  readonly title: string
  /** the options that are set otherwise; undefined: left out */
  readonly options: Readonly<Record<string, string | undefined>>
  /** the option of the reported line; `make` where the line is that of the call */
  readonly at: string
  readonly message: RegExp
}

const mistakes: ReadonlyArray<Mistake> = [
  {
    title: "a misspelt required option",
    options: { timeToLive: undefined, timeToLve: '"5 minutes"' },
    at: "timeToLve",
    message: /'timeToLve' does not exist.*Did you mean to write 'timeToLive'\?/
  },
  {
    title: "a misspelt lookup",
    options: { lookup: undefined, lokup: "(id: number) => Effect.succeed({ name: String(id), at: new Date() })" },
    at: "lokup",
    message: /'lokup' does not exist.*Did you mean to write 'lookup'\?/
  },
  {
    title: "a misspelt optional option",
    options: { jiter: "0.1" },
    at: "jiter",
    message: /'jiter' does not exist.*Did you mean to write 'jitter'\?/
  },
  {
    title: "a misspelt option of a group",
    options: { outage: "{ maxLookup: 3 }" },
    at: "outage",
    message: /'maxLookup' does not exist.*Did you mean to write 'maxLookups'\?/
  },
  {
    title: "an option of a group that stands outside of the group",
    options: { softTimeout: '"1 second"' },
    at: "softTimeout",
    message: /'softTimeout' does not exist/
  },
  {
    title: "a missing time to live",
    options: { timeToLive: undefined },
    at: "make",
    message: /'timeToLive' is missing/
  },
  { title: "a missing lookup", options: { lookup: undefined }, at: "make", message: /'lookup' is missing/ },
  {
    title: "negative caching without a schema of errors",
    options: { negative: '{ timeToLive: "1 second" }' },
    at: "negative",
    message: /'error' is missing/
  },
  {
    title: "a time to live that is no duration",
    options: { timeToLive: '"5 minuets"' },
    at: "timeToLive",
    message: /"5 minuets"' is not assignable/
  },
  {
    title: "a word that a choice does not have",
    options: { outage: '{ onUnavailable: "throw" }' },
    at: "outage",
    message: /"throw"' is not assignable/
  },
  {
    title: "a lookup of other values",
    options: { lookup: "(id) => Effect.succeed({ name: String(id) })" },
    at: "lookup",
    message: /Property 'at' is missing/
  }
]

const header = [
  'import * as Effect from "effect/Effect"',
  'import * as Schema from "effect/Schema"',
  'import * as TypedCache from "../../src/cache/TypedCache.js"'
]

interface Snippet {
  readonly mistake: Mistake
  readonly lines: ReadonlyArray<string>
  /** the first line's number */
  readonly start: number
}

/** One call for each mistake, with one option in a line. */
const snippets: Array<Snippet> = []
for (const mistake of mistakes) {
  const last = snippets.at(-1)
  const options = Object.entries({ ...right, ...mistake.options }).filter(([, value]) => value !== undefined)
  snippets.push({
    mistake,
    lines: ["TypedCache.make({", ...options.map(([name, value]) => `  ${name}: ${value},`), "})"],
    start: last === undefined ? header.length : last.start + last.lines.length
  })
}

/**
 * What the compiler reports in a file of these lines, with the lines' numbers. Most of its time is parsing: it reads neither
 * Bun's types, which no option uses, nor comments.
 */
const diagnosticsOf = (lines: ReadonlyArray<string>) => {
  const fileName = `${root}test/cache/snippets.ts`
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile)
  const { tsBuildInfoFile: _, ...parsed } = ts.parseJsonConfigFileContent(config, ts.sys, root).options
  const options = { ...parsed, incremental: false, types: [] }
  const host = { ...ts.createCompilerHost(options), jsDocParsingMode: ts.JSDocParsingMode.ParseNone }
  const { getSourceFile } = host
  host.getSourceFile = (name, ...rest) =>
    name === fileName
      ? ts.createSourceFile(name, lines.join("\n"), { languageVersion: ts.ScriptTarget.ES2023, impliedNodeFormat: 99 })
      : getSourceFile(name, ...rest)
  const program = ts.createProgram([fileName], options, host)
  const file = program.getSourceFile(fileName)
  return program.getSemanticDiagnostics(file).map(({ messageText, start = 0 }) => ({
    line: file?.getLineAndCharacterOfPosition(start).line,
    message: ts.flattenDiagnosticMessageText(messageText, "\n")
  }))
}

describe("the compiler", () => {
  let diagnostics: ReturnType<typeof diagnosticsOf> = []
  beforeAll(() => {
    diagnostics = diagnosticsOf([...header, ...snippets.flatMap(({ lines }) => lines)])
  })

  for (const { lines, mistake, start } of snippets) {
    it(`reports ${mistake.title} once, at ${mistake.at === "make" ? "the call" : "the option"}`, () => {
      const own = diagnostics.filter(({ line = -1 }) => line >= start && line < start + lines.length)
      expect(own).toHaveLength(1)
      expect(lines[(own[0]?.line ?? -1) - start]?.trim()).toMatch(
        mistake.at === "make" ? /^TypedCache\.make/ : new RegExp(`^${mistake.at}:`)
      )
      expect(own[0]?.message).toMatch(mistake.message)
    })
  }

  it("expects each error in this file at the line of its option", () => {
    // compiled and never run
    expectTypeOf(() => [
      TypedCache.make({
        name: "user",
        key: Schema.String,
        value: Schema.String,
        // @ts-expect-error misspelt
        timeToLve: "5 minutes",
        lookup: (id) => Effect.succeed(id)
      }),
      TypedCache.make({
        name: "user",
        key: Schema.String,
        value: Schema.String,
        timeToLive: "5 minutes",
        refresh: {
          // @ts-expect-error misspelt
          sofTimeout: "1 second"
        },
        lookup: (id) => Effect.succeed(id)
      }),
      TypedCache.Tag("Users")<never>()({
        name: "user",
        key: Schema.String,
        value: Schema.String,
        // @ts-expect-error misspelt
        timeToLve: "5 minutes"
      }),
      TypedCache.Tag("Users")<never>()({
        name: "user",
        key: Schema.String,
        value: Schema.String,
        timeToLive: "5 minutes"
      }).layer({
        lookup: (id) => Effect.succeed(id),
        // @ts-expect-error decides how reads fail, which is a matter of the class
        outage: { onUnavailable: "fail" }
      })
    ]).toBeFunction()
  })
})
