/** A preload that records metrics, and writes all of them as text for Prometheus once a second. */
import * as Effect from "effect/Effect"
import * as Prometheus from "../../src/telemetry/Prometheus.js"

Effect.runFork(
  Effect.scoped(Effect.flatMap(Prometheus.make(), (text) => Effect.forever(Effect.delay(text, "1 second"))))
)
