/**
 * What a request may bring along: JSON, and not more of it than the limit.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Problem from "./Problem.js"

/**
 * The longest body, in bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxBytes = 64 * 1024

const tooLarge = Problem.response(413, `the body may have ${maxBytes} bytes at most`)
const notJson = Problem.response(415, "the body must be application/json")

/**
 * The body if it is not longer than `maxBytes`. A stream is left as soon as it is.
 *
 * @since 0.1.0
 * @category utils
 */
export const collect = <E, R>(
  body: Stream.Stream<Uint8Array, E, R>
): Effect.Effect<Option.Option<Uint8Array<ArrayBuffer>>, E, R> =>
  body.pipe(
    Stream.mapAccum(0, (length, chunk) => [length + chunk.length, { chunk, length: length + chunk.length }]),
    Stream.takeUntil(({ length }) => length > maxBytes),
    Stream.runCollect,
    Effect.map((chunks) => {
      const body = Buffer.concat(Array.from(chunks, ({ chunk }) => chunk))
      return body.length > maxBytes ? Option.none() : Option.some(body)
    })
  )

// a request whose body is in memory answers every way of reading it; the socket's address has to be carried over
const withBody = (request: HttpServerRequest.HttpServerRequest, body: Uint8Array<ArrayBuffer>) =>
  HttpServerRequest.fromWeb(
    new Request(new URL(request.originalUrl, "http://localhost").href, { method: request.method, body })
  ).modify({
    url: request.url,
    headers: request.headers,
    ...Option.match(request.remoteAddress, {
      onNone: () => ({}),
      onSome: (remoteAddress) => ({ remoteAddress })
    })
  })

/**
 * Answers 415 to a body that does not call itself JSON and 413 to one over the limit, before anything of the application
 * runs.
 *
 * @since 0.1.0
 * @category middleware
 */
export const limit = <E, R>(
  app: HttpApp.HttpApp<HttpServerResponse.HttpServerResponse, E, R>
): HttpApp.HttpApp<HttpServerResponse.HttpServerResponse, E, R> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const length = request.headers["content-length"]
    const chunked = request.headers["transfer-encoding"] !== undefined
    if (!chunked && (length === undefined || length === "0")) return app
    if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) return Effect.succeed(notJson)
    // the server's parser holds a client to the length it declared; only without one the bytes have to be counted
    if (!chunked) return Number(length) > maxBytes ? Effect.succeed(tooLarge) : app
    return collect(request.stream).pipe(
      Effect.orDie,
      Effect.flatMap(
        Option.match({
          onNone: () => Effect.succeed(tooLarge),
          onSome: (body) => Effect.provideService(app, HttpServerRequest.HttpServerRequest, withBody(request, body))
        })
      )
    )
  })
