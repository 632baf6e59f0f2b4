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
 * The head of a stored entry, in Lua's pattern language: captures the birth.
 *
 * @since 0.1.0
 * @category constants
 */
export const luaCreatedPattern = '^{"created":(%d+),'

const shape = /^\{"created":(\d{1,16}),"ttl":(\d{1,13}),"value":/

/**
 * The stored entry that a text is; undefined when it is none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parse = (text: string): StoredEntry | undefined => {
  const head = shape.exec(text)
  return head === null || !text.endsWith("}")
    ? undefined
    : { created: Number(head[1]), timeToLive: Number(head[2]), value: text.slice(head[0].length, -1) }
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
