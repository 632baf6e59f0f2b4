/**
 * Remembers rejections, so that a flood of calls on an exhausted limit does not reach Redis.
 *
 * @since 0.1.0
 */
import { TwoGenerationMap } from "../../internal/collection/TwoGenerationMap.js"

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
 * The calls of one key that are waiting for Redis.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pending {
  count: number
}

/**
 * `call` is everything that a rejection depends on beside the key: the limit's numbers and the cost. A cheaper call, or one
 * of another limit, may be allowed where this one was rejected.
 *
 * @since 0.1.0
 * @category models
 */
export interface RejectionCache {
  readonly find: (key: string, call: string, now: number) => CachedRejection | undefined
  /** Notes that a call of the key is sent; `settled` ends it. */
  readonly sent: (key: string) => Pending
  readonly settled: (key: string, pending: Pending) => void
  /** Remembers the rejection of a pending call, unless the key was cleared since the call was sent. */
  readonly remember: (key: string, pending: Pending, call: string, rejection: CachedRejection) => void
  readonly clear: (key: string) => void
}

/** how many keys are remembered; beyond them the ones used least recently give way */
const capacity = 10_000
const maxCallsPerKey = 16

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (): RejectionCache => {
  const rejections = new TwoGenerationMap<Map<string, CachedRejection>>(capacity)
  const pendingOf = new Map<string, Pending>()
  return {
    find: (key, call, now) => {
      const rejection = rejections.get(key)?.get(call)
      return rejection !== undefined && now < rejection.until ? rejection : undefined
    },
    sent: (key) => {
      const pending = pendingOf.get(key) ?? { count: 0 }
      pending.count += 1
      pendingOf.set(key, pending)
      return pending
    },
    settled: (key, pending) => {
      pending.count -= 1
      if (pending.count === 0 && pendingOf.get(key) === pending) pendingOf.delete(key)
    },
    remember: (key, pending, call, rejection) => {
      if (pendingOf.get(key) !== pending) return
      const calls = rejections.get(key) ?? new Map<string, CachedRejection>()
      if (calls.size >= maxCallsPerKey) calls.clear()
      rejections.set(key, calls.set(call, rejection))
    },
    clear: (key) => {
      rejections.get(key)?.clear()
      pendingOf.delete(key)
    }
  }
}
