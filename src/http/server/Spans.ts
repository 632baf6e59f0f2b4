/**
 * Whether anything records the spans of requests. The platform makes one for each request, with its headers and its address,
 * which takes longer than a warm read.
 *
 * @since 0.2.0
 */
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"

/**
 * Whether the running fiber has a tracer other than Effect's own, which keeps no span.
 *
 * @since 0.2.0
 * @category getters
 */
export const areRecorded: Effect.Effect<boolean> = Effect.map(
  Effect.tracer,
  (tracer) => tracer !== Context.get(DefaultServices.liveServices, Tracer.Tracer)
)

/**
 * Serves without the spans of requests where nothing records them.
 *
 * @since 0.2.0
 * @category combinators
 */
export const whereRecorded = <A, E, R>(served: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.unwrapEffect(
    Effect.map(areRecorded, (recorded) =>
      recorded ? served : HttpMiddleware.withTracerDisabledWhen(served, constTrue)
    )
  )
