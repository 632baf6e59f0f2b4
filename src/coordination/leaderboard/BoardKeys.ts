/**
 * The keys of a board.
 *
 * @since 0.1.0
 */
import * as RedisKey from "../../redis/RedisKey.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface BoardKeys {
  /** members by score, as any program may read them: a sorted set */
  readonly board: string
  /** the same members, each behind the order of its arrival, so that equal scores rank by it: a sorted set */
  readonly ranked: string
  /** the arrival of each member, and the last one given: a hash */
  readonly arrivals: string
}

/** The part of a key that decides its slot, when it is not the whole key: the first braces, with something in them. */
const hashTag = /^[^{]*\{[^}]+\}/

/**
 * Whether other keys can be put into the slot of this one: it holds no braces, or a whole hash tag.
 *
 * @since 0.1.0
 * @category guards
 */
export const hasSlotmates = (key: string): boolean => hashTag.test(key) || !/[{}]/.test(key)

/**
 * The keys of the board under `board`, in one slot.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (board: string): BoardKeys => {
  const beside = (suffix: string) => (hashTag.test(board) ? `${board}:${suffix}` : RedisKey.auxiliary(board, suffix))
  return { board, ranked: beside("ranked"), arrivals: beside("arrivals") }
}

/**
 * In the order of the scripts' KEYS.
 *
 * @since 0.1.0
 * @category getters
 */
export const list = ({ arrivals, board, ranked }: BoardKeys): ReadonlyArray<string> => [board, ranked, arrivals]
