/**
 * Writes values and invalidations of a cache that lives in one process: each is a step that nothing can come between.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Eager from "../../internal/effect/Eager.js"
import type { CacheEntry } from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import type { OutboxItem } from "../invalidation/outage/Outbox.js"
import type { ProcessInvalidation } from "../invalidation/ProcessInvalidation.js"
import * as LoadGraph from "../lookup/LoadGraph.js"
import type { NewEntry } from "../lookup/Source.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import type { LocalTier } from "../tiers/LocalTier.js"
import type { Writer } from "./Writer.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface ProcessWriterOptions<A> {
  /** the cache of the loads */
  readonly owner: LoadGraph.Load["owner"]
  readonly local: LocalTier<A>
  readonly invalidation: ProcessInvalidation
  readonly observer: Pick<CacheObserver, "invalidated">
  /** the cache's time, in milliseconds */
  readonly time: () => number
  /** The entry of a value that is created at a time. */
  readonly entryOf: (value: NewEntry<A>, createdAt: number) => CacheEntry<A>
}

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = <A>(options: ProcessWriterOptions<A>): Writer<A> => {
  const { entryOf, invalidation, local, observer, time } = options

  const invalidateItem = (item: OutboxItem): Effect.Effect<boolean> =>
    Effect.sync(() => {
      observer.invalidated(item, "Self")
      invalidation.invalidateLocally(item)
      return true
    })

  /** Stores a value, and answers whether it is there: not without a time to live, and not where it is too large. */
  const store = (key: CacheKey, value: NewEntry<A>): Effect.Effect<boolean> => {
    // loads that run now are older
    invalidation.invalidateLocally({ _tag: "Key", key: key.text })
    const entry = entryOf(value, time())
    // written this way round, so that NaN is no time to live either
    if (!(entry.timeToLive >= 1)) return Effect.succeed(false)
    return Eager.map(
      local.keepLoaded(key, entry, local.start(key), undefined),
      () => local.remembered(key.name)?.value === entry.value
    )
  }

  return {
    invalidate: (key) => invalidateItem({ _tag: "Key", key }),
    invalidateTag: (tag) => invalidateItem({ _tag: "Tag", tag }),
    clear: invalidateItem({ _tag: "Clear" }),
    set: store,
    update: (key, write) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          invalidation.invalidateLocally({ _tag: "Key", key: key.text })
          const epoch = invalidation.epochOf(key.text)
          const load = new LoadGraph.Load(options.owner, key.text, false)
          return LoadGraph.within(load)(restore(write)).pipe(
            // the write may have committed all the same: values that are loaded from now on must be newer
            Effect.onError(() => invalidateItem({ _tag: "Key", key: key.text })),
            Effect.tap((value) => {
              if (invalidation.epochOf(key.text) === epoch) return store(key, value)
              // of two writes that overlap, nobody knows here which is the later one
              invalidation.invalidateLocally({ _tag: "Key", key: key.text })
              return Effect.void
            }),
            Effect.map(({ value }) => value)
          )
        })
      )
  }
}
