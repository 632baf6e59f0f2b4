/**
 * What the doc comment of an option says: its meaning, and its default.
 *
 * A default is stated as `default 5 seconds`, after a colon, a semicolon or at the beginning of a sentence, and ends with the sentence or
 * at a semicolon. Where an option names its choices, the default is marked: `` `lookup` (default) runs the lookup ``.
 */
export interface OptionDoc {
  readonly meaning: string
  /** undefined where the comment states none */
  readonly default: string | undefined
}

const stated = /(?:^|(?<=[.!?]) |[:;,] )[Dd]efault(?:: |, | )(?<value>.+?)(?<end>\. (?=[A-Z`])|; |\.?$)/s
const marked = /(?<value>`[^`]+`) \(default\)/

const sentence = (text: string): string => {
  const trimmed = text.trim().replace(/[:;,]$/, "")
  return trimmed === "" ? "" : trimmed.charAt(0).toUpperCase() + trimmed.slice(1).replace(/\.$/, "")
}

export const optionDoc = (comment: string): OptionDoc => {
  const text = comment.replace(/\s+/g, " ").trim()
  const match = stated.exec(text)
  if (match?.groups === undefined) return { meaning: sentence(text), default: marked.exec(text)?.groups?.value }
  const { end = "", value } = match.groups
  const before = text.slice(0, match.index).replace(/[.:;,]$/, "")
  const after = text.slice(match.index + match[0].length)
  const between = before === "" || after === "" ? "" : end
  return { meaning: sentence(`${before}${between}${after}`), default: value }
}
