/**
 * Names the keys of a board, all in one slot.
 *
 * @since 0.1.0
 */
import * as RedisKey from "../../redis/RedisKey.js"

/**
 * The three keys of a board, and the one of its metadata.
 *
 * @since 0.1.0
 * @category models
 */
export interface BoardKeys {
  /** a sorted set of members by score, which any program may read */
  readonly board: string
  /** a sorted set of the same members, each behind its order of arrival, which ranks equal scores */
  readonly ranked: string
  /** a hash of each member's arrival, and the last one given */
  readonly arrivals: string
  /** a hash of each member's metadata */
  readonly metadata: string
  /** whether the board has metadata */
  readonly isDescribed: boolean
}

/** The first non-empty braces of a key, which alone decide its slot. */
const hashTag = /^[^{]*\{[^}]+\}/

/**
 * Whether other keys can share the slot of this one: it holds no braces, or a whole hash tag.
 *
 * @since 0.1.0
 * @category guards
 */
export const hasSlotmates = (key: string): boolean => hashTag.test(key) || !/[{}]/.test(key)

/**
 * Names the keys of the board under `board`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (board: string, isDescribed = false): BoardKeys => {
  const beside = (suffix: string) => (hashTag.test(board) ? `${board}:${suffix}` : RedisKey.auxiliary(board, suffix))
  return { board, ranked: beside("ranked"), arrivals: beside("arrivals"), metadata: beside("metadata"), isDescribed }
}

/**
 * Lists the keys in the order of the scripts' KEYS, of which the fourth is that of the metadata.
 *
 * @since 0.1.0
 * @category getters
 */
export const list = ({ arrivals, board, isDescribed, metadata, ranked }: BoardKeys): ReadonlyArray<string> =>
  isDescribed ? [board, ranked, arrivals, metadata] : [board, ranked, arrivals]
