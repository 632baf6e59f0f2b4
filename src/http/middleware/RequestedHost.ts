/**
 * Rejects requests for a foreign host name. A page of an attacker can make its own name resolve to 127.0.0.1 (DNS
 * rebinding) and read the responses. Its requests carry that name.
 *
 * @since 0.1.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { Api } from "../contract/Api.js"
import * as Problem from "../contract/Problem.js"
import * as Rejections from "../contract/Rejections.js"
import * as HttpConfig from "../HttpConfig.js"

const loopback = /^(localhost|ip6-localhost|127\.\d+\.\d+\.\d+|(::ffff:)?127\.\d+\.\d+\.\d+|::1|\[::1\])$/i

/**
 * Whether a `Host` header holds a loopback name or one of the allowed names, with any port.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isAllowed = (host: string, allowed: ReadonlyArray<string>): boolean => {
  const name = host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase()
  return loopback.test(name) || allowed.includes(name)
}

const misdirected = Problem.response(Rejections.misdirected.status, Rejections.misdirected.detail)

/**
 * Makes the check of a `Host` header, which passes everything unless the server listens on loopback or `ALLOWED_HOSTS` is set.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeCheck: Effect.Effect<
  (host: string | undefined) => boolean,
  ConfigError.ConfigError,
  HttpServer.HttpServer
> = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const allowed = yield* HttpConfig.allowedHosts
  const isChecked = allowed.length > 0 || address._tag === "UnixAddress" || loopback.test(address.hostname)
  if (!isChecked) return () => true
  let last: string | undefined
  return (host) => {
    // only HTTP/1.0 clients may omit it, and no browser does
    if (host === undefined || host === last) return true
    if (!isAllowed(host, allowed)) return false
    last = host
    return true
  }
})

const make = Effect.map(
  makeCheck,
  (check) =>
    <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
        check(headers.host) ? app : Effect.succeed(misdirected)
      )
)

/**
 * Wraps the API and its pages. Answers 421 to a foreign name while the server listens on loopback, or whenever
 * `ALLOWED_HOSTS` is set.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<never, ConfigError.ConfigError, HttpServer.HttpServer> =
  HttpApiBuilder.middleware(Api, make)
