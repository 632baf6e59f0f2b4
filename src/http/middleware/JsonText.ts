/**
 * Checks that the application can take a JSON body. It rejects nesting that would overflow the stack, and text that
 * databases do not store.
 *
 * @since 0.2.0
 */

/** The deepest nesting of arrays and objects. The API itself needs two levels. */
const maxDepth = 32

/**
 * The path of a problem in a body, as in `players[0]`, and its description.
 *
 * @since 0.2.0
 * @category models
 */
export interface TextProblem {
  readonly field: string
  readonly message: string
}

const quote = 34
const backslash = 92
const openBracket = 91
const closeBracket = 93
const openBrace = 123
const closeBrace = 125

const isTooDeep = (text: string): boolean => {
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (inString) {
      if (code === backslash) index++
      else if (code === quote) inString = false
    } else if (code === quote) {
      inString = true
    } else if (code === openBracket || code === openBrace) {
      depth++
      if (depth > maxDepth) return true
    } else if (code === closeBracket || code === closeBrace) {
      depth--
    }
  }
  return false
}

/** Postgres rejects U+0000, and UTF-8 maps every lone surrogate to the same character. */
const unkept = (text: string): string | undefined => {
  if (text.includes("\0")) return "holds U+0000"
  return text.isWellFormed() ? undefined : "is not well-formed: it holds half a surrogate pair"
}

const textProblemsOf = (value: unknown, field: string): ReadonlyArray<TextProblem> => {
  if (typeof value === "string") {
    const message = unkept(value)
    return message === undefined ? [] : [{ field, message }]
  }
  if (Array.isArray(value)) return problemsWithin(value, (index) => `${field}[${index}]`)
  if (typeof value !== "object" || value === null) return []
  const message = unkept(Object.keys(value).join(" "))
  const within = problemsWithin(value, (name) => (field === "" ? name : `${field}.${name}`))
  return message === undefined ? within : [{ field, message: `a name ${message}` }, ...within]
}

const problemsWithin = (values: object, fieldOf: (name: string) => string): ReadonlyArray<TextProblem> =>
  Object.entries(values).flatMap(([name, value]) => textProblemsOf(value, fieldOf(name)))

const decoder = new TextDecoder("utf-8", { fatal: true })

const decode = (bytes: Uint8Array<ArrayBuffer>): string | undefined => {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

const parse = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

const ofBody = (message: string): ReadonlyArray<TextProblem> => [{ field: "", message: `the body ${message}` }]

/**
 * Finds the problems of a body: that of the whole, or those of its texts.
 *
 * @since 0.2.0
 * @category utils
 */
export const problemsOf = (bytes: Uint8Array<ArrayBuffer>): ReadonlyArray<TextProblem> => {
  const text = decode(bytes)
  if (text === undefined) return ofBody("is not UTF-8")
  if (isTooDeep(text)) return ofBody(`nests deeper than ${maxDepth} levels`)
  const parsed = parse(text)
  return parsed === undefined ? ofBody("is not valid JSON") : textProblemsOf(parsed.value, "")
}
