/**
 * The events of one cache, as a stream.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
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
  /** Emits an event. The function is called only when a subscriber exists. */
  readonly emit: (event: () => CacheEvent) => void
  /** Whether an event that is as frequent as a hit is to be emitted: each with a subscriber, one of 61 for listeners alone. */
  readonly takesFrequent: () => boolean
  /** Emits an event that `takesFrequent` has taken. */
  readonly emitFrequent: (event: CacheEvent) => void
  /** Calls the listener with each event for as long as the scope is open. It must return at once, and must not throw. */
  readonly listen: (listener: CacheListener) => Effect.Effect<void, never, Scope.Scope>
  /** The events from the subscription on. A subscriber that falls behind by more than 4096 events loses the oldest. */
  readonly stream: Stream.Stream<CacheEvent>
}

/**
 * Receives events. `weight` says for how many events this one stands.
 *
 * @since 0.2.0
 * @category models
 */
export type CacheListener = (event: CacheEvent, weight: number) => void

/** Of so many frequent events a listener gets one. A prime: of reads in a pattern that repeats, it is not always the same one. */
const sampledOf = 61

/** The events that are buffered for a subscriber. */
const capacity = 4096

/**
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<CacheEvents> = Effect.map(PubSub.sliding<CacheEvent>(capacity), (events) => {
  /** subscribers and listeners together: what the hottest path looks at */
  let watchers = 0
  let subscribers = 0
  let frequent = 0
  const listeners = new Set<CacheListener>()
  const publish = (event: CacheEvent, weight: number) => {
    if (subscribers > 0) events.unsafeOffer(event)
    for (const listener of listeners) listener(event, weight)
  }
  const watch = Effect.acquireRelease(
    Effect.sync(() => {
      watchers++
      subscribers++
    }),
    () =>
      Effect.sync(() => {
        watchers--
        subscribers--
      })
  )
  return {
    emit: (event) => {
      if (watchers > 0) publish(event(), 1)
    },
    takesFrequent: () => watchers > 0 && (subscribers > 0 || frequent++ % sampledOf === 0),
    emitFrequent: (event) => publish(event, subscribers > 0 ? 1 : sampledOf),
    listen: (listener) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => {
            watchers++
            listeners.add(listener)
          }),
          () =>
            Effect.sync(() => {
              watchers--
              listeners.delete(listener)
            })
        )
      ),
    stream: Stream.unwrapScoped(
      Effect.zipRight(
        watch,
        Effect.map(PubSub.subscribe(events), (queue) => Stream.fromQueue(queue))
      )
    )
  }
})
