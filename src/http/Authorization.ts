/**
 * Who may write: the holder of the token, or, where none is configured, programs on the same machine.
 *
 * @since 0.1.0
 */
import { createHash, timingSafeEqual } from "node:crypto"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { Forbidden, Unauthorized } from "./Errors.js"
import * as HttpConfig from "./HttpConfig.js"
import * as Problem from "./Problem.js"

/**
 * Fails with `Unauthorized` (401) when a token is configured and not sent, with `Forbidden` (403) when none is
 * configured and the request is not local.
 *
 * @since 0.1.0
 * @category middleware
 */
export class Authorization extends HttpApiMiddleware.Tag<Authorization>()("effect-cache-toolkit/Authorization", {
  failure: Schema.Union(
    Problem.fromError(Unauthorized, { status: 401, name: "Unauthorized", title: "Not authorized" }),
    Problem.fromError(Forbidden, { status: 403, name: "Forbidden", title: "Not from here" })
  ),
  security: { bearer: HttpApiSecurity.bearer }
}) {}

// of equal length, so that the comparison says nothing about the length of the token either
const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

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

// the decoder of HttpApiSecurity.bearer does not look at the scheme, so the header is read here
const sentToken = ({ headers }: HttpServerRequest.HttpServerRequest): string | undefined =>
  /^bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1]

/**
 * Whether a request carries the token, compared in constant time.
 *
 * @since 0.1.0
 * @category predicates
 */
export const carriesToken = (token: Redacted.Redacted): ((request: HttpServerRequest.HttpServerRequest) => boolean) => {
  const expected = digest(Redacted.value(token))
  return (request) => {
    const sent = sentToken(request)
    return sent !== undefined && timingSafeEqual(digest(sent), expected)
  }
}

const requireToken = (
  token: Redacted.Redacted
): Effect.Effect<void, Unauthorized, HttpServerRequest.HttpServerRequest> => {
  const carries = carriesToken(token)
  return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    if (carries(request)) return Effect.void
    return challenge(new Unauthorized({ reason: sentToken(request) === undefined ? "MissingToken" : "WrongToken" }))
  })
}

const isLoopbackAddress = (address: string): boolean => /^(::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/.test(address)

const isLoopbackHost = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i.test(host)

/**
 * Whether a request was sent by a program on this machine on its own behalf: from a loopback address, not passed on by a
 * proxy, not to a name that an attacker's DNS could point here, and not by a page of another origin in a browser.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isLocal = (request: HttpServerRequest.HttpServerRequest): boolean => {
  const { headers } = request
  const host = headers.host ?? ""
  const proxied = Object.keys(headers).some((name) => name === "forwarded" || name.startsWith("x-forwarded-"))
  const site = headers["sec-fetch-site"] ?? "none"
  const origin = headers.origin ?? `http://${host}`
  return (
    Option.exists(request.remoteAddress, isLoopbackAddress) &&
    !proxied &&
    isLoopbackHost(host) &&
    (site === "none" || site === "same-origin") &&
    origin === `http://${host}`
  )
}

const requireLocal: Effect.Effect<void, Forbidden, HttpServerRequest.HttpServerRequest> = Effect.flatMap(
  HttpServerRequest.HttpServerRequest,
  (request) => (isLocal(request) ? Effect.void : Effect.fail(new Forbidden()))
)

/**
 * By `API_TOKEN`. Says in the log who may write.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<Authorization, ConfigError.ConfigError> = Layer.effect(
  Authorization,
  Effect.gen(function* () {
    const token = yield* HttpConfig.apiToken
    if (Option.isNone(token)) {
      yield* Effect.logInfo("HTTP: writes are served on loopback only, since API_TOKEN is not set")
      return { bearer: () => requireLocal }
    }
    yield* Effect.logInfo("HTTP: writes need the bearer token of API_TOKEN")
    const check = requireToken(token.value)
    return { bearer: () => check }
  })
)
