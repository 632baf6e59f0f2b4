/**
 * Bounds how many requests start in one turn of the event loop. A socket may deliver a hundred at once, and a health
 * check behind them would wait for all of them.
 *
 * @since 0.2.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Api } from "../contract/Api.js"
import { isHealthCheck } from "../contract/Health.js"

/**
 * The turns of the event loop, of which each request takes a part before it starts.
 *
 * @since 0.2.0
 * @category services
 */
export class Turns extends Context.Tag("effect-cache-toolkit/http/Turns")<Turns, Turns.Service>() {}

/**
 * @since 0.2.0
 */
export declare namespace Turns {
  /**
   * @since 0.2.0
   * @category models
   */
  export interface Service {
    /** Resumes in a turn that has room, in the order of arrival: 1 for a request, less for one that costs less. */
    readonly take: (part: number) => Effect.Effect<void>
    /** Whether it took a part at once. */
    readonly tryTake: (part: number) => boolean
  }
}

/**
 * Starts requests until `perTurn` have been taken of a turn.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeTurns = (perTurn: number): Turns.Service => {
  const waiting = new Map<() => void, number>()
  let taken = 0

  const begin = (part: number) => {
    if (taken === 0) setImmediate(nextTurn)
    taken += part
  }
  const nextTurn = () => {
    taken = 0
    for (const [resume, part] of waiting) {
      if (taken >= perTurn) return
      waiting.delete(resume)
      begin(part)
      resume()
    }
  }

  const tryTake = (part: number): boolean => {
    const hasRoom = taken < perTurn && waiting.size === 0
    if (hasRoom) begin(part)
    return hasRoom
  }

  return {
    tryTake,
    take: (part) =>
      Effect.suspend(() => {
        if (tryTake(part)) return Effect.void
        return Effect.async<void>((resume) => {
          const admit = () => resume(Effect.void)
          waiting.set(admit, part)
          return Effect.sync(() => waiting.delete(admit))
        })
      })
  }
}

/**
 * Starts requests in their turns; health checks never wait.
 *
 * @since 0.2.0
 * @category combinators
 */
export const make = ({ take }: Turns.Service): (<E, R>(app: HttpApp.Default<E, R>) => HttpApp.Default<E, R>) => {
  const turn = take(1)
  return (app) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      isHealthCheck(request) ? app : Effect.zipRight(turn, app)
    )
}

/**
 * Four requests in each turn.
 *
 * @since 0.2.0
 * @category layers
 */
export const turns: Layer.Layer<Turns> = Layer.sync(Turns, () => makeTurns(4))

/**
 * Wraps the whole API.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer: Layer.Layer<never, never, Turns> = HttpApiBuilder.middleware(Api, Effect.map(Turns, make))
