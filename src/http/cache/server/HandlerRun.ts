/**
 * Runs a handler for all requests that wait for its response: with the context of one of them, and a scope of its own.
 *
 * @since 0.2.0
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as SentResponse from "../../../internal/effect/SentResponse.js"
import type { Origin, OriginResponse } from "../exchange/OriginRun.js"
import * as Reuse from "../rules/Reuse.js"
import * as Declaration from "./Declaration.js"
import * as ServerMessage from "./ServerMessage.js"

type Response = HttpServerResponse.HttpServerResponse

/**
 * Applies what the handler has appended to be run before the response, such as a header. The server would apply it to the
 * fiber of the request, which is not that of the handler.
 */
const withOwnPreResponse = <E, R>(app: HttpApp.Default<E, R>, request: HttpServerRequest.HttpServerRequest) =>
  Effect.locally(
    Effect.flatMap(app, (response) =>
      Effect.flatMap(FiberRef.get(HttpApp.currentPreResponseHandlers), (handler) =>
        Option.isNone(handler) ? Effect.succeed(response) : Effect.orDie(handler.value(request, response))
      )
    ),
    HttpApp.currentPreResponseHandlers,
    Option.none()
  )

/** What the log of the request's fiber says of it, for the fiber of its handler. */
const logging = Effect.zipWith(
  FiberRef.get(FiberRef.currentLogAnnotations),
  FiberRef.get(FiberRef.currentLogSpan),
  (annotations, spans) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      effect.pipe(
        Effect.locally(FiberRef.currentLogAnnotations, annotations),
        Effect.locally(FiberRef.currentLogSpan, spans)
      )
)

/**
 * Reports an app that sends its response itself: the middleware of `HttpServer.serve` gets such an app. The response cannot be
 * changed any more, and must not be sent a second time.
 */
const warnIfSent = (sent: object, request: object): Effect.Effect<void> =>
  SentResponse.isMarked(sent)
    ? Effect.suspend(() => {
        SentResponse.setMark(request)
        return Effect.logError(
          "ResponseCache: the app has sent its response before the cache could handle it; " +
            "wrap the app with ResponseCache.cached instead of passing ResponseCache.middleware to serve, " +
            "and an HttpApi with ResponseCache.serveApi"
        )
      })
    : Effect.void

/** Scopes of responses whose bodies are not read yet. Each belongs to the request that gets its response. */
class OpenScopes {
  private readonly scopes = new Map<Response, Scope.CloseableScope>()
  private isEnded = false

  keep(response: Response, scope: Scope.CloseableScope): Effect.Effect<void> {
    if (this.isEnded) return Scope.close(scope, Exit.void)
    return Effect.sync(() => {
      this.scopes.set(response, scope)
    })
  }

  /** Ends the scopes of the responses that the client does not get. That of the other ends with its request. */
  end(response: Response | undefined, request: Scope.Scope | undefined): Effect.Effect<void> {
    this.isEnded = true
    return Effect.forEach(
      this.scopes,
      ([kept, scope]) =>
        kept === response && request !== undefined
          ? Scope.addFinalizerExit(request, (exit) => Scope.close(scope, exit))
          : Scope.close(scope, Exit.void),
      { discard: true }
    )
  }
}

/** Whether a stale response may stand for the failure of a handler: that of a server, and no interruption. */
const isError = (cause: Cause.Cause<unknown>): Effect.Effect<boolean> =>
  Effect.map(HttpServerError.causeResponse(cause), ([{ status }]) => Reuse.isError(status))

/**
 * @since 0.2.0
 * @category models
 */
export interface HandlerOptions {
  readonly declaration: Declaration.Declaration
  readonly isShared: boolean
  readonly maxBytes: number
}

/**
 * Runs a handler for its own request alone. What it declares is for the caches of clients.
 *
 * @since 0.2.0
 * @category combinators
 */
export const pass = <E, R>(
  app: HttpApp.Default<E, R>,
  options: HandlerOptions
): HttpApp.HttpApp<OriginResponse<Response>, E, R> =>
  Effect.suspend(() => {
    const collected = Declaration.collect(options.declaration)
    return app.pipe(
      Effect.provideService(Declaration.Declarations, collected),
      Effect.map((response) => ServerMessage.toOrigin(response, collected, options)),
      Effect.tap(() => Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => warnIfSent(request, request)))
    )
  })

/**
 * Passes a handler as an origin to `use`, in the context of the fiber.
 *
 * @since 0.2.0
 * @category constructors
 */
export const withOrigin = <E, R, A, E2>(
  app: HttpApp.Default<E, R>,
  request: HttpServerRequest.HttpServerRequest,
  options: HandlerOptions,
  use: (origin: Origin<Response, E>) => Effect.Effect<A, E2>,
  passedOf: (answer: A) => Response | undefined
): Effect.Effect<A, E2, R | HttpServerRequest.HttpServerRequest> =>
  Effect.zipWith(logging, Effect.context<R | HttpServerRequest.HttpServerRequest>(), (withLogging, context) => {
    const open = new OpenScopes()
    const send = (fields: Record<string, string>): Effect.Effect<OriginResponse<Response>, E> =>
      Effect.flatMap(Scope.make(), (scope) => {
        const collected = Declaration.collect(options.declaration)
        const sent = request.modify({ headers: Headers.fromInput(fields) })
        const ownContext = context.pipe(
          Context.add(HttpServerRequest.HttpServerRequest, sent),
          Context.add(Scope.Scope, scope),
          Context.add(Declaration.Declarations, collected)
        )
        return withOwnPreResponse(app, sent).pipe(
          Effect.tap(() => warnIfSent(sent, request)),
          Effect.map((response) => ServerMessage.toOrigin(response, collected, options)),
          Effect.provide(ownContext),
          withLogging,
          Effect.onExit((exit) =>
            Exit.isSuccess(exit) && !(exit.value.content instanceof Uint8Array)
              ? open.keep(exit.value.response, scope)
              : Scope.close(scope, exit)
          )
        )
      })
    const origin: Origin<Response, E> = { send, pass: Effect.provide(pass(app, options), context), isError }
    return Effect.onExit(use(origin), (exit) =>
      open.end(
        Exit.isSuccess(exit) ? passedOf(exit.value) : undefined,
        Option.getOrUndefined(Context.getOption(context, Scope.Scope))
      )
    )
  }).pipe(Effect.flatten)
