/**
 * What this process remembers of rejections, so that a flood of calls on a limit that is used up does not reach Redis.
 *
 * @since 0.1.0
 */
import { LRUCache } from "lru-cache"

/**
 * A rejection and until when it holds, in milliseconds of the clock that only goes forward.
 *
 * @since 0.1.0
 * @category models
 */
export interface Block {
  readonly until: number
  readonly limit: number
  readonly remaining: number
  readonly resetAt: number
  readonly retryAt: number
}

/**
 * The calls of one key that are asked of Redis at the moment.
 *
 * @since 0.1.0
 * @category models
 */
export interface Asking {
  count: number
}

/**
 * `call` is everything that a rejection depends on beside the key: the limit's numbers and the cost. A call that costs less,
 * or goes by another limit, may be allowed where one was rejected.
 *
 * @since 0.1.0
 * @category models
 */
export interface RejectionCache {
  readonly find: (key: string, call: string, now: number) => Block | undefined
  /** Says that a call of the key is asked; `answered` ends it. */
  readonly ask: (key: string) => Asking
  readonly answered: (key: string, asking: Asking) => void
  /** Remembers the rejection of a call that was asked, unless the key was cleared since: it may be no longer true. */
  readonly block: (key: string, asking: Asking, call: string, block: Block) => void
  readonly clear: (key: string) => void
}

/** the keys that are remembered; beyond them the one used least recently gives way */
const maxKeys = 10_000
const maxCallsPerKey = 16

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (): RejectionCache => {
  const blocked = new LRUCache<string, Map<string, Block>>({ max: maxKeys })
  const asked = new Map<string, Asking>()
  return {
    find: (key, call, now) => {
      const block = blocked.get(key)?.get(call)
      return block !== undefined && now < block.until ? block : undefined
    },
    ask: (key) => {
      const asking = asked.get(key) ?? { count: 0 }
      asking.count += 1
      asked.set(key, asking)
      return asking
    },
    answered: (key, asking) => {
      asking.count -= 1
      if (asking.count === 0 && asked.get(key) === asking) asked.delete(key)
    },
    block: (key, asking, call, block) => {
      if (asked.get(key) !== asking) return
      const calls = blocked.get(key) ?? new Map<string, Block>()
      if (calls.size >= maxCallsPerKey) calls.clear()
      blocked.set(key, calls.set(call, block))
    },
    clear: (key) => {
      blocked.delete(key)
      asked.delete(key)
    }
  }
}
