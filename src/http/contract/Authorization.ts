/**
 * Restricts writes to the holder of the token.
 *
 * @since 0.1.0
 */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ApiToken } from "../token/ApiToken.js"
import { Unauthorized } from "./Errors.js"
import * as Problem from "./Problem.js"

/**
 * Fails with `Unauthorized` (401) when the token is missing or wrong, whatever the address of the client.
 *
 * @since 0.1.0
 * @category middleware
 */
export class Authorization extends HttpApiMiddleware.Tag<Authorization>()("effect-cache-toolkit/Authorization", {
  failure: Problem.fromError(Unauthorized, {
    status: 401,
    name: "Unauthorized",
    title: "Not authorized",
    example: new Unauthorized({ reason: "MissingToken" })
  }),
  security: {
    bearer: HttpApiSecurity.annotate(
      HttpApiSecurity.bearer,
      OpenApi.Description,
      "The API token, which the server's log says where to find"
    )
  }
}) {}

const challenge = (error: Unauthorized): Effect.Effect<never, Unauthorized> =>
  Effect.zipRight(
    HttpApp.appendPreResponseHandler((_request, response) =>
      Effect.succeed(
        HttpServerResponse.setHeader(
          response,
          "www-authenticate",
          `Bearer realm="effect-cache-toolkit"${error.reason === "WrongToken" ? ', error="invalid_token"' : ""}`
        )
      )
    ),
    Effect.fail(error)
  )

/**
 * Checks requests with `ApiToken`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Authorization, never, ApiToken> = Layer.effect(
  Authorization,
  Effect.map(ApiToken, ({ check }) => {
    const holdsToken = Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const found = check(request)
      if (found === "Right") return Effect.void
      return challenge(new Unauthorized({ reason: found === "Missing" ? "MissingToken" : "WrongToken" }))
    })
    return { bearer: () => holdsToken }
  })
)
