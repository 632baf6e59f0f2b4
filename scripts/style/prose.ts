/** Finds what is written for people in a file: comments and strings of TypeScript, text of Markdown. Code is masked. */
import ts from "typescript"

export interface Prose {
  readonly kind: "comment" | "string" | "page"
  /** the text with code, links and decoration masked, as long as it is in the file */
  readonly text: string
  /** the line in the file of a place in `text`, from 1 */
  readonly lineAt: (place: number) => number
}

const blank = (match: string): string => match.replace(/[^\n]/g, " ")
/** A word of the same length, so that the sentence around it keeps its shape. */
const word = (match: string): string => match.replace(/[^\n]/g, "X")

const maskCode = (text: string): string =>
  text
    .replace(/```[\s\S]*?```/g, blank)
    .replace(/`[^`]*`/g, word)
    .replace(/\[[^\]]*\]\(\.\.\/test\/[^)]*\)/g, word)
    .replace(/\]\([^)]*\)/g, blank)
    .replace(/<!--[\s\S]*?-->/g, blank)
    .replace(/https?:\/\/\S+/g, word)

export const proseOfMarkdown = (text: string): ReadonlyArray<Prose> => [
  { kind: "page", text: maskCode(text), lineAt: (place) => text.slice(0, place).split("\n").length }
]

/** Keeps a comment's words: neither its slashes and stars, nor the code of its examples. */
const maskComment = (text: string): string =>
  maskCode(text.replace(/^\/\*\*?|\*\/$|^\/\//g, blank).replace(/^[ \t]*\*/gm, blank)).replace(/@\w+/g, blank)

/** A literal that a reader may see: it has more than one word, and names no module. */
const isProse = (node: ts.Node): node is ts.StringLiteralLike | ts.TemplateLiteralLikeNode =>
  (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node)) &&
  / \S/.test(node.text)

export const proseOfTypeScript = (file: ts.SourceFile): ReadonlyArray<Prose> => {
  const found = new Map<number, Prose>()
  const add = (kind: Prose["kind"], from: number, text: string): void => {
    if (found.has(from)) return
    const lineAt = (place: number) => file.getLineAndCharacterOfPosition(from + place).line + 1
    found.set(from, { kind, text, lineAt })
  }
  /** Lines of `//` that follow each other are one text. */
  const addComments = (ranges: ReadonlyArray<ts.CommentRange> | undefined): void => {
    const open = [...(ranges ?? [])]
    for (let first = open.shift(); first !== undefined; first = open.shift()) {
      let last = first
      while (
        last.kind === ts.SyntaxKind.SingleLineCommentTrivia &&
        open[0]?.kind === last.kind &&
        /^\r?\n[ \t]*$/.test(file.text.slice(last.end, open[0].pos))
      ) {
        last = open.shift() ?? last
      }
      const text = file.text.slice(first.pos, last.end)
      add("comment", first.pos, maskComment(text.replace(/^([ \t]*)\/\//gm, (match) => blank(match))))
    }
  }
  const visit = (node: ts.Node): void => {
    addComments(ts.getLeadingCommentRanges(file.text, node.getFullStart()))
    addComments(ts.getTrailingCommentRanges(file.text, node.getEnd()))
    if (isProse(node)) add("string", node.getStart(), maskCode(node.getText().replace(/^["'`}]|["'`]$/g, " ")))
    for (const child of node.getChildren(file)) visit(child)
  }
  visit(file)
  return [...found.values()]
}
