/** The files of the built site, and what is wrong with the links between its pages. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join, posix } from "node:path"

export interface BuiltSite {
  readonly folder: string
  /** the paths of the pages: `/keys.html` */
  readonly pages: ReadonlyArray<string>
}

export const readSite = (folder: string): BuiltSite => ({
  folder,
  pages: readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".html") && path !== "404.html")
    .map((path) => `/${path}`)
    .sort()
})

const attributes = (html: string, names: string): ReadonlyArray<string> =>
  [...html.matchAll(new RegExp(`\\s(?:${names})="([^"]*)"`, "g"))].map(([, value = ""]) =>
    value.replaceAll("&amp;", "&")
  )

/** The file of the site that answers a path. */
export const fileOf = ({ folder }: BuiltSite, path: string): string | undefined =>
  [path.endsWith("/") ? `${path}index.html` : path, `${path}.html`]
    .map((candidate) => join(folder, candidate))
    .find((candidate) => existsSync(candidate) && /\.\w+$/.test(candidate))

/** Links and assets of every page that lead to no file or to no element: `/keys.html: there is no /kays.html`. */
export const siteProblems = (site: BuiltSite): ReadonlyArray<string> => {
  const html = new Map<string, { readonly text: string; readonly ids: ReadonlySet<string> }>()
  const pageAt = (file: string) => {
    const known = html.get(file)
    if (known !== undefined) return known
    const text = readFileSync(file, "utf8")
    const read = { text, ids: new Set(attributes(text, "id")) }
    html.set(file, read)
    return read
  }
  return site.pages.flatMap((page) => {
    const { text } = pageAt(join(site.folder, page))
    return [...new Set(attributes(text, "href|src"))].flatMap((target) => {
      if (/^([a-z][a-z+.-]*:|\/\/)/i.test(target)) return []
      const [path = "", anchor] = target.split("#")
      const full =
        path === "" ? page : posix.resolve(posix.dirname(page), path) + (path.endsWith("/") && path !== "/" ? "/" : "")
      const file = fileOf(site, decodeURIComponent(full))
      if (file === undefined) return [`${page}: there is no ${target}`]
      if (anchor === undefined || anchor === "" || !file.endsWith(".html")) return []
      return pageAt(file).ids.has(decodeURIComponent(anchor)) ? [] : [`${page}: nothing has the id of ${target}`]
    })
  })
}
