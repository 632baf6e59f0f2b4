/**
 * Converts the responses of an `HttpClient` to what is stored, and stored responses to those of a client.
 *
 * @since 0.2.0
 */
import * as Cookies from "@effect/platform/Cookies"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { OriginResponse } from "../exchange/OriginRun.js"
import * as Reply from "../exchange/Reply.js"
import * as CacheControl from "../rules/CacheControl.js"
import type * as FieldList from "../rules/FieldList.js"
import type { StoredResponse } from "../store/StoredResponse.js"

type Request = HttpClientRequest.HttpClientRequest
type Response = HttpClientResponse.HttpClientResponse

/** The statuses whose responses have no content. */
const isEmpty = (status: number): boolean => status === 204 || status === 205 || status === 304

const webResponse = (
  request: Request,
  status: number,
  fields: FieldList.Fields,
  cookies: ReadonlyArray<string>,
  content: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null
): Response => {
  const headers = new Headers()
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && name !== "set-cookie") headers.set(name, value)
  }
  for (const cookie of cookies) headers.append("set-cookie", cookie)
  return HttpClientResponse.fromWeb(request, new Response(isEmpty(status) ? null : content, { status, headers }))
}

/**
 * The response of a stored one, or the 304 that stands for it.
 *
 * @since 0.2.0
 * @category conversions
 */
export const fromStored = (
  request: Request,
  stored: StoredResponse,
  age: number,
  now: number,
  report: Reply.Report
): Response => {
  const { fields, status } = Reply.headOf(stored, age, request.headers, now, report)
  // a copy: the caller may change the bytes of its response
  const content = request.method === "HEAD" ? null : new Uint8Array(stored.content)
  return webResponse(request, status, fields, stored.cookies, content)
}

/**
 * The answer to a request that accepts stored responses only (RFC 9111, section 5.2.1.7).
 *
 * @since 0.2.0
 * @category constructors
 */
export const notHeld = (request: Request, report: Reply.Report): Response => {
  const status = Reply.cacheStatus({}, report)
  return webResponse(request, 504, status === undefined ? {} : { "cache-status": status }, [], null)
}

const cookiesOf = (response: Response) => Cookies.toSetCookieHeaders(response.cookies)

/**
 * A response by its head alone. Its body is not read.
 *
 * @since 0.2.0
 * @category conversions
 */
export const headOf = (response: Response, maxBytes: number): OriginResponse<Response> => {
  const { headers, status } = response
  const isStream = headers["content-type"]?.startsWith("text/event-stream") === true
  const isLong = (CacheControl.seconds(headers["content-length"]) ?? 0) > maxBytes
  return {
    response,
    status,
    fields: headers,
    cookies: cookiesOf(response),
    content: isStream ? { notStorable: "stream" } : isLong ? { notStorable: "too-long" } : new Uint8Array(),
    tags: [],
    cacheControl: undefined
  }
}

const joined = (parts: ReadonlyArray<Uint8Array>, length: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/**
 * Reads the body of a response up to `maxBytes`. A longer one goes to the client as it arrives, behind what was read.
 *
 * @since 0.2.0
 * @category conversions
 */
export const withContent = (
  head: OriginResponse<Response>,
  maxBytes: number
): Effect.Effect<OriginResponse<Response>, HttpClientError.ResponseError> =>
  Effect.gen(function* () {
    const { response, status } = head
    if (isEmpty(status) || response.request.method === "HEAD") return head
    const scope = yield* Scope.make()
    const read = Effect.gen(function* () {
      const pull = yield* Scope.extend(Stream.toPull(response.stream), scope)
      const parts: Array<Uint8Array> = []
      let length = 0
      while (length <= maxBytes) {
        const next = yield* pull.pipe(
          Effect.asSome,
          Effect.catchAll(Option.match({ onNone: () => Effect.succeedNone, onSome: (failure) => Effect.fail(failure) }))
        )
        if (Option.isNone(next)) {
          yield* Scope.close(scope, Exit.void)
          // the body of the response itself has been read
          const bytes = joined(parts, length)
          return {
            ...head,
            response: webResponse(response.request, status, head.fields, head.cookies, bytes),
            content: bytes
          }
        }
        for (const part of next.value) {
          parts.push(part)
          length += part.length
        }
      }
      const rest = Stream.repeatEffectChunkOption(pull)
      const body = Stream.concat(Stream.fromChunk(Chunk.unsafeFromArray(parts)), rest)
      const readable = yield* Stream.toReadableStreamEffect(Stream.ensuring(body, Scope.close(scope, Exit.void)))
      const whole = webResponse(response.request, status, head.fields, head.cookies, readable)
      return { ...head, response: whole, content: { notStorable: "too-long" } }
    })
    return yield* read.pipe(
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
      // the platform has no stream of a response without a body
      Effect.catchIf(
        ({ reason }) => reason === "EmptyBody",
        () => Effect.succeed(head)
      )
    )
  })

/**
 * The response of the origin, with its report.
 *
 * @since 0.2.0
 * @category combinators
 */
export const reported = (response: Response, report: Reply.Report): Response => {
  const cacheStatus = Reply.cacheStatus(response.headers, report)
  if (cacheStatus === undefined) return response
  const headers = { ...response.headers, "cache-status": cacheStatus }
  // all else of it is that of the response
  return Object.create(response, { headers: { value: headers, enumerable: true } }) as Response
}

/**
 * A request with these fields in place of its own.
 *
 * @since 0.2.0
 * @category combinators
 */
export const withFields = (request: Request, fields: Record<string, string>): Request =>
  HttpClientRequest.make(request.method)(request.url, {
    urlParams: request.urlParams,
    hash: Option.getOrUndefined(request.hash),
    body: request.body,
    headers: fields
  })
