/**
 * Publishes what the toolkit does as Effect metrics: monotonic counters, gauges, and histograms of seconds, whose sums over
 * processes are right.
 *
 * `Prometheus` and `OpenTelemetry` contain this module. Use it alone with an exporter of Effect metrics of your own.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { observedCaches } from "../cache/observe/ObservedCaches.js"
import { observedLimits } from "../coordination/limit/ObservedLimits.js"
import { observedLocks } from "../coordination/lock/ObservedLocks.js"
import * as Observed from "../internal/Observed.js"
import { observedConnections } from "../redis/connection/ObservedConnections.js"
import * as CacheMeter from "./meters/CacheMeter.js"
import * as ConnectionMeter from "./meters/ConnectionMeter.js"
import * as CoordinationMeter from "./meters/CoordinationMeter.js"

/**
 * Brings the counts and sizes in Effect's metrics up to date. An exporter calls it before it reads them. It returns at once
 * and may be repeated.
 *
 * @since 0.2.0
 * @category execution
 */
export const unsafeCollect = (): void => {
  CacheMeter.collect()
  ConnectionMeter.collect()
}

/**
 * Records durations, decisions and acquisitions until the scope ends. Counts and sizes of caches and connections wait for
 * `unsafeCollect`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const record: Effect.Effect<void, never, Scope.Scope> = Effect.all(
  [
    Observed.install(observedCaches, CacheMeter.listener),
    Observed.install(observedConnections, ConnectionMeter.listener),
    Observed.install(observedLimits, CoordinationMeter.limits),
    Observed.install(observedLocks, CoordinationMeter.locks)
  ],
  { discard: true }
)

/**
 * Records, and brings Effect's metrics up to date at an interval: by default every second. The caches, clients, limits and
 * locks of the whole process are seen, wherever the layer is provided.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { Metrics } from "effect-cache-toolkit/telemetry"
 * import * as Layer from "effect/Layer"
 *
 * const program = Layer.mergeAll(Metrics.layer({ every: "10 seconds" }))
 */
export const layer = (
  options: {
    /** the time between two updates: default 1 second */
    readonly every?: Duration.DurationInput | undefined
  } = {}
): Layer.Layer<never> =>
  Layer.scopedDiscard(
    Effect.zipRight(
      record,
      Effect.sync(unsafeCollect).pipe(
        Effect.delay(options.every ?? "1 second"),
        Effect.forever,
        // a clock of its own: a test that adjusts its clock by a day must not wait for 86,400 rounds
        Effect.withClock(Clock.make()),
        Effect.ensuring(Effect.sync(unsafeCollect)),
        Effect.interruptible,
        Effect.forkScoped
      )
    )
  )
