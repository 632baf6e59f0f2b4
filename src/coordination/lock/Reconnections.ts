/**
 * Hearing of new connections: many leases on one subscription, since a subscription costs more than a lock that is free.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as SharedFibers from "../../internal/SharedFibers.js"
import type { ConnectionState } from "../../redis/RedisStatus.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Reconnections {
  /**
   * Runs an effect, which should not wait, after each new connection from now until the scope ends. Not to be interrupted
   * before it is done.
   */
  readonly listen: (listener: Effect.Effect<unknown>, scope: Scope.Scope) => Effect.Effect<void>
}

/** The next lease may follow at once, and should find the subscription there. */
const idlePause = "1 second"

/**
 * Listens to a client's states from the first listener on, and until there was none for a moment.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (statusChanges: Stream.Stream<ConnectionState>, fork: SharedFibers.Fork): Reconnections => {
  const listeners = new Set<Effect.Effect<unknown>>()
  let isListening = false
  /** since the last look */
  let wasNeeded = false

  const hearing = statusChanges.pipe(
    // the first one is the state of now
    Stream.drop(1),
    Stream.filter((state) => state._tag === "Connected"),
    Stream.runForEach(() => Effect.forEach(Array.from(listeners), (listener) => listener, { discard: true })),
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
      Effect.zipRight(
        Effect.suspend(() => {
          wasNeeded = true
          listeners.add(listener)
          // after it, since in a scope that has closed it runs at once
          return Scope.addFinalizer(
            scope,
            Effect.sync(() => listeners.delete(listener))
          )
        }),
        Effect.suspend(() => {
          if (isListening) return Effect.void
          isListening = true
          // it outlives the first listener, and works for those that follow
          fork(Effect.raceFirst(hearing, idle))
          return Effect.void
        })
      )
  }
}
