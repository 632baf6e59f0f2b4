/**
 * Finds the phrases that CONTRIBUTING.md ("How we write") bans, in comments, strings, test titles and pages.
 *
 * `bun scripts/style.ts` lists each phrase with its place and the words to write instead, and fails if there is one. With
 * `--long` it also lists sentences of more than 25 words, which fail nothing. Paths as arguments restrict the list.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { phrases } from "./style/phrases.js"
import { type Prose, proseOfMarkdown, proseOfTypeScript } from "./style/prose.js"
import { longSentences } from "./style/sentences.js"

const root = fileURLToPath(new URL("../", import.meta.url))
const folders = ["src", "test", "examples", "bench", "scripts", "docs"]

const filesUnder = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : filesUnder(path)
    return /\.(ts|md)$/.test(entry.name) ? [path] : []
  })

const pages = readdirSync(root)
  .filter((name) => name.endsWith(".md"))
  .map((name) => join(root, name))

const proseOf = (path: string): ReadonlyArray<Prose> => {
  const text = readFileSync(path, "utf8")
  return path.endsWith(".md")
    ? proseOfMarkdown(text)
    : proseOfTypeScript(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
}

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const given = process.argv.slice(2).filter((argument) => !argument.startsWith("--"))
const withLong = process.argv.includes("--long")
let found = 0
let long = 0

for (const path of [...folders.flatMap((folder) => filesUnder(join(root, folder))), ...pages]) {
  const file = relative(root, path)
  if (given.length > 0 && !given.some((start) => file.startsWith(start))) continue
  for (const prose of proseOf(path)) {
    for (const { pattern, write } of phrases) {
      for (const match of prose.text.matchAll(pattern)) {
        found++
        print(`${file}:${prose.lineAt(match.index)}: "${match[0].trim().replace(/\s+/g, " ")}"; write ${write}`)
      }
    }
    if (!withLong || prose.kind === "string") continue
    for (const { at, words, sentence } of longSentences(prose.text)) {
      long++
      print(`${file}:${prose.lineAt(at)}: ${words} words: ${sentence}`)
    }
  }
}

print(`${found} banned phrases${withLong ? `, ${long} sentences of more than 25 words` : ""}`)
if (found > 0) process.exitCode = 1
