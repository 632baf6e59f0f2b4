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

const textProblemOf = (value: unknown, field: string): TextProblem | undefined => {
  if (typeof value === "string") {
    const message = unkept(value)
    return message === undefined ? undefined : { field, message }
  }
  if (Array.isArray(value)) return firstProblem(value, (index) => `${field}[${index}]`)
  if (typeof value !== "object" || value === null) return undefined
  const message = unkept(Object.keys(value).join(" "))
  if (message !== undefined) return { field, message: `a name ${message}` }
  return firstProblem(value, (name) => (field === "" ? name : `${field}.${name}`))
}

const firstProblem = (values: object, fieldOf: (name: string) => string): TextProblem | undefined => {
  for (const [name, value] of Object.entries(values)) {
    const problem = textProblemOf(value, fieldOf(name))
    if (problem !== undefined) return problem
  }
  return undefined
}

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

/**
 * Finds the first problem of a body.
 *
 * @since 0.2.0
 * @category utils
 */
export const problemOf = (bytes: Uint8Array<ArrayBuffer>): TextProblem | undefined => {
  const text = decode(bytes)
  if (text === undefined) return { field: "", message: "the body is not UTF-8" }
  if (isTooDeep(text)) return { field: "", message: `the body nests deeper than ${maxDepth} levels` }
  const parsed = parse(text)
  return parsed === undefined ? { field: "", message: "the body is not valid JSON" } : textProblemOf(parsed.value, "")
}
