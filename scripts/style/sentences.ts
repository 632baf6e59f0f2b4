/** Splits prose into sentences and finds those that are too long to be read once. */

const maxWords = 25

export interface LongSentence {
  readonly at: number
  readonly words: number
  readonly sentence: string
}

/** Finds the sentences of more than 25 words. A blank line, a list item, a cell of a table and a tag end a sentence as well. */
export const longSentences = (text: string): ReadonlyArray<LongSentence> => {
  const found: Array<LongSentence> = []
  let at = 0
  for (const part of text.split(/((?<=[.?!][*"')]*)\s+(?=\S)|\n\s*\n|\n\s*(?=[-*|#>]|\d+\. |@)|\|)/)) {
    const sentence = part.trim().replace(/\s+/g, " ")
    const words = sentence.split(" ").filter((word) => /[\p{L}\p{N}]/u.test(word)).length
    if (words > maxWords) found.push({ at: at + part.length - part.trimStart().length, words, sentence })
    at += part.length
  }
  return found
}
