/**
 * What is stored under a key: a value's text with its birth and its time to live, as readable JSON. Pure.
 *
 * @since 0.1.0
 */

/**
 * An entry as it stands in Redis, its value still encoded.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoredEntry {
  /** when its lease was granted or its set ran, by the server's clock, in milliseconds */
  readonly created: number
  /** how long it is fresh, in milliseconds */
  readonly timeToLive: number
  /** the codec's text */
  readonly value: string
}

/**
 * A decoded entry.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheEntry<out A> {
  readonly value: A
  readonly created: number
  readonly timeToLive: number
}

/**
 * Everything of an entry behind its birth, which the server itself writes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const body = (timeToLive: number, value: string): string => `"ttl":${timeToLive},"value":${value}}`

/**
 * A Lua function of a text: the birth that stands at its head, decodable or not; 0 when none does. It says the same as
 * `createdOf`: whoever is told that something newer is there must see the same birth when he looks.
 *
 * @since 0.1.0
 * @category constants
 */
export const luaCreatedOf = `
local function createdOf(text)
  local digits = string.match(text, '^{"created":(%d+),')
  return digits and #digits <= 15 and tonumber(digits) or 0
end
`

const head = /^\{"created":(\d+),/
const shape = /^\{"created":(\d{1,15}),"ttl":(\d{1,15}),"value":/

/**
 * The birth at the head of a stored text, decodable or not; 0 when there is none, or one beyond any time (15 digits).
 *
 * @since 0.1.0
 * @category getters
 */
export const createdOf = (text: string): number => {
  const digits = head.exec(text)?.[1]
  return digits === undefined || digits.length > 15 ? 0 : Number(digits)
}

/**
 * The stored entry that a text is; undefined when it is none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parse = (text: string): StoredEntry | undefined => {
  const match = shape.exec(text)
  return match === null || !text.endsWith("}")
    ? undefined
    : { created: Number(match[1]), timeToLive: Number(match[2]), value: text.slice(match[0].length, -1) }
}

/**
 * @since 0.1.0
 * @category predicates
 */
export const isFresh = (entry: Pick<StoredEntry, "created" | "timeToLive">, serverTime: number): boolean =>
  serverTime - entry.created < entry.timeToLive

/**
 * Past its time to live, and not longer than `staleFor` (milliseconds).
 *
 * @since 0.1.0
 * @category predicates
 */
export const isStale = (
  entry: Pick<StoredEntry, "created" | "timeToLive">,
  serverTime: number,
  staleFor: number
): boolean => !isFresh(entry, serverTime) && serverTime - entry.created < entry.timeToLive + staleFor
