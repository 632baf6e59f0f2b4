/**
 * The sidebar: every page of docs in one group. `bun run check:docs` fails for a page that no group lists.
 *
 * A new page of a folder (concepts, recipes, migrations, decisions) is listed without an entry here, titled by its first heading.
 */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { DefaultTheme } from "vitepress"
import { entryPoints } from "../../scripts/docs/packageManifest.js"

type Item = DefaultTheme.SidebarItem

const docs = fileURLToPath(new URL("../", import.meta.url))

/** The paths of the pages of a folder, without extension, by name. `index` and `README` come first. */
const pagesIn = (folder: string): ReadonlyArray<string> =>
  readdirSync(`${docs}${folder}`)
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name.replace(/\.md$/, "")}`)
    .sort((a, b) => Number(isIndex(b)) - Number(isIndex(a)) || a.localeCompare(b))

const isIndex = (page: string): boolean => /\/(README|index)$/.test(page)

const headingOf = (page: string): string =>
  (/^# (.+)$/m.exec(readFileSync(`${docs}${page}.md`, "utf8"))?.[1] ?? page)
    .replaceAll("`", "")
    .replace(/^Options of /, "")

/** The address of a page: a README is the index of its folder. */
const addressOf = (page: string): string => `/${page.replace(/(README|index)$/, "")}`

const page = (path: string, text = headingOf(path)): Item => ({ text, link: addressOf(path) })

const folder = (text: string, name: string, first: ReadonlyArray<string> = []): Item => {
  const listed = first.map((name_) => `${name}/${name_}`)
  const others = pagesIn(name).filter((path) => !listed.includes(path))
  return { text, collapsed: true, items: [...listed, ...others].map((path) => page(path)) }
}

const pages = (text: string, entries: ReadonlyArray<readonly [path: string, text: string]>): Item => ({
  text,
  collapsed: true,
  items: entries.map(([path, title]) => page(path, title))
})

/** The groups of every page but those of the API. */
export const guide: ReadonlyArray<Item> = [
  pages("The cache", [
    ["services", "A cache as a service"],
    ["keys", "Keys"],
    ["codec", "Stored values"],
    ["lookups", "Lookups"],
    ["batching", "Many keys at once"],
    ["refreshing", "Refreshing"],
    ["negative-caching", "Negative caching"],
    ["tags", "Tags and clear"],
    ["outages", "Outages"],
    ["local-cache", "A cache without Redis"],
    ["tracking", "Changes by other programs"],
    ["runtime-settings", "Settings at run time"],
    ["events", "Stats and events"]
  ]),
  pages("Coordination", [
    ["rate-limits", "Rate limits"],
    ["remote-limits", "Limits of remote APIs"],
    ["locks", "Locks and semaphores"],
    ["leaderboards", "Leaderboards"],
    ["presence", "Presence and counters"]
  ]),
  pages("HTTP", [
    ["http-cache", "HTTP caches"],
    ["http-cache-cases", "The cases of cache-tests.fyi"]
  ]),
  pages("Operations", [
    ["operating", "Operating"],
    ["cli", "The command effect-cache"],
    ["telemetry", "Metrics and traces"],
    ["servers", "Servers"],
    ["topologies", "Topologies"],
    ["consistency", "Consistency under faults"],
    ["security", "Security of the server"]
  ]),
  pages("Tests", [["testing", "Faults and simulations"]]),
  pages("Inside", [
    ["architecture", "Architecture"],
    ["protocol", "The cache protocol"],
    ["driver", "Write a driver"],
    ["speed", "Speed"],
    ["benchmarks/README", "Benchmarks"],
    ["comparison", "Beside other caches"],
    ["versions", "Versions"],
    ["effect-4", "Effect 4"]
  ]),
  folder("Options", "reference/options"),
  folder("Decisions", "decisions")
]

/** The pages of the API reference, which `bun run docs` has written: an entry point, its namespaces, and their services. */
export const api = (): ReadonlyArray<Item> =>
  entryPoints.map(({ name }) => {
    const subpath = name.split("/").slice(1).join(".")
    const below = pagesIn("reference/api").filter((path) => path.startsWith(`reference/api/${subpath}.`))
    const namespaces = subpath === "" ? mainNamespaces() : below
    return {
      text: name.replace(/^[^/]+\//, "/"),
      link: `/reference/api/${subpath === "" ? "main" : subpath}`,
      collapsed: subpath !== "",
      items: namespaces.map((path) => page(path, path.split("/").at(-1)?.replace(`${subpath}.`, "")))
    }
  })

/** The namespaces of the main entry point stand under no name of an entry point. */
const mainNamespaces = (): ReadonlyArray<string> => {
  const others = entryPoints.map(({ name }) => name.split("/")[1])
  const isOfMain = (path: string) => !["main", "index", ...others].includes(path.split("/").at(-1)?.split(".")[0] ?? "")
  return pagesIn("reference/api").filter(isOfMain)
}
