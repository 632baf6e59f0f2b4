/**
 * Remembers rejections, so that a flood of calls on an exhausted limit does not reach Redis.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { TwoGenerationMap } from "../../internal/collection/TwoGenerationMap.js"
import type { RateLimit } from "./RateLimit.js"

/**
 * A rejection and until when it holds, in milliseconds of the monotonic clock.
 *
 * @since 0.1.0
 * @category models
 */
export interface CachedRejection {
  readonly until: number
  readonly limit: number
  readonly remaining: number
  readonly resetAt: number
  readonly retryAt: number
}

/**
 * A rejection holds for calls of the same limit and cost. A cheaper call, or one of another limit, may be allowed where this one
 * was rejected.
 *
 * @since 0.1.0
 * @category models
 */
export interface RejectionCache {
  readonly find: (key: string, limit: RateLimit, cost: number, now: number) => CachedRejection | undefined
  /** How often a key was cleared so far: a call notes it when it is sent. */
  readonly clears: () => number
  /** Remembers the rejection of a call, unless the key was cleared since the call was sent. */
  readonly remember: (
    key: string,
    limit: RateLimit,
    cost: number,
    clearsWhenSent: number,
    rejection: CachedRejection
  ) => void
  readonly clear: (key: string) => void
  /** Whether a key was cleared since a number of `clears`, or may have been. */
  readonly isCleared: (key: string, clears: number) => boolean
}

/** how many keys are remembered; beyond them the ones used least recently give way */
const capacity = 10_000
const maxCallsPerKey = 16

/**
 * The call of a key: the limit and the cost, as a text.
 *
 * @since 0.2.0
 * @category getters
 */
export const callOf = ({ algorithm, burst, limit, name = "", window }: RateLimit, cost: number): string =>
  `${algorithm} ${limit} ${Duration.toMillis(window)} ${burst} ${cost} ${name}`

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (): RejectionCache => {
  const rejections = new TwoGenerationMap<Map<string, CachedRejection>>(capacity)
  /** of each key, the number of the clear that cleared it last */
  const clearedBy = new TwoGenerationMap<number>(capacity)
  let clears = 0
  // after more clears than are known the key may have been among them
  const isCleared = (key: string, since: number) => clears - since > capacity || (clearedBy.get(key) ?? 0) > since
  return {
    isCleared,
    find: (key, limit, cost, now) => {
      const rejection = rejections.get(key)?.get(callOf(limit, cost))
      return rejection !== undefined && now < rejection.until ? rejection : undefined
    },
    clears: () => clears,
    remember: (key, limit, cost, clearsWhenSent, rejection) => {
      if (isCleared(key, clearsWhenSent)) return
      const calls = rejections.get(key) ?? new Map<string, CachedRejection>()
      if (calls.size >= maxCallsPerKey) calls.clear()
      rejections.set(key, calls.set(callOf(limit, cost), rejection))
    },
    clear: (key) => {
      clears += 1
      clearedBy.set(key, clears)
      rejections.get(key)?.clear()
    }
  }
}
