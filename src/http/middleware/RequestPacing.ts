/**
 * Bounds how many requests start in one turn of the event loop. A socket may deliver a hundred at once, and a health
 * check behind them would wait for all of them.
 *
 * @since 0.2.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { Api } from "../contract/Api.js"
import { isHealthCheck } from "../contract/Health.js"

/** Resumes at most `perTurn` callers in each turn of the event loop, in the order of their arrival. */
const makeTurns = (perTurn: number): Effect.Effect<void> => {
  const waiting = new Set<() => void>()
  let begun = 0

  const begin = () => {
    if (begun++ === 0) setImmediate(nextTurn)
  }
  const nextTurn = () => {
    begun = 0
    for (const resume of waiting) {
      if (begun >= perTurn) return
      waiting.delete(resume)
      begin()
      resume()
    }
  }

  return Effect.suspend(() => {
    if (begun < perTurn && waiting.size === 0) return Effect.sync(begin)
    return Effect.async<void>((resume) => {
      const admit = () => resume(Effect.void)
      waiting.add(admit)
      return Effect.sync(() => waiting.delete(admit))
    })
  })
}

/**
 * Starts at most `perTurn` requests in one turn; health checks never wait.
 *
 * @since 0.2.0
 * @category combinators
 */
export const make = (perTurn: number): (<E, R>(app: HttpApp.Default<E, R>) => HttpApp.Default<E, R>) => {
  const turn = makeTurns(perTurn)
  return (app) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      isHealthCheck(request) ? app : Effect.zipRight(turn, app)
    )
}

/**
 * Wraps the whole API.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer: Layer.Layer<never> = HttpApiBuilder.middleware(
  Api,
  Effect.sync(() => make(4))
)
