/**
 * Decides for each request of a client whether stored responses may answer it, and which.
 *
 * @since 0.2.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Bypass from "../exchange/Bypass.js"
import type * as Exchange from "../exchange/Exchange.js"
import * as OriginRun from "../exchange/OriginRun.js"
import * as CacheControl from "../rules/CacheControl.js"
import type * as CacheStatus from "../rules/CacheStatus.js"
import type * as FieldList from "../rules/FieldList.js"
import * as Reuse from "../rules/Reuse.js"
import * as Targets from "../rules/Targets.js"
import * as RequestKey from "../store/RequestKey.js"
import * as ClientMessage from "./ClientMessage.js"

type Request = HttpClientRequest.HttpClientRequest
type Response = HttpClientResponse.HttpClientResponse

/**
 * Adds a cache to a client.
 *
 * @since 0.2.0
 * @category models
 */
export type Cached = <E>(
  client: HttpClient.HttpClient.With<E>
) => HttpClient.HttpClient.With<E | HttpClientError.ResponseError>

/**
 * @since 0.2.0
 * @category models
 */
export interface ClientCacheOptions {
  readonly exchange: Exchange.Exchange
  readonly policy: OriginRun.StoragePolicy
  readonly invalidate: (url: URL) => Effect.Effect<boolean>
  readonly isShared: boolean
  /** in lower case */
  readonly credentialFields: ReadonlyArray<string>
  readonly keyFields: ReadonlyArray<string>
  readonly maxBodyBytes: number
  readonly statusName: string | undefined
}

/** Ends a request before it is sent, with what would be sent. */
class Prepared extends Data.TaggedError("Prepared")<{ readonly request: Request }> {}

/** The request that a client sends, after all that the client does to it: its key must be of the URL and credentials sent. */
const prepare = <E>(client: HttpClient.HttpClient.With<E>) => {
  const ending = HttpClient.transform(client, (_, request) => Effect.fail(new Prepared({ request })))
  return (request: Request): Effect.Effect<Request, E> =>
    Effect.catchAll(Effect.flip(ending.execute(request)), () => Effect.dieMessage("a prepared request was sent")).pipe(
      Effect.flatMap((failure) =>
        failure instanceof Prepared ? Effect.succeed(failure.request) : Effect.fail(failure)
      )
    )
}

/** Whether a stale response may stand for a failure: not for one by the status of the response, unless that is of a server. */
const isError = (cause: Cause.Cause<unknown>): Effect.Effect<boolean> =>
  Effect.sync(() => {
    if (Cause.isInterruptedOnly(cause)) return false
    const failure = Option.getOrUndefined(Cause.failureOption(cause))
    const response = Predicate.hasProperty(failure, "response") ? failure.response : undefined
    const isByStatus = Predicate.hasProperty(failure, "reason") && failure.reason === "StatusCode"
    return isByStatus && Predicate.hasProperty(response, "status") && typeof response.status === "number"
      ? Reuse.isError(response.status)
      : true
  })

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: ClientCacheOptions): Cached => {
  const { exchange, invalidate, isShared, maxBodyBytes, policy, statusName } = options
  const report = (handling: CacheStatus.Handling) => ({ name: statusName, handling })

  const keyOf = (url: URL, fields: FieldList.Fields): string => {
    const credentials = options.credentialFields.map((name) => fields[name] ?? null)
    const isAnonymous = isShared || credentials.every((value) => value === null)
    return RequestKey.primary({
      host: url.origin,
      urls: [`${url.pathname}${url.search}`],
      fields: options.keyFields.map((name) => fields[name]),
      user: isAnonymous ? undefined : JSON.stringify(credentials)
    })
  }

  const originOf = <E>(
    client: HttpClient.HttpClient.With<E>,
    request: Request,
    fields: FieldList.Fields
  ): OriginRun.Origin<Response, E | HttpClientError.ResponseError> => ({
    send: (sent) =>
      Effect.gen(function* () {
        const modified = HttpClient.mapRequest(client, (prepared) => ClientMessage.withFields(prepared, sent))
        const head = ClientMessage.headOf(yield* modified.execute(request), maxBodyBytes)
        // the content of a response that is not stored is not read here
        const refusal = yield* OriginRun.refusalOf({ fields, isShared }, head, policy)
        return refusal === undefined
          ? yield* ClientMessage.withContent(head, maxBodyBytes)
          : { ...head, content: { notStorable: refusal } }
      }),
    pass: Effect.map(client.execute(request), (response) => ClientMessage.headOf(response, maxBodyBytes)),
    isError
  })

  return <E>(client: HttpClient.HttpClient.With<E>) => {
    const prepared = prepare(client)

    const handle = (request: Request): Effect.Effect<Response, E | HttpClientError.ResponseError> =>
      Effect.gen(function* () {
        const sent = yield* prepared(request)
        const parsed = UrlParams.makeUrl(sent.url, sent.urlParams, sent.hash)
        if (Either.isLeft(parsed)) return yield* client.execute(request)
        const url = parsed.right
        const fields: FieldList.Fields = sent.headers
        const passedBy = (handling: CacheStatus.Handling) =>
          Effect.map(client.execute(request), (response) => ClientMessage.reported(response, report(handling)))
        const directives = CacheControl.ofRequest(fields)
        const bypass =
          sent.body._tag === "Empty" || sent.method !== "GET"
            ? Bypass.of(sent.method, fields, directives)
            : ({ forwarded: "bypass", detail: "content" } as const)
        if (bypass !== undefined) {
          const response = yield* passedBy(bypass)
          if (Targets.isUnsafe(sent.method)) {
            const targets = Targets.invalidated(url, { status: response.status, fields: response.headers })
            yield* Effect.forEach(targets, invalidate, { discard: true })
          }
          return response
        }
        const mayLoad = sent.method === "GET" && !directives.onlyIfCached
        const tags = [RequestKey.pathTag(`${url.origin}${url.pathname}`)]
        const outcome = yield* exchange.handle(
          { id: keyOf(url, fields), tags, fields, directives, isShared, mayLoad },
          originOf(client, request, fields)
        )
        switch (outcome._tag) {
          case "Stored": {
            const { age, handling, stored } = outcome
            return ClientMessage.fromStored(sent, stored, age, yield* Clock.currentTimeMillis, report(handling))
          }
          case "Passed":
            return ClientMessage.reported(outcome.response, report(outcome.handling))
          case "Unavailable":
            return yield* passedBy({ forwarded: "bypass", detail: "overloaded" })
          case "NotHeld":
            return directives.onlyIfCached
              ? ClientMessage.notHeld(sent, report({ detail: "only-if-cached" }))
              : yield* passedBy({ forwarded: "method" })
        }
      })

    return HttpClient.makeWith(
      (request: Effect.Effect<Request, E | HttpClientError.ResponseError>) => Effect.flatMap(request, handle),
      (request) => Effect.succeed(request)
    )
  }
}
