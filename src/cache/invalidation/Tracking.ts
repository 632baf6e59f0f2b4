/**
 * What other programs do to the keys of a cache, as the server pushes it. A push counts as the message of another process
 * (rule 11 of docs/protocol.md). Pushes of this process's own writes cost a local entry.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as KeyOwner from "../../redis/KeyOwner.js"
import type { RedisExecutor, TrackingState } from "../../redis/RedisExecutor.js"
import type { LocalInvalidation } from "./LocalInvalidation.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface Tracking {
  /** Whether changes are heard at this moment; `Off` where the cache does not ask for them. */
  readonly state: () => TrackingState["_tag"] | "Off"
  /** Whether a change is heard only of keys that this process has read from Redis. */
  readonly areOnlyReadsHeard: () => boolean
}

/**
 * The tracking of a cache that asks for none.
 *
 * @since 0.2.0
 * @category constructors
 */
export const off: Tracking = { state: () => "Off", areOnlyReadsHeard: () => false }

const unsupported: TrackingState = {
  _tag: "Refused",
  reason: "this client has no CLIENT TRACKING",
  remedy: "use /SocketRedis or /IoRedis"
}

/** Logs a line when changes are refused, and one when they are heard after all. */
const logChanges = (name: string, states: Queue.Dequeue<TrackingState>): Effect.Effect<never> => {
  let refusal: string | undefined
  return Effect.forever(
    Effect.flatMap(Queue.take(states), (state) => {
      const before = refusal
      switch (state._tag) {
        case "Connecting":
          return Effect.void
        case "Active":
          refusal = undefined
          return before === undefined
            ? Effect.void
            : Effect.logInfo(`cache "${name}": local.tracking hears changes by other programs from now on`)
        case "Refused":
          refusal = state.reason
          return before === refusal
            ? Effect.void
            : Effect.logWarning(
                `cache "${name}": local.tracking does not hear all changes by other programs; only its local time to live ` +
                  `bounds the age of local entries then: ${state.reason}; ${state.remedy}`
              )
      }
    })
  )
}

/**
 * Listens as long as the scope is open. Logs a warning where changes are refused.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  executor: RedisExecutor,
  name: string,
  local: Pick<LocalInvalidation, "invalidateLocally">
): Effect.Effect<Tracking, never, Scope.Scope> =>
  Effect.gen(function* () {
    let state: TrackingState = executor.track === undefined ? unsupported : { _tag: "Connecting" }
    const states = yield* Effect.acquireRelease(Queue.unbounded<TrackingState>(), Queue.shutdown)
    states.unsafeOffer(state)
    yield* Effect.forkScoped(Effect.interruptible(logChanges(name, states)))
    const listening = executor.track?.(`${name}:`, (event) => {
      switch (event._tag) {
        case "State":
          state = event.state
          states.unsafeOffer(state)
          break
        case "Key":
          // a name may begin with this one and a colon
          if (KeyOwner.nameOf(event.key) === name) local.invalidateLocally(event)
          break
        default:
          local.invalidateLocally({ _tag: "Clear" })
      }
    })
    // it ends when the client is closed
    if (listening !== undefined) yield* Effect.forkScoped(Effect.interruptible(Effect.ignore(listening)))
    return {
      state: () => state._tag,
      areOnlyReadsHeard: () => state._tag === "Active" && state.heard === "ReadKeys"
    }
  })
