/**
 * Rewrites the links of a page for the site: a link to a file outside of docs leads to the repository, and one to a README to
 * the index of its folder. The pages keep links that work on GitHub. `bun run check:docs` checks that the files exist.
 */
import { existsSync, statSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import type { MarkdownRenderer } from "vitepress"
import { repository } from "../../scripts/docs/packageManifest.js"

const root = fileURLToPath(new URL("../../", import.meta.url))

/** Files of docs that are no pages, such as the dashboard of Grafana, are read in the repository too. */
const isPage = (path: string): boolean => path.startsWith("docs/") && path.endsWith(".md")

/** What a link of the page `file` (a path from the root) leads to on the site. */
const siteLink = (file: string, href: string): string => {
  if (/^([a-z]+:|\/|#)/i.test(href)) return href
  const [path = "", hash] = href.split("#")
  const anchor = hash === undefined ? "" : `#${hash}`
  let target = relative(root, join(root, dirname(file), decodeURIComponent(path)))
  const full = join(root, target)
  const isFolder = existsSync(full) && statSync(full).isDirectory()
  if (isFolder && target.startsWith("docs/") && existsSync(join(full, "README.md"))) target = join(target, "README.md")
  if (!isPage(target)) return `${repository}/${isFolder ? "tree" : "blob"}/main/${target}${anchor}`
  return `/${target.replace(/^docs\//, "").replace(/(^|\/)README\.md$/, "$1index.md")}${anchor}`
}

export const repositoryLinks = (md: MarkdownRenderer): void => {
  md.core.ruler.push("repository-links", (state) => {
    const file = relative(root, state.env.realPath ?? state.env.path)
    for (const token of state.tokens.flatMap((block) => block.children ?? [])) {
      const href = token.type === "link_open" ? token.attrGet("href") : null
      if (href !== null && token.attrGet("class") !== "header-anchor") token.attrSet("href", siteLink(file, href))
    }
  })
}
