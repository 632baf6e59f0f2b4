/** A preload that traces every caller whose span is sampled. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Traces from "../../src/telemetry/Traces.js"

Effect.runFork(Layer.launch(Traces.layer()))
