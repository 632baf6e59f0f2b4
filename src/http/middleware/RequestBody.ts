/**
 * Bounds the body of a request: its type, its size and the time that it takes to arrive.
 *
 * @since 0.1.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type InvalidRequest, invalidRequest } from "../contract/Errors.js"
import * as Problem from "../contract/Problem.js"
import * as Rejections from "../contract/Rejections.js"
import type { ApiToken } from "../token/ApiToken.js"
import * as JsonText from "./JsonText.js"

const maxBytes = Rejections.maxBodyBytes
const maxWait = Duration.seconds(Rejections.maxBodySeconds)

// an unread rest of the body would be parsed as the next request
const reject = ({ detail, status }: { readonly status: 408 | 413 | 415; readonly detail: string }) =>
  HttpServerResponse.setHeader(Problem.response(status, detail), "connection", "close")

const tooLarge = reject(Rejections.tooLarge)
const notJson = reject(Rejections.notJson)
const encoded = reject(Rejections.encoded)
const tooSlow = reject(Rejections.tooSlow)

/** JSON is UTF-8 (RFC 8259). A page of another site can send it only after a preflight request. */
const isJson = (contentType: string): boolean => {
  const [type = "", ...parameters] = contentType.toLowerCase().split(";")
  return (
    type.trim() === "application/json" &&
    parameters.every((parameter) => {
      const [name = "", value = ""] = parameter.split("=")
      return name.trim() !== "charset" || /^"?utf-?8"?$/.test(value.trim())
    })
  )
}

/** Reads the body up to `maxBytes`, and cancels the stream of a longer one. */
const collect = <E, R>(
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

// a request with its body in memory supports every way of reading it; only the address of the socket is missing
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

const closing = HttpApp.appendPreResponseHandler((_request, response) =>
  Effect.succeed(HttpServerResponse.setHeader(response, "connection", "close"))
)

/**
 * Answers 415 to a body that is not plain JSON, and 413 to one whose headers announce more than the limit. Reads the
 * body only for the holder of the token, since every request with a body needs the token. Answers 408 when the body
 * does not arrive in time, and 400 when it is not JSON or holds text that databases reject. The body of a GET is never
 * read.
 *
 * @since 0.1.0
 * @category middleware
 */
export const limit =
  ({ check }: ApiToken.Service) =>
  <E, R>(
    app: HttpApp.HttpApp<HttpServerResponse.HttpServerResponse, E, R>
  ): HttpApp.HttpApp<HttpServerResponse.HttpServerResponse, E | InvalidRequest, R> =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const { headers } = request
      const length = headers["content-length"]
      const chunked = headers["transfer-encoding"] !== undefined
      if (!chunked && (length === undefined || length === "0")) return app
      if (!isJson(headers["content-type"] ?? "")) return Effect.succeed(notJson)
      if ((headers["content-encoding"] ?? "identity").trim().toLowerCase() !== "identity")
        return Effect.succeed(encoded)
      if (!chunked && Number(length) > maxBytes) return Effect.succeed(tooLarge)
      const isUnread = request.method === "GET" || request.method === "HEAD" || check(request) !== "Right"
      if (isUnread) return Effect.zipRight(closing, app)
      return Effect.gen(function* () {
        const arrived = yield* collect(request.stream).pipe(
          Effect.orDie,
          // a read of a socket cannot be interrupted: it ends with the connection
          Effect.disconnect,
          Effect.interruptible,
          Effect.timeoutOption(maxWait)
        )
        if (Option.isNone(arrived)) return tooSlow
        if (Option.isNone(arrived.value)) return tooLarge
        const body = arrived.value.value
        const problems = JsonText.problemsOf(body)
        if (problems.length > 0) return yield* invalidRequest(problems)
        return yield* Effect.provideService(app, HttpServerRequest.HttpServerRequest, withBody(request, body))
      })
    })
