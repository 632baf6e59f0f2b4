/**
 * The few permits of lookups that Redis being away has caused. They are given in the order of asking, but a lookup that a
 * holder of a permit waits for takes none and does not wait (see LoadGraph).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Callback from "../../internal/Callback.js"
import * as LoadGraph from "./LoadGraph.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface LookupPermits {
  /** From now on a load asks for a permit. */
  readonly ask: (load: LoadGraph.Load | undefined) => Ticket
}

/**
 * The asking of one load.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ticket {
  /** Ends when the load may run. */
  readonly admitted: Effect.Effect<void>
  /** Gives the permit back, if there is one, or no longer waits for it. To be called once. */
  readonly end: () => void
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (permits: number): LookupPermits => {
  let free = permits
  /** in the order in which they came; each gives its load a permit */
  const waiting = new Set<() => void>()

  const giveBack = () => {
    const [next] = waiting
    if (next === undefined) free++
    else next()
  }

  return {
    ask: (load) => {
      let state: "waiting" | "holding" | "passed" = "waiting"
      let resume: ((exit: Exit.Exit<void>) => void) | undefined
      let leaveQueue = () => {}

      const admit = (as: "holding" | "passed") => {
        waiting.delete(hold)
        leaveQueue()
        state = as
        if (load !== undefined) load.hasPermit = as === "holding"
        resume?.(Exit.void)
      }
      const hold = () => admit("holding")

      if (LoadGraph.mayPass(load)) state = "passed"
      else if (free > 0) {
        free--
        hold()
      } else {
        waiting.add(hold)
        leaveQueue = LoadGraph.enqueue(load, () => admit("passed"))
      }

      return {
        admitted: Callback.make((tell) => {
          if (state === "waiting") resume = tell
          else tell(Exit.void)
        }),
        end: () => {
          if (state === "waiting") {
            waiting.delete(hold)
            leaveQueue()
          } else if (state === "holding") {
            if (load !== undefined) load.hasPermit = false
            giveBack()
          }
        }
      }
    }
  }
}
