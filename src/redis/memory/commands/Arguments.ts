/**
 * Parses numbers of arguments as strictly as a server does. Undefined when the text is no number.
 *
 * @since 0.1.0
 */
import type { Bound } from "../store/SortedSet.js"

const integerPattern = /^(?:0|-?[1-9]\d{0,18})$/
const maxInteger = 2n ** 63n - 1n
const minInteger = -(2n ** 63n)

/**
 * Whether a number fits into 64 bits.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isInteger64 = (value: bigint): boolean => value >= minInteger && value <= maxInteger

/**
 * A 64-bit integer in its shortest form: no sign but a minus, no leading zeros, no spaces.
 *
 * @since 0.1.0
 * @category parsers
 */
export const parseBigInt = (text: string | undefined): bigint | undefined => {
  if (text === undefined || !integerPattern.test(text)) return undefined
  const value = BigInt(text)
  return isInteger64(value) ? value : undefined
}

/**
 * As `parseBigInt`, for counts and ranks, where precision beyond 2^53 is of no use.
 *
 * @since 0.1.0
 * @category parsers
 */
export const parseInteger = (text: string | undefined): number | undefined => {
  const value = parseBigInt(text)
  return value === undefined ? undefined : Number(value)
}

const numberPattern = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)$/i

const parseNumber = (text: string): number | undefined => {
  if (!numberPattern.test(text)) return undefined
  // adding zero leaves no negative zero, which servers keep in large sets and drop in small ones
  if (!/inf/i.test(text)) return Number(text) + 0
  return text.startsWith("-") ? -Infinity : Infinity
}

/**
 * A score: decimal, with an exponent or infinite; not one too large or too small for a double.
 *
 * @since 0.1.0
 * @category parsers
 */
export const parseScore = (text: string | undefined): number | undefined => {
  const score = text === undefined ? undefined : parseNumber(text)
  if (text === undefined || score === undefined) return undefined
  const overflows = !Number.isFinite(score) && !/inf/i.test(text)
  const underflows = score === 0 && /^[^e]*[1-9]/i.test(text)
  return overflows || underflows ? undefined : score
}

/**
 * A score, or `(` and a score that is not part of the range. Nothing at all is 0, as it is for a server.
 *
 * @since 0.1.0
 * @category parsers
 */
export const parseBound = (text: string | undefined): Bound | undefined => {
  if (text === undefined) return undefined
  const exclusive = text.startsWith("(")
  const number = text.slice(exclusive ? 1 : 0).replace(/^[\t-\r ]+/, "")
  const score = number === "" ? 0 : parseNumber(number)
  return score === undefined ? undefined : { score, exclusive }
}

/**
 * When a key with this time to live expires: absolute or after `now`, in `unit`s of milliseconds, as milliseconds since
 * the epoch. Undefined when it does not fit into 64 bits.
 *
 * @since 0.1.0
 * @category conversions
 */
export const expiryAt = (value: bigint, unit: bigint, from: number): number | undefined => {
  const at = value * unit + BigInt(from)
  return isInteger64(value * unit) && isInteger64(at) ? Number(at) : undefined
}
