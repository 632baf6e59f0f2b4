/** Anchors of headings, as GitHub makes them. The site makes the same, so that one link works on both. */
import { withoutFences } from "./fences.js"

/** The anchor of a heading's text, without the number that a repeated heading gets. */
export const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-")

/** The text of a heading as a reader sees it: the names of links without their targets. */
const shownText = (heading: string): string => heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")

/** All anchors of a page: those of its headings, numbered where they repeat, and those that it sets itself. */
export const anchorsOf = (page: string): ReadonlySet<string> => {
  const anchors = new Set<string>()
  const text = withoutFences(page)
  const seen = new Map<string, number>()
  for (const [, title = ""] of text.matchAll(/^#{1,6} +(.+?)(?: +#+)?$/gm)) {
    const anchor = anchorOf(shownText(title))
    const before = seen.get(anchor) ?? 0
    seen.set(anchor, before + 1)
    anchors.add(before === 0 ? anchor : `${anchor}-${before}`)
  }
  for (const [, , id = ""] of text.matchAll(/<\w+[^>]*\s(id|name)="([^"]+)"/g)) anchors.add(id)
  return anchors
}
