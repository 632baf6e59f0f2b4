/**
 * The events of one cache, as a stream.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

/**
 * An event of a cache. Keys are keys in Redis, such as `user:profile:1`.
 *
 * - `Hit`: a fresh value was served
 * - `Stale`: a value past its time to live was served
 * - `Miss`: no tier had a value that may be served
 * - `Lookup`: a lookup has ended
 * - `Invalidation`: this process or another (`by`) has invalidated a key, a tag or everything
 * - `Degradation`: Redis has failed, for the first time since it last answered
 * - `Recovery`: Redis has answered again
 *
 * @since 0.1.0
 * @category models
 */
export type CacheEvent = Data.TaggedEnum<{
  Hit: { readonly key: string; readonly tier: "Local" | "Redis" }
  Stale: { readonly key: string }
  Miss: { readonly key: string }
  Lookup: { readonly key: string; readonly took: Duration.Duration; readonly isSuccess: boolean }
  Invalidation: { readonly of: "Key" | "Tag" | "All"; readonly name: string; readonly by: "Self" | "Other" }
  Degradation: { readonly reason: string }
  Recovery: {}
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const CacheEvent = Data.taggedEnum<CacheEvent>()

/**
 * @since 0.1.0
 * @category models
 */
export interface CacheEvents {
  /** Whether a subscriber exists. Without one, `emit` does nothing. */
  readonly isWatched: () => boolean
  /** Emits an event. The function is called only when a subscriber exists. */
  readonly emit: (event: () => CacheEvent) => void
  /** The events from the subscription on. A subscriber that falls behind by more than 4096 events loses the oldest. */
  readonly stream: Stream.Stream<CacheEvent>
}

/** The events that are buffered for a subscriber. */
const capacity = 4096

/**
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<CacheEvents> = Effect.map(PubSub.sliding<CacheEvent>(capacity), (events) => {
  let watchers = 0
  const watch = Effect.acquireRelease(
    Effect.sync(() => {
      watchers++
    }),
    () =>
      Effect.sync(() => {
        watchers--
      })
  )
  return {
    isWatched: () => watchers > 0,
    emit: (event) => {
      if (watchers > 0) events.unsafeOffer(event())
    },
    stream: Stream.unwrapScoped(
      Effect.zipRight(
        watch,
        Effect.map(PubSub.subscribe(events), (queue) => Stream.fromQueue(queue))
      )
    )
  }
})
