/**
 * Runs Bun's server so that its end loses no request. For a short time it still accepts requests, and each response
 * closes its connection. Then it stops listening and completes the requests in flight.
 *
 * Bun's `stop` closes the listener and every idle connection at once. Without the short time, a request in the kernel's
 * queues would be reset, and so would the next request on each kept connection.
 *
 * @since 0.1.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as BunHttpServer from "@effect/platform-bun/BunHttpServer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"

/**
 * The address to listen on, and the time that requests in flight may take when the server ends.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly host: string
  /** 0 takes any free port */
  readonly port: number
  /** 5 seconds by default; longer requests are interrupted and answered with 503 */
  readonly drainTimeout?: Duration.DurationInput | undefined
  /**
   * how long requests are still accepted when the server ends, with responses that close their connections; default 0
   */
  readonly lastRequests?: Duration.DurationInput | undefined
}

/**
 * Seconds without a byte after which Bun closes a connection, even while its request runs: longer than a database may
 * take.
 */
const idleTimeout = 30

/** Counts the requests in flight; `idle` resumes at zero. */
const makeInFlight = Effect.map(Effect.makeLatch(true), (latch) => {
  let count = 0
  const begin = Effect.sync(() => {
    count += 1
    latch.unsafeClose()
  })
  const end = Effect.sync(() => {
    count -= 1
    if (count === 0) latch.unsafeOpen()
  })
  return {
    idle: latch.await,
    track: <A, E, R>(request: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.acquireUseRelease(
        begin,
        () => request,
        () => end
      )
  }
})

/** Resumes in the next turn of the event loop, after Bun has read the requests that the kernel received. */
const nextTurn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/**
 * Starts the server. Fails with `ServeError` when it cannot listen on the address. An option that cannot be right is a
 * defect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({
  host,
  port,
  ...times
}: Options): Effect.Effect<HttpServer.HttpServer, HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function* () {
    const check = OptionCheck.make("HTTP server")
    check.wholeNumber("port", port, { least: 0, most: 65_535 })
    const drainTimeout = check.duration("drainTimeout", times.drainTimeout, { infinite: true }) ?? "5 seconds"
    const lastRequests = check.duration("lastRequests", times.lastRequests) ?? 0
    // Finalizers run in reverse: accept the last requests, stop listening, await the requests, end their fibers. The
    // server's own `serve` would end the fibers while it still listens.
    const requests = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const inFlight = yield* makeInFlight
    yield* Effect.addFinalizer(() => Effect.timeoutOption(Effect.interruptible(inFlight.idle), drainTimeout))
    // `development: false` keeps source code out of error pages; Bun then shares the port by default, which `reusePort` forbids
    const server = yield* BunHttpServer.make({
      hostname: host,
      port,
      development: false,
      reusePort: false,
      idleTimeout
    }).pipe(Effect.catchAllDefect((cause) => new HttpServerError.ServeError({ cause })))
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
    return HttpServer.make({
      address: server.address,
      serve: (app, middleware) =>
        server
          .serve(Effect.zipRight(closing, app), (handled) =>
            inFlight.track(middleware === undefined ? handled : middleware(handled))
          )
          .pipe(Scope.extend(requests))
    })
  })

/**
 * Adds the platform services that a router needs.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options) =>
  Layer.merge(Layer.scoped(HttpServer.HttpServer, make(options)), BunHttpServer.layerContext)
