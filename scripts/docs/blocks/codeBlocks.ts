/**
 * The TypeScript of pages and doc comments, as modules that can be compiled.
 *
 * A block of a page stands alone. A block with the info `ts continues` is compiled behind the block of TypeScript before it on the
 * page.
 */
import { fencesOf } from "../markdown/fences.js"

export interface CodeBlock {
  /** a path from the root of the repository */
  readonly file: string
  /** the line of the block's first line of code */
  readonly line: number
  readonly text: string
  /** the lines of `text` that stand before the block itself */
  readonly before: number
}

const languages = new Set(["ts", "typescript", "tsx"])

/** The blocks of a page. Fails for an info that means nothing, and for a block that continues none. */
export const blocksOfPage = (file: string, page: string): ReadonlyArray<CodeBlock> => {
  const blocks: Array<CodeBlock> = []
  for (const { info, line, text } of fencesOf(page)) {
    const [language = "", ...words] = info.split(/\s+/)
    if (!languages.has(language)) continue
    const meaning = words.join(" ")
    const place = `${file}:${line - 1}`
    if (meaning !== "" && meaning !== "continues") throw new Error(`${place}: \`${info}\` means nothing`)
    const last = blocks.at(-1)
    if (meaning === "continues") {
      if (last === undefined) throw new Error(`${place}: there is no block to continue`)
      blocks.push({ file, line, text: `${last.text}${text}`, before: last.text.split("\n").length - 1 })
    } else {
      blocks.push({ file, line, text, before: 0 })
    }
  }
  return blocks
}

/** The examples of the doc comments of a module. */
export const examplesOfModule = (file: string, module: string): ReadonlyArray<CodeBlock> =>
  [...module.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap((comment) =>
    [...comment[0].matchAll(/^[ \t]*\* @example\b.*\n(?<lines>(?:[ \t]*\*(?! @\w)(?!\/).*\n)*)/gm)].map((example) => {
      const at = comment.index + example.index
      return {
        file,
        line: module.slice(0, at).split("\n").length + 1,
        text: (example.groups?.lines ?? "").replace(/^[ \t]*\* ?/gm, ""),
        before: 0
      }
    })
  )
