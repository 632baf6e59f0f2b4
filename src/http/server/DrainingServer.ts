/**
 * Bun's server with an end that loses no request. For a moment it still answers, and each answer closes its connection.
 * Then it stops listening, answers the requests in flight, and ends.
 *
 * The moment is needed because Bun's `stop` closes the listener and every idle connection at once: a request that waits in
 * the kernel's queues, sent before the end began, would be reset, and so would the next one on each kept connection.
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
import * as MonotonicClock from "../../internal/MonotonicClock.js"

/**
 * Where to listen, and how long requests in flight may take when the server ends.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly host: string
  /** 0 takes any free port */
  readonly port: number
  /** 5 seconds by default; requests that take longer are interrupted and answered 503 */
  readonly drainTimeout?: Duration.DurationInput | undefined
  /** how long requests are still taken when the server ends, with answers that close their connections; not at all by default */
  readonly lastRequests?: Duration.DurationInput | undefined
}

/** Seconds without a byte after which Bun closes a connection, also one that waits for its answer: longer than a database may take. */
const idleTimeout = 30

/** Counts what is in flight; `idle` resumes when there is nothing. */
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

/** What the kernel has received is read before the timers of the same turn of the event loop are too late for it. */
const nextTurn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/**
 * Fails with `ServeError` when the address cannot be listened on.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({
  drainTimeout = Duration.seconds(5),
  host,
  lastRequests = Duration.zero,
  port
}: Options): Effect.Effect<HttpServer.HttpServer, HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function* () {
    // Finalizers run from the last to the first: the last requests are taken, the server stops listening, then requests are
    // waited for, then their fibers end. The server's own `serve` would end the fibers while it still listens.
    const requests = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const inFlight = yield* makeInFlight
    yield* Effect.addFinalizer(() => Effect.timeoutOption(Effect.interruptible(inFlight.idle), drainTimeout))
    // Bun's page on errors for developers would show the source; without it Bun lets other programs share the port
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
    // Callers whose connections are closed come back at once. Bun takes new connections as long as there are any before it
    // looks at its timers, so that the answers look at the time too.
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
 * With the platform services that a router needs.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options) =>
  Layer.merge(Layer.scoped(HttpServer.HttpServer, make(options)), BunHttpServer.layerContext)
