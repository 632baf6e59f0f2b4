/** The links of a page, and what is wrong with them. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { withoutFences } from "./fences.js"
import { anchorsOf } from "./headings.js"

interface Link {
  readonly target: string
  readonly line: number
}

const blankCode = (text: string): string => text.replace(/(`+)[^`][\s\S]*?\1/g, (code) => code.replace(/[^\n]/g, " "))

/** Links, pictures, definitions of links, attributes of HTML, and the links of a home page's head. */
const forms = [
  /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g,
  /^\[[^\]]+\]:\s+(\S+)/gm,
  /\s(?:href|src|srcset)="([^"]+)"/g,
  /(?<=^---\n[\s\S]*)\blink: ["']?(\/[^"'\s,}]*)(?=[\s\S]*\n---\n)/g
]

export const linksOf = (page: string): ReadonlyArray<Link> => {
  const text = blankCode(withoutFences(page))
  return forms.flatMap((form) =>
    [...text.matchAll(form)].map((match) => ({
      target: match[1] ?? "",
      line: text.slice(0, match.index).split("\n").length
    }))
  )
}

export interface Tree {
  /** the folder of the repository */
  readonly root: string
  /** the address of the repository: links to its files are checked like relative ones */
  readonly repository: string
}

const skipped = new Set(["node_modules", "dist", ".git", "data", "results"])

/** The Markdown files of the repository, as paths from its root. The reference of the API is written, and its site is checked. */
export const markdownFiles = (root: string, folder = ""): ReadonlyArray<string> =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      return skipped.has(entry.name) || entry.name.startsWith(".") || path === "docs/reference/api"
        ? []
        : markdownFiles(root, path)
    }
    return entry.name.endsWith(".md") ? [path] : []
  })

/** What is wrong with the links of a file, one line each: `docs/keys.md:12: there is no docs/kays.md`. */
export const linkProblems = ({ repository, root }: Tree, file: string): ReadonlyArray<string> => {
  const text = (path: string) => readFileSync(join(root, path), "utf8")
  return linksOf(text(file)).flatMap(({ line, target }) => {
    const problem = (what: string) => [`${file}:${line}: ${what}`]
    const own = new RegExp(`^${repository}/(?:blob|tree)/main/`).exec(target)?.[0]
    if (own === undefined && /^([a-z][a-z+.-]*:|\/\/)/i.test(target)) return []
    const [path = "", anchor] = (own === undefined ? target : target.slice(own.length)).split("#")
    // the head of a home page names pages of the site
    const site = path.startsWith("/") ? join("docs", path.endsWith("/") ? `${path}README.md` : `${path}.md`) : undefined
    if (site !== undefined && !file.endsWith("docs/index.md")) {
      return problem(`${target} works on the site alone: make it relative`)
    }
    const folder = own === undefined ? dirname(file) : ""
    const full = site ?? (path === "" ? file : relative(root, join(root, folder, decodeURIComponent(path))))
    if (!existsSync(join(root, full))) return problem(`there is no ${full}`)
    if (anchor === undefined || anchor === "") return []
    if (!full.endsWith(".md")) {
      const last = /^L\d+(?:-L(\d+))?$/.exec(anchor) === null ? undefined : Number(/(\d+)$/.exec(anchor)?.[1])
      if (statSync(join(root, full)).isFile() && last !== undefined && last <= text(full).split("\n").length) return []
      return problem(`${full} has no ${anchor}`)
    }
    return anchorsOf(text(full)).has(decodeURIComponent(anchor)) ? [] : problem(`${full} has no heading for #${anchor}`)
  })
}
