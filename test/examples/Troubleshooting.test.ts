/** docs/troubleshooting.md quotes messages of the source: those that a reader searches for have to be there, word by word. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { root } from "../support/root.js"

const page = readFileSync(join(root, "docs", "troubleshooting.md"), "utf8")

/** All modules, with texts that are joined over several lines as one. */
const source = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => readFileSync(join(root, "src", path), "utf8").replace(/["`] \+\s*["`]/g, ""))
  .join("\n")
  .replaceAll("\\`", "")
  .replaceAll('\\"', '"')

/** The quoted messages: code of several words in the first column of a table. */
const quoted = page
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .flatMap((line) => [...(line.split(" | ")[0]?.matchAll(/`([^`]+)`/g) ?? [])].map(([, text = ""]) => text))
  .filter((text) => text.includes(" "))

it("the messages in docs/troubleshooting.md are those of the source", () => {
  expect(quoted.length).toBeGreaterThan(40)
  const missing = quoted.filter((text) =>
    text.split("…").some((part) => /\w{3}/.test(part) && !source.includes(part.replace(/^[\s:;,]+|[\s:;,]+$/g, "")))
  )
  expect(missing).toEqual([])
})
