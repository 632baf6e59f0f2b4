/**
 * Sets the `Location` header of a created resource.
 *
 * @since 0.1.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"

/**
 * Sets the header of the response to the path of the new resource.
 *
 * @since 0.1.0
 * @category combinators
 */
export const tell = (path: string): Effect.Effect<void> =>
  HttpApp.appendPreResponseHandler((_request, response) =>
    Effect.succeed(HttpServerResponse.setHeader(response, "location", path))
  )
