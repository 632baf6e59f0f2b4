/**
 * What settings at run time change of the limits that have a name. A limiter asks at each call which numbers hold now, and knows
 * no more of settings than that.
 *
 * @since 0.2.0
 */
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import type { RateLimit } from "./RateLimit.js"
import { callOf } from "./RejectionCache.js"

/**
 * The numbers that are set of a limit. One that is absent stays as the limit was built with.
 *
 * @since 0.2.0
 * @category models
 */
export interface LimitNumbers {
  readonly limit?: number | undefined
  readonly windowMillis?: number | undefined
  readonly burst?: number | undefined
}

/**
 * A limit with a name that this process has used.
 *
 * @since 0.2.0
 * @category models
 */
export interface KnownLimit {
  readonly built: RateLimit
  /** with the numbers that are set, where the limit accepts them */
  readonly applied: RateLimit
  /** why it does not */
  readonly problem?: string | undefined
}

/**
 * The limits of one client.
 *
 * @since 0.2.0
 * @category models
 */
export interface LimitOverrides {
  /** The limit with the numbers that hold now. */
  readonly of: (limit: RateLimit) => RateLimit
  /**
   * Replaces the numbers of all names. From the first call on, the limits that are used are known. `onProblem` hears once of each
   * limit that does not accept its numbers, and stays as it was built.
   */
  readonly replace: (byName: ReadonlyMap<string, LimitNumbers>, onProblem: (known: KnownLimit) => void) => void
  /** The limits that were used since somebody asked or replaced numbers. Those of a name and of the same numbers are one. */
  readonly known: () => ReadonlyArray<KnownLimit>
  /** Throws `InvalidOption` where a known limit of the name would not accept these numbers beside those that are set. */
  readonly check: (name: string, numbers: LimitNumbers) => void
}

/** how many limits are known; programs that make names of users may have any number */
const capacity = 1_000

/**
 * The limit with other numbers. Throws `InvalidOption` where its algorithm does not accept them.
 *
 * A bucket whose burst is its limit keeps it so, since that is how it was built without a `burst`.
 */
const changed = (limit: RateLimit, { burst, limit: most, windowMillis }: LimitNumbers): RateLimit => {
  if (burst !== undefined && limit.algorithm !== "TokenBucket") {
    OptionCheck.make(`RateLimiter, ${limit.algorithm}`).reject("burst", burst, "left out: only a token bucket has one")
  }
  return limit.build({
    name: limit.name,
    onUnavailable: limit.onUnavailable,
    limit: most ?? limit.limit,
    window: windowMillis ?? limit.window,
    burst: burst ?? (limit.burst === limit.limit ? undefined : limit.burst)
  })
}

const make = (): LimitOverrides => {
  let isWatched = false
  let numbers: ReadonlyMap<string, LimitNumbers> = new Map()
  let onProblem: (known: KnownLimit) => void = () => undefined
  /** by the limit that a caller gave; a new one with each change */
  let resolved = new WeakMap<RateLimit, KnownLimit>()
  /** of a limit with numbers that are set, the one that it was made of */
  const builtOf = new WeakMap<RateLimit, RateLimit>()
  const used = new Map<string, RateLimit>()

  const knownOf = (built: RateLimit, set: LimitNumbers | undefined): KnownLimit => {
    if (set === undefined) return { built, applied: built }
    try {
      const applied = changed(built, set)
      builtOf.set(applied, built)
      return { built, applied }
    } catch (thrown) {
      return { built, applied: built, problem: thrown instanceof Error ? thrown.message : String(thrown) }
    }
  }

  const resolve = (given: RateLimit, name: string): KnownLimit => {
    const found = resolved.get(given)
    if (found !== undefined) return found
    const built = builtOf.get(given) ?? given
    const id = callOf(built, 0)
    if (!used.has(id) && used.size < capacity) used.set(id, built)
    const known = knownOf(built, numbers.get(name))
    resolved.set(given, known)
    // once, also where a program makes its limit anew at each call
    if (known.problem !== undefined && used.get(id) === built) onProblem(known)
    return known
  }

  const known = (): ReadonlyArray<KnownLimit> => Array.from(used.values(), (limit) => resolve(limit, limit.name ?? ""))

  return {
    of: (limit) => (isWatched && limit.name !== undefined ? resolve(limit, limit.name).applied : limit),
    replace: (byName, listener) => {
      isWatched = true
      numbers = byName
      onProblem = listener
      resolved = new WeakMap()
      known()
    },
    known: () => {
      isWatched = true
      return known()
    },
    check: (name, { burst, limit, windowMillis }) => {
      const set = numbers.get(name) ?? {}
      const next = {
        limit: limit ?? set.limit,
        windowMillis: windowMillis ?? set.windowMillis,
        burst: burst ?? set.burst
      }
      for (const known of used.values()) if (known.name === name) changed(known, next)
    }
  }
}

const ofClients = new WeakMap<RedisExecutor.RedisExecutor, LimitOverrides>()

/**
 * The overrides of a client. Copies of a client share them.
 *
 * @since 0.2.0
 * @category getters
 */
export const of = (client: RedisClient.Service): LimitOverrides => {
  const executor = RedisExecutor.of(client)
  const known = ofClients.get(executor)
  if (known !== undefined) return known
  const made = make()
  ofClients.set(executor, made)
  return made
}
