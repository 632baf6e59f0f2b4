/**
 * Answers every error outside of the contract with a problem: an unknown path or method, an invalid body,
 * a defect.
 *
 * @since 0.1.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import { isServerError, type RouteNotFound } from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Api } from "../contract/Api.js"
import { type InvalidRequest, invalidRequest } from "../contract/Errors.js"
import * as Problem from "../contract/Problem.js"
import * as Rejections from "../contract/Rejections.js"
import { ApiToken } from "../token/ApiToken.js"
import * as Handling from "./Handling.js"
import * as RequestBody from "./RequestBody.js"

const maxMessageLength = 200

/**
 * Converts the platform's decode error: the path of each field and its message, cut after `maxMessageLength`
 * characters.
 */
const fromDecodeError = (error: HttpApiDecodeError): InvalidRequest =>
  invalidRequest(
    error.issues.map(({ path, message }) => ({
      field: path
        .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
        .join("")
        .replace(/^\./, ""),
      message: message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message
    }))
  )

const isDecodable = (path: string): boolean => {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

const methodsOf = (router: HttpRouter.HttpRouter<unknown, unknown>, path: string): ReadonlyArray<string> => {
  const methods = Array.from(router.routes)
    .filter((route) => new RegExp(`^${route.path.replace(/:\w+/g, "[^/]+")}$`).test(path))
    .map((route) => route.method)
  return methods.includes("GET") ? [...methods, "HEAD"] : methods
}

/** The path without its query, which may hold people's data. */
const pathOf = ({ url }: HttpServerRequest.HttpServerRequest): string => url.replace(/\?.*$/s, "")

const withoutRoute = (
  request: HttpServerRequest.HttpServerRequest,
  router: HttpRouter.HttpRouter<unknown, unknown>
): HttpServerResponse.HttpServerResponse => {
  const path = pathOf(request)
  if (!isDecodable(path)) return Problem.response(400, "the path is not percent-encoded UTF-8")
  const methods = methodsOf(router, path)
  if (methods.length === 0) return Problem.response(404, "there is nothing at this path")
  const allow = [...methods, "OPTIONS"].join(", ")
  return request.method === "OPTIONS"
    ? HttpServerResponse.empty({ status: 204, headers: { allow } })
    : Problem.response(405, `this path answers to ${allow}`).pipe(HttpServerResponse.setHeader("allow", allow))
}

const fromDefect = (
  request: HttpServerRequest.HttpServerRequest,
  defect: unknown
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  // the platform dies with this error when it cannot read or parse a body
  isServerError(defect) && defect._tag === "RequestError"
    ? Effect.succeed(Problem.response(400, "the body is not valid JSON"))
    : Effect.as(
        Effect.logError(`HTTP: ${request.method} ${pathOf(request)} ended in a defect`, Cause.die(defect)),
        Problem.response(Rejections.defect.status, Rejections.defect.detail)
      )

/**
 * Wraps the whole API.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = HttpApiBuilder.middleware(
  Api,
  Effect.map(Effect.zip(HttpApiBuilder.Router, ApiToken), ([{ router }, token]) => (app) => {
    // the type of the app that a middleware receives omits the router's own failures
    const routed: HttpApp.Default<RouteNotFound | HttpApiDecodeError> = app
    return RequestBody.limit(token)(Handling.separate(routed)).pipe(
      Effect.catchTags({
        RouteNotFound: ({ request }) => Effect.map(router, (router) => withoutRoute(request, router)),
        HttpApiDecodeError: (error) => Effect.fail(fromDecodeError(error))
      }),
      Effect.catchAllDefect((defect) =>
        Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => fromDefect(request, defect))
      )
    )
  })
).pipe(Layer.provide(HttpApiBuilder.Router.Live))
