/**
 * The tier of a cache that lives in one process: the entries of its local tier, also those past their time.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { CacheKey } from "../entry/CacheKey.js"
import type { LocalTier } from "./LocalTier.js"
import type { Found, ValueTier } from "./TierRead.js"

/**
 * `time` is the cache's own, in milliseconds.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <A>(local: Pick<LocalTier<A>, "get" | "remembered">, time: () => number): ValueTier<A> => {
  const find = ({ name }: CacheKey): Found<A> => {
    const fresh = local.get(name)
    const entry = fresh ?? local.remembered(name)
    const now = time()
    if (entry === undefined) {
      return { _tag: "Found", entry, createdAt: 0, text: undefined, trusted: false, serverTime: now }
    }
    const { createdAt, timeToLive } = entry
    // the local tier decides about freshness: its sum of the same times may be rounded otherwise
    const serverTime = fresh === undefined ? Math.max(now, createdAt + timeToLive + 1) : now
    return { _tag: "Found", entry, createdAt, text: undefined, trusted: true, serverTime }
  }
  return {
    readTo: (key, listener, number) => listener.onResult(find(key), number),
    read: (key) => Effect.sync(() => find(key)),
    readMany: (keys) => Effect.suspend(() => Exit.succeed(keys.map(find)))
  }
}
