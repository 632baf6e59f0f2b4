/**
 * Runs listeners after each reconnection. All leases of a client share one subscription to its states, which costs more than an
 * uncontended lock.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as SharedFibers from "../../internal/effect/SharedFibers.js"
import type { ConnectionState } from "../../redis/RedisStatus.js"

/**
 * The reconnections of one client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reconnections {
  /**
   * Runs `listener` after each new connection until the scope ends. The listener must not wait, and the call must not be
   * interrupted.
   */
  readonly listen: (listener: Effect.Effect<unknown>, scope: Scope.Scope) => Effect.Effect<void>
}

/** how long the subscription outlives its last listener, since the next lease may follow at once */
const idlePause = "1 second"

/**
 * Subscribes to the states of a client while there are listeners, and for a moment after the last one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (statusChanges: Stream.Stream<ConnectionState>, fork: SharedFibers.Fork): Reconnections => {
  const listeners = new Set<Effect.Effect<unknown>>()
  let isListening = false
  /** since the last check for idleness */
  let wasNeeded = false

  const hearing = statusChanges.pipe(
    // the stream begins with the present state
    Stream.drop(1),
    Stream.filter((state) => state._tag === "Connected"),
    Stream.runForEach(() => Effect.all(Array.from(listeners), { discard: true })),
    Effect.zipRight(Effect.never)
  )

  const idle = Effect.repeat(Effect.sleep(idlePause), {
    until: () => {
      isListening = wasNeeded || listeners.size > 0
      wasNeeded = false
      return !isListening
    }
  })

  return {
    listen: (listener, scope) =>
      Effect.suspend(() => {
        wasNeeded = true
        listeners.add(listener)
        if (!isListening) {
          isListening = true
          // the fiber outlives the first listener and serves the next ones
          fork(Effect.raceFirst(hearing, idle))
        }
        // after the addition: in a closed scope the finalizer runs at once
        return Scope.addFinalizer(
          scope,
          Effect.sync(() => listeners.delete(listener))
        )
      })
  }
}
