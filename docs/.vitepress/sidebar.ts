/**
 * The sidebar: every page of docs in one group, which test/scripts/docs/Pages.test.ts checks.
 *
 * A new page of a folder (concepts, recipes, migrations, decisions, options) needs no entry here: its first heading is its title.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { DefaultTheme } from "vitepress"
import { entryPoints } from "../../scripts/docs/packageManifest.js"

type Item = DefaultTheme.SidebarItem

const docs = fileURLToPath(new URL("../", import.meta.url))

const isIndex = (page: string): boolean => /\/(README|index)$/.test(page)

/** The paths of the pages of a folder, without extension, by name. `index` and `README` come first. */
const pagesIn = (folder: string): ReadonlyArray<string> =>
  !existsSync(`${docs}${folder}`)
    ? []
    : readdirSync(`${docs}${folder}`)
        .filter((name) => name.endsWith(".md"))
        .map((name) => `${folder}/${name.replace(/\.md$/, "")}`)
        .sort((a, b) => Number(isIndex(b)) - Number(isIndex(a)) || a.localeCompare(b))

/** The first heading, without decoration and without what the group says. */
const titleOf = (page: string): string =>
  (/^# (.+)$/m.exec(readFileSync(`${docs}${page}.md`, "utf8"))?.[1] ?? page)
    .replaceAll("`", "")
    .replace(/^(Options of|From) /, "")

/** The address of a page: a README is the index of its folder. */
const addressOf = (page: string): string => `/${page.replace(/(README|index)$/, "")}`

const page = (path: string, text = titleOf(path)): Item => ({ text, link: addressOf(path) })

/** A group of the pages of a folder, those that are named first. */
const folder = (text: string, name: string, first: ReadonlyArray<string> = []): Item => {
  const named = first.map((path) => `${name}/${path}`)
  const others = pagesIn(name).filter((path) => !named.includes(path))
  return { text, collapsed: true, items: [...named, ...others].map((path) => page(path)) }
}

const pages = (text: string, entries: Readonly<Record<string, string>>): Item => ({
  text,
  collapsed: true,
  items: Object.entries(entries).map(([path, title]) => page(path, title))
})

/** The groups of every page but those of the API. */
export const guide: ReadonlyArray<Item> = [
  page("start", "Start here"),
  folder("Concepts", "concepts", ["two-tiers", "leases", "invalidation", "outages", "provenance"]),
  pages("The cache", {
    services: "A cache as a service",
    keys: "Keys",
    codec: "Stored values",
    lookups: "Lookups",
    batching: "Many keys at once",
    refreshing: "Refreshing",
    "negative-caching": "Negative caching",
    tags: "Tags and clear",
    outages: "Outages",
    "local-cache": "A cache without Redis",
    tracking: "Changes by other programs",
    "runtime-settings": "Settings at run time",
    events: "Stats and events"
  }),
  pages("Coordination", {
    "rate-limits": "Rate limits",
    "remote-limits": "Limits of remote APIs",
    locks: "Locks and semaphores",
    leaderboards: "Leaderboards",
    presence: "Presence and counters"
  }),
  pages("HTTP", { "http-cache": "HTTP caches", "http-cache-cases": "The cases of cache-tests.fyi" }),
  folder("Recipes", "recipes"),
  pages("Tests", { testing: "Faults and simulations" }),
  pages("Operations", {
    operating: "Operating",
    cli: "The command effect-cache",
    telemetry: "Metrics and traces",
    servers: "Servers",
    topologies: "Topologies",
    consistency: "Consistency under faults",
    security: "Security of the server"
  }),
  pages("Help", { troubleshooting: "Troubleshooting", faq: "Questions" }),
  folder("Migrations", "migrations"),
  folder("Options", "reference/options"),
  pages("Inside", {
    architecture: "Architecture",
    protocol: "The cache protocol",
    driver: "Write a driver",
    versions: "Versions",
    "effect-4": "Effect 4",
    speed: "Speed",
    "benchmarks/README": "Benchmarks",
    comparison: "Beside other caches"
  }),
  folder("Decisions", "decisions")
].filter(({ items }) => items === undefined || items.length > 0)

/** The namespace that a page of the reference is about: `driver.Sentinel` is in `driver`, and `Counter` in the main entry point. */
const entryPointOf = (path: string): string => {
  const [first = ""] = path.replace("reference/api/", "").split(".")
  return subpaths.includes(first) ? first : ""
}

const subpaths = entryPoints.map(({ name }) => name.split("/").slice(1).join("."))

/** The pages of the API reference, which `bun run docs` has written: an entry point, its namespaces, and their services. */
export const api = (): ReadonlyArray<Item> => {
  const all = pagesIn("reference/api").filter((path) => !isIndex(path))
  return entryPoints.map(({ name }) => {
    const subpath = name.split("/").slice(1).join(".")
    const own = `reference/api/${subpath === "" ? "main" : subpath}`
    const isBelow = (path: string) => (subpath === "" ? entryPointOf(path) === "" : path.startsWith(`${own}.`))
    const below = all.filter((path) => path !== "reference/api/main" && isBelow(path))
    const labelOf = (path: string) => path.replace(subpath === "" ? "reference/api/" : `${own}.`, "")
    const namespaces = below.filter((path) => !labelOf(path).includes("."))
    return {
      text: name.replace(/^[^/]+\//, "/"),
      link: `/${own}`,
      collapsed: subpath !== "",
      items: namespaces.map((path) => {
        const inner = below.filter((other) => other.startsWith(`${path}.`))
        const name = (other: string) => (other.endsWith(`.${labelOf(path)}`) ? "service" : other.split(".").at(-1))
        return {
          ...page(path, labelOf(path)),
          ...(inner.length === 0 ? {} : { collapsed: true, items: inner.map((other) => page(other, name(other))) })
        }
      })
    }
  })
}
