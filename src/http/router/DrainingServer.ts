/**
 * Ends a server so that it loses no request. For a short time the server still accepts requests, and each response closes
 * its connection. Then it stops listening and completes the requests in flight.
 *
 * Bun's `stop` closes the listener and every idle connection at once. Without the short time, a request in the kernel's
 * queues would be reset, and so would the next request on each kept connection.
 *
 * @since 0.2.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"

/**
 * The times of a server that ends.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** how long requests in flight may take: default 5 seconds; longer requests are interrupted and answered with 503 */
  readonly drainTimeout?: Duration.DurationInput | undefined
  /**
   * how long requests are still accepted when the server ends, with responses that close their connections: default 0
   */
  readonly lastRequests?: Duration.DurationInput | undefined
}

/**
 * Whether the server is about to end, and how many requests it still has. `HealthProbes` reports a server that ends as not
 * ready.
 *
 * @since 0.2.0
 * @category services
 */
export class Drain extends Context.Tag("effect-cache-toolkit/Drain")<Drain, Drain.Service>() {}

/**
 * @since 0.2.0
 */
export declare namespace Drain {
  /**
   * @since 0.2.0
   * @category models
   */
  export interface Service {
    readonly hasBegun: Effect.Effect<boolean>
    readonly inFlight: Effect.Effect<number>
  }
}

/** Counts the requests in flight; `idle` resumes at zero. */
const makeInFlight = Effect.map(Effect.makeLatch(true), (latch) => {
  let count = 0
  const begin = () => {
    count += 1
    latch.unsafeClose()
  }
  const end = () => {
    count -= 1
    if (count === 0) latch.unsafeOpen()
  }
  return {
    idle: latch.await,
    count: () => count,
    begin,
    end,
    track: <A, E, R>(request: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.acquireUseRelease(
        Effect.sync(begin),
        () => request,
        () => Effect.sync(end)
      )
  }
})

/** Resumes in the next turn of the event loop, after Bun has read the requests that the kernel received. */
const nextTurn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Logs which requests did not complete in time. */
const drain = (
  inFlight: { readonly idle: Effect.Effect<void>; readonly count: () => number },
  limit: Duration.Duration
) =>
  Effect.flatMap(Effect.timeoutOption(Effect.interruptible(inFlight.idle), limit), (isIdle) =>
    Option.isSome(isIdle)
      ? Effect.void
      : Effect.logWarning(`HTTP: ${inFlight.count()} requests did not complete in ${Duration.format(limit)}`)
  )

/**
 * What a server needs that answers some requests beside its app.
 *
 * @internal
 */
export interface Guard {
  /** whether the server is about to end */
  readonly hasBegun: () => boolean
  /** Counts a request in flight, until `end`. */
  readonly begin: () => void
  readonly end: () => void
  /** ends once no request is in flight, and at the latest when their time is up */
  readonly requests: Scope.Scope
}

/** @internal */
export interface Guarded<Listener> {
  readonly server: HttpServer.HttpServer & { readonly drain: Drain.Service }
  /** what `listen` has opened */
  readonly listener: Listener
  readonly guard: Guard
}

/**
 * Like `make`, for a server that answers some requests beside its app.
 *
 * @internal
 */
export const makeGuarded = <Listener extends HttpServer.HttpServer, E, R>(
  listen: Effect.Effect<Listener, E, R>,
  options: Options = {}
): Effect.Effect<Guarded<Listener>, E, R | Scope.Scope> =>
  Effect.gen(function* () {
    const check = OptionCheck.make("HTTP server")
    const drainTimeout = check.duration("drainTimeout", options.drainTimeout, { infinite: true }) ?? "5 seconds"
    const lastRequests = check.duration("lastRequests", options.lastRequests) ?? 0
    // Finalizers run in reverse: accept the last requests, stop listening, await the requests, end their fibers. The
    // server's own `serve` would end the fibers while it still listens.
    const requests = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const inFlight = yield* makeInFlight
    yield* Effect.addFinalizer(() => drain(inFlight, Duration.decode(drainTimeout)))
    const listener = yield* listen
    const clock = yield* Effect.clock
    let endsAt: number | undefined
    const isOver = yield* Effect.makeLatch(false)
    // Clients reconnect as soon as their connections close, and Bun prefers new connections to its timers. Each
    // response therefore checks the time too.
    const lastMoment = Effect.raceFirst(Effect.zipRight(Effect.sleep(lastRequests), nextTurn), isOver.await)
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        const millis = Duration.toMillis(lastRequests)
        endsAt = MonotonicClock.unsafeMillis(clock) + millis
        return millis > 0 ? Effect.interruptible(lastMoment) : Effect.void
      })
    )
    const closing = HttpApp.appendPreResponseHandler((_request, response) =>
      Effect.sync(() => {
        if (endsAt === undefined) return response
        if (MonotonicClock.unsafeMillis(clock) > endsAt) isOver.unsafeOpen()
        return HttpServerResponse.setHeader(response, "connection", "close")
      })
    )
    const draining = HttpServer.make({
      address: listener.address,
      serve: (app, middleware) =>
        listener
          .serve(Effect.zipRight(closing, app), (handled) =>
            inFlight.track(middleware === undefined ? handled : middleware(handled))
          )
          .pipe(Scope.extend(requests))
    })
    const hasBegun = () => endsAt !== undefined
    const state = { hasBegun: Effect.sync(hasBegun), inFlight: Effect.sync(inFlight.count) }
    return {
      server: Object.assign(draining, { drain: state }),
      listener,
      guard: { hasBegun, begin: inFlight.begin, end: inFlight.end, requests }
    }
  })

/**
 * Builds a server on one that `listen` opens in its scope, such as `BunHttpServer.make` or `NodeHttpServer.make`. An option
 * that cannot be right is a defect.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <E, R>(
  listen: Effect.Effect<HttpServer.HttpServer, E, R>,
  options: Options = {}
): Effect.Effect<HttpServer.HttpServer & { readonly drain: Drain.Service }, E, R | Scope.Scope> =>
  Effect.map(makeGuarded(listen, options), ({ server }) => server)

/**
 * Provides the server that `listen` opens, with its `Drain`.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { HttpRouter, HttpServer, HttpServerResponse } from "@effect/platform"
 * import { BunHttpServer } from "@effect/platform-bun"
 * import { DrainingServer } from "effect-cache-toolkit/http"
 * import { Layer } from "effect"
 *
 * const router = HttpRouter.empty.pipe(HttpRouter.get("/", HttpServerResponse.text("hello")))
 *
 * const server = HttpServer.serve(router).pipe(
 *   Layer.provide(DrainingServer.layer(BunHttpServer.make({ port: 3000 }), { lastRequests: "250 millis" }))
 * )
 */
export const layer = <E, R>(
  listen: Effect.Effect<HttpServer.HttpServer, E, R>,
  options: Options = {}
): Layer.Layer<HttpServer.HttpServer | Drain, E, Exclude<R, Scope.Scope>> =>
  Layer.scopedContext(
    Effect.map(make(listen, options), (server) =>
      Context.make(HttpServer.HttpServer, server).pipe(Context.add(Drain, server.drain))
    )
  )
