/**
 * What happens in one cache, as a stream for whoever wants to watch it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

/**
 * Keys are those of Redis, such as `user:profile:1`.
 *
 * - `Hit`: a fresh value was served
 * - `Stale`: a value past its time to live was served
 * - `Miss`: no tier had a value that could be served
 * - `Lookup`: a lookup has ended
 * - `Invalidation`: this process or another (`by`) has invalidated a key, a tag or everything
 * - `Degradation`: Redis could not be used, for the first time since it was
 * - `Recovery`: Redis is used again
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
  /** Whether somebody watches: where nobody does, `emit` does nothing. */
  readonly isWatched: () => boolean
  /** What an event is, is only asked for when somebody watches. */
  readonly emit: (event: () => CacheEvent) => void
  /** From now on. A subscriber that falls behind by more than `capacity` events loses the oldest ones. */
  readonly stream: Stream.Stream<CacheEvent>
}

/** Events that a subscriber may be behind. */
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
