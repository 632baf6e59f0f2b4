/** The fenced blocks of code of a page, and the page without its code. */
export interface Fence {
  /** what stands behind the fence: `ts continues` */
  readonly info: string
  readonly text: string
  /** the line of its first line of code in the file, from 1 */
  readonly line: number
}

const opening = /^(?<indent>\s*)(?<mark>`{3,}|~{3,})\s*(?<info>[^`]*)$/

interface Parsed {
  readonly fences: ReadonlyArray<Fence>
  /** the lines outside of fences, with empty lines in their place */
  readonly prose: ReadonlyArray<string>
}

const parse = (page: string): Parsed => {
  const fences: Array<Fence> = []
  const prose: Array<string> = []
  let open: { readonly mark: string; readonly indent: string; readonly info: string; readonly line: number } | undefined
  let code: Array<string> = []
  for (const [index, line] of page.split("\n").entries()) {
    if (open === undefined) {
      const { indent = "", info = "", mark } = opening.exec(line)?.groups ?? {}
      if (mark !== undefined) {
        open = { mark, indent, info: info.trim(), line: index + 2 }
        code = []
      }
      prose.push(mark === undefined ? line : "")
      continue
    }
    prose.push("")
    const { indent, info, mark } = open
    if (line.trim().startsWith(mark) && line.trim().replaceAll(mark.charAt(0), "") === "") {
      fences.push({ info, line: open.line, text: code.map((text) => `${text}\n`).join("") })
      open = undefined
    } else {
      code.push(line.startsWith(indent) ? line.slice(indent.length) : line.trimStart())
    }
  }
  if (open !== undefined) throw new Error(`the block of line ${open.line - 1} has no end`)
  return { fences, prose }
}

export const fencesOf = (page: string): ReadonlyArray<Fence> => parse(page).fences

/** The page with its fenced blocks and comments blanked, line by line. Code inside of a line stays. */
export const withoutFences = (page: string): string =>
  parse(page)
    .prose.join("\n")
    .replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, " "))
