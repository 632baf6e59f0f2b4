import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { OpenApi } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Api } from "../../src/http/contract/Api.js"
import * as Usage from "../../src/http/server/Usage.js"
import { root } from "../support/root.js"

const read = (...path: ReadonlyArray<string>) => readFileSync(join(root, ...path), "utf8")
const readme = read("README.md")
const blocks = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1])

/** The variables that the program reads, by the constructors of Config that it reads them with. */
const variables = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => read("src", path))
  .filter((module) => module.includes('"effect/Config"'))
  .flatMap((module) => [
    ...module.matchAll(
      /\b(text|string|redacted|integer|seconds|parse|optionalText|optionalInteger|nodes|SecretConfig\.(?:make|optional))\(\s*"([A-Z][A-Z_]+)"/g
    )
  ])
  .flatMap(([, constructor = "", name = ""]) =>
    constructor.startsWith("SecretConfig") ? [name, `${name}_FILE`] : [name]
  )

describe("the README", () => {
  it("shows examples/quickstart.ts as the library in twenty lines", () => {
    const quickstart = read("examples", "quickstart.ts")
    expect(blocks).toContain(quickstart)
    expect(quickstart.trimEnd().split("\n").length).toBeLessThanOrEqual(20)
  })

  it("shows a test without a server that is one of ours", () => {
    expect(blocks).toContain(read("test", "examples", "MemoryRedis.test.ts"))
  })

  it("links every page under docs", () => {
    const folders = [".", "concepts", "recipes", "migrations"].filter((name) => existsSync(join(root, "docs", name)))
    const pages = folders.flatMap((folder) =>
      readdirSync(join(root, "docs", folder))
        .filter((name) => name.endsWith(".md"))
        .map((name) => join(folder, name))
        // the home of the site says no more than the README
        .filter((name) => name !== "index.md")
    )
    expect(pages.length).toBeGreaterThan(12)
    expect(pages.filter((name) => !readme.includes(`](docs/${name})`))).toEqual([])
  })

  it("lists every variable that the program reads, and .env.example does", () => {
    const listed = [...readme.matchAll(/^\| `([A-Z][A-Z_]+)` \|/gm)].map((match) => match[1])
    const offered = [...read(".env.example").matchAll(/^(?:# )?([A-Z][A-Z_]+)=/gm)].map((match) => match[1])
    expect(variables.length).toBeGreaterThan(15)
    expect(variables.filter((name) => !listed.includes(name))).toEqual([])
    expect(variables.filter((name) => !offered.includes(name))).toEqual([])
    expect(listed.filter((name) => !variables.includes(name ?? ""))).toEqual([])
  })

  it("gives the variables of the server the defaults that its --help does", () => {
    const rows = [...readme.matchAll(/^\| `([A-Z][A-Z_]+(?:\*)?)` \| (?:`([^`]+)`)?[^|]*\|/gm)].map(
      ([, name = "", fallback]) => (fallback === undefined || name === "LOG_FORMAT" ? name : `${name}=${fallback}`)
    )
    const lines = [...Usage.text.matchAll(/^ {2}([A-Z][A-Z_]+(?:\*|=\S+)?)(?: |$)/gm)].map(([, shown]) => shown)
    expect(rows.length).toBeGreaterThan(30)
    expect([...lines].sort()).toEqual([...rows].sort())
  })

  it("lists every request that the API answers", () => {
    const requests = Object.entries(OpenApi.fromApi(Api).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`)
    )
    expect(requests.length).toBeGreaterThan(20)
    expect(requests.filter((request) => !readme.includes(`| \`${request}\` |`))).toEqual([])
  })
})
