/**
 * Decides for each request of a server whether stored responses may answer it, and which.
 *
 * @since 0.2.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Bypass from "../exchange/Bypass.js"
import type * as Exchange from "../exchange/Exchange.js"
import * as CacheControl from "../rules/CacheControl.js"
import type * as CacheStatus from "../rules/CacheStatus.js"
import type * as FieldList from "../rules/FieldList.js"
import * as Targets from "../rules/Targets.js"
import * as RequestKey from "../store/RequestKey.js"
import * as Declaration from "./Declaration.js"
import * as HandlerRun from "./HandlerRun.js"
import * as ServerMessage from "./ServerMessage.js"

type Response = HttpServerResponse.HttpServerResponse
type Request = HttpServerRequest.HttpServerRequest

/**
 * @since 0.2.0
 * @category models
 */
export interface ServerCacheOptions {
  readonly exchange: Exchange.Exchange
  readonly invalidate: (path: string) => Effect.Effect<boolean>
  readonly userOf: ((request: Request) => Effect.Effect<Option.Option<string>>) | undefined
  /** whether requests with credentials are answered like all others */
  readonly isShared: boolean
  /** in lower case */
  readonly credentialFields: ReadonlyArray<string>
  readonly keyFields: ReadonlyArray<string>
  readonly isHostKeyed: boolean
  readonly honourRequest: boolean
  readonly maxBodyBytes: number
  readonly statusName: string | undefined
}

const base = "http://localhost"

/** A URL of this server, whose host is of no concern here; undefined for a target that is no path, such as `*`. */
const urlOf = (path: string): URL | undefined => {
  // a path that begins with two slashes would be read as a host
  const url = path.startsWith("/") ? `${base}${path}` : path
  return URL.canParse(url) ? new URL(url) : undefined
}

/**
 * The path of a URL or path as tags name it: without its query, and in normal form.
 *
 * @since 0.2.0
 * @category normalization
 */
export const normalPath = (path: string): string => urlOf(path)?.pathname ?? path

/** The target of a request as the client sent it, also where a router has removed a prefix. */
const originalTarget = ({ originalUrl }: Request): string => {
  if (originalUrl.startsWith("/")) return originalUrl
  const path = originalUrl.indexOf("/", originalUrl.indexOf("//") + 2)
  return path < 0 ? "/" : originalUrl.slice(path)
}

/** A location in this server, where it is named with the host of the request. */
const ofThisServer = (reference: string | undefined, host: string | undefined): string | undefined => {
  if (reference === undefined || host === undefined || !URL.canParse(reference)) return reference
  const url = new URL(reference)
  return url.host === host.toLowerCase() ? `${base}${url.pathname}` : reference
}

const noDirectives = CacheControl.ofRequest({})

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  options: ServerCacheOptions
): (<E, R>(app: HttpApp.Default<E, R>, declaration: Declaration.Declaration) => HttpApp.Default<E, R>) => {
  const { exchange, invalidate, maxBodyBytes, statusName, userOf } = options
  const report = (handling: CacheStatus.Handling) => ({ name: statusName, handling })

  /** The clients that may have the response: none where credentials keep it from being stored. */
  const audienceOf = (
    request: Request
  ): Effect.Effect<{ readonly isShared: boolean; readonly user: string | undefined } | undefined> => {
    if (userOf !== undefined) {
      return Effect.map(userOf(request), (user) => ({
        isShared: Option.isNone(user),
        user: Option.getOrUndefined(user)
      }))
    }
    const isAnonymous = options.credentialFields.every((name) => request.headers[name] === undefined)
    return Effect.succeed(options.isShared || isAnonymous ? { isShared: true, user: undefined } : undefined)
  }

  const keyOf = (request: Request, user: string | undefined): string => {
    const { headers, url } = request
    const target = originalTarget(request)
    return RequestKey.primary({
      host: options.isHostKeyed ? (headers.host ?? "").toLowerCase() : "",
      urls: url === target ? [target] : [target, url],
      fields: options.keyFields.map((name) => headers[name]),
      user
    })
  }

  /** Invalidates what a request has changed that succeeded. */
  const invalidateTargets = (request: Request, response: Response): Effect.Effect<void> => {
    const url = Targets.isUnsafe(request.method) ? urlOf(originalTarget(request)) : undefined
    if (url === undefined) return Effect.void
    const fields = {
      location: ofThisServer(response.headers.location, request.headers.host),
      "content-location": ofThisServer(response.headers["content-location"], request.headers.host)
    }
    const paths = new Set(Targets.invalidated(url, { status: response.status, fields }).map(({ pathname }) => pathname))
    return Effect.forEach(paths, invalidate, { discard: true })
  }

  const toResponse = (
    outcome: Exchange.Outcome<Response>,
    fields: FieldList.Fields,
    now: number
  ): Response | undefined => {
    switch (outcome._tag) {
      case "Stored":
        return ServerMessage.fromStored(outcome.stored, outcome.age, fields, now, report(outcome.handling))
      case "Passed":
        return ServerMessage.passed(outcome.response, report(outcome.handling))
      case "Unavailable":
        return ServerMessage.unavailable(report({ forwarded: "bypass", detail: "overloaded" }))
      case "NotHeld":
        return undefined
    }
  }

  const answer = <E, R>(app: HttpApp.Default<E, R>, request: Request, declaration: Declaration.Declaration) =>
    Effect.gen(function* () {
      const fields: FieldList.Fields = request.headers
      const directives = options.honourRequest ? CacheControl.ofRequest(fields) : noDirectives
      const passedBy = (handling: CacheStatus.Handling) =>
        Effect.map(HandlerRun.pass(app, { declaration, isShared: false, maxBytes: maxBodyBytes }), ({ response }) =>
          ServerMessage.passed(response, report(handling))
        )
      const bypass = Bypass.of(request.method, fields, directives)
      if (bypass !== undefined) return yield* passedBy(bypass)
      const audience = yield* audienceOf(request)
      if (audience === undefined) return yield* passedBy({ forwarded: "bypass", detail: "credentials" })
      const { isShared, user } = audience
      const tags = [
        RequestKey.pathTag(normalPath(originalTarget(request))),
        ...(user === undefined ? [] : [RequestKey.userTag(user)])
      ]
      const isHead = request.method === "HEAD"
      const id = keyOf(request, user)
      const mayLoad = !isHead && !directives.onlyIfCached
      const outcome = yield* HandlerRun.withOrigin(
        app,
        request,
        { declaration, isShared, maxBytes: maxBodyBytes },
        (origin) => exchange.handle({ id, tags, fields, directives, isShared, mayLoad }, origin),
        (outcome) => (outcome._tag === "Passed" ? outcome.response : undefined)
      )
      const response = toResponse(outcome, fields, yield* Clock.currentTimeMillis)
      if (response !== undefined) return response
      return directives.onlyIfCached
        ? ServerMessage.notHeld(report({ detail: "only-if-cached" }))
        : yield* passedBy({ forwarded: "method" })
    })

  return (app, declaration) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      Effect.flatMap(Effect.serviceOption(Declaration.Declarations), (outer) => {
        if (Option.isSome(outer)) {
          // inside of another cached app, which stores the response
          Declaration.add(outer.value, declaration)
          return app
        }
        return Effect.tap(answer(app, request, declaration), (response) => invalidateTargets(request, response))
      })
    )
}
