/**
 * Sends the outbox until Redis has acknowledged all of it (rule 9 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { RedisError } from "../../../redis/RedisError.js"
import type { Outbox, OutboxItem } from "./Outbox.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface OutboxReplayOptions {
  readonly outbox: Outbox
  /** whether commands are sent now */
  readonly isAvailable: Effect.Effect<boolean>
  /** Sends one invalidation. */
  readonly send: (item: OutboxItem) => Effect.Effect<unknown, RedisError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface OutboxReplay {
  /** Sends every item once. Items that fail stay in the outbox. */
  readonly sendOnce: Effect.Effect<void>
  /** Starts `sendOnce` in the background, whatever pause the replay is in. */
  readonly sendNow: () => void
  /** Tells the replay that an item was added. */
  readonly wake: () => void
}

/** Items that are sent together. */
const concurrency = 64

/**
 * Replays in the background as long as the scope is open.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({
  isAvailable,
  outbox,
  send
}: OutboxReplayOptions): Effect.Effect<OutboxReplay, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fork = yield* FiberSet.makeRuntime<never>()
    const added = Effect.unsafeMakeLatch(false)

    const round = isAvailable.pipe(
      Effect.filterOrFail((isAvailable) => isAvailable),
      Effect.zipRight(
        Effect.suspend(() =>
          Effect.validateAll(
            outbox.items(),
            ([item, addition]) => Effect.map(send(item), () => outbox.acknowledge(item, addition)),
            { concurrency, discard: true }
          )
        )
      )
    )

    /** Repeats rounds until the outbox is empty. A round with a failure is followed by a pause. */
    const replay = round.pipe(
      Effect.retry(
        Schedule.exponential("50 millis").pipe(Schedule.union(Schedule.spaced("1 second")), Schedule.jittered)
      ),
      Effect.repeat({ until: () => outbox.size() === 0 })
    )

    const replayWhenAdded = Effect.zipRight(
      added.await,
      Effect.suspend(() => {
        added.unsafeClose()
        return outbox.size() === 0 ? Effect.void : Effect.orDie(replay)
      })
    )
    yield* Effect.forkScoped(Effect.interruptible(Effect.forever(replayWhenAdded)))

    const sendOnce = Effect.ignore(round)
    return {
      sendOnce,
      sendNow: () => {
        if (outbox.size() > 0) fork(sendOnce)
      },
      wake: () => added.unsafeOpen()
    }
  })
