/**
 * The listener of the rate limits of this process. It hears algorithms and decisions, never keys.
 *
 * @since 0.2.0
 */
import * as Observed from "../../internal/Observed.js"
import type { Decision } from "./RateLimit.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface LimitListener {
  readonly onDecision: (algorithm: string, allowed: boolean, by: Decision["_tag"]) => void
  /** A call has waited `millis` milliseconds for its limit. */
  readonly onWait: (algorithm: string, admitted: boolean, millis: number) => void
}

/**
 * @since 0.2.0
 * @category getters
 */
export const observedLimits: Observed.Observed<never, LimitListener> = Observed.make("limits")
