/**
 * Separates requests that do not decode (the client's fault) from responses that do not encode (the server's fault).
 * The platform fails with the same error for both. An error after the handler has completed is that of the response.
 *
 * @since 0.2.0
 */
import type { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HandlerGroup from "../../internal/effect/HandlerGroup.js"

const current = FiberRef.unsafeMake({ answered: false })

/**
 * Marks the result of each handler of a group.
 *
 * @since 0.2.0
 * @category combinators
 */
export const marked = <Group extends HandlerGroup.WithHandlers>(group: Group): Group =>
  HandlerGroup.wrap(
    group,
    Effect.tap(() =>
      Effect.map(FiberRef.get(current), (request) => {
        request.answered = true
      })
    )
  )

/**
 * Turns a response that does not encode into a defect whose message lists every problem.
 *
 * @since 0.2.0
 * @category combinators
 */
export const separate = <A, E, R>(
  request: Effect.Effect<A, E | HttpApiDecodeError, R>
): Effect.Effect<A, E | HttpApiDecodeError, R> =>
  Effect.suspend(() => {
    const state = { answered: false }
    return Effect.catchIf(
      Effect.locally(request, current, state),
      (error): error is HttpApiDecodeError => state.answered && isDecodeError(error),
      (error) => Effect.dieMessage(`a response does not fit the contract: ${error.message}`)
    )
  })

const isDecodeError = (error: unknown): error is HttpApiDecodeError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "HttpApiDecodeError"
