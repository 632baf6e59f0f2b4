/**
 * Permits bound the lookups that run because Redis is unavailable (rule 13 of docs/protocol.md). They are granted in the
 * order of the requests. A lookup that the holder of a permit waits for needs none (see LoadGraph).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Callback from "../../internal/effect/Callback.js"
import * as LoadGraph from "./LoadGraph.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface LookupPermits {
  /** Requests a permit for a load. */
  readonly request: (load: LoadGraph.Load | undefined) => PermitRequest
  /** Grants what a raised number of permits allows. */
  readonly raised: () => void
}

/**
 * One load's request for a permit.
 *
 * @since 0.1.0
 * @category models
 */
export interface PermitRequest {
  /** Resumes when the load may run. */
  readonly admitted: Effect.Effect<void>
  /** Returns the permit, or withdraws the request. Must be called once. */
  readonly end: () => void
}

/**
 * `permits` is the number of permits now. While it is lowered below those that are granted, none is granted.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (permits: () => number): LookupPermits => {
  let granted = 0
  /** Pending requests, oldest first. Each is a function that grants its load a permit. */
  const pending = new Set<() => void>()

  const grantPending = () => {
    for (const grant of pending) {
      if (granted >= permits()) return
      grant()
    }
  }

  return {
    raised: grantPending,
    request: (load) => {
      let state: "pending" | "granted" | "exempt" = "pending"
      let resume: ((exit: Exit.Exit<void>) => void) | undefined
      let leaveQueue = () => {}

      const admit = (as: "granted" | "exempt") => {
        pending.delete(grant)
        leaveQueue()
        state = as
        if (load !== undefined) load.hasPermit = as === "granted"
        resume?.(Exit.void)
      }
      const grant = () => {
        granted++
        admit("granted")
      }

      if (LoadGraph.mayPass(load)) state = "exempt"
      else if (granted < permits()) grant()
      else {
        pending.add(grant)
        leaveQueue = LoadGraph.enqueue(load, () => admit("exempt"))
      }

      return {
        admitted: Callback.make((onAdmitted) => {
          if (state === "pending") resume = onAdmitted
          else onAdmitted(Exit.void)
        }),
        end: () => {
          if (state === "pending") {
            pending.delete(grant)
            leaveQueue()
          } else if (state === "granted") {
            if (load !== undefined) load.hasPermit = false
            granted--
            grantPending()
          }
        }
      }
    }
  }
}
