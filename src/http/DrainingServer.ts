/**
 * Bun's server with an end that loses no request: it stops listening, answers what is in flight, and only then goes.
 *
 * @since 0.1.0
 */
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as BunHttpServer from "@effect/platform-bun/BunHttpServer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"

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
}

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

/**
 * Fails with `ServeError` when the address cannot be listened on.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({
  drainTimeout = Duration.seconds(5),
  host,
  port
}: Options): Effect.Effect<HttpServer.HttpServer, HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function* () {
    // Finalizers run from the last to the first: the server stops listening, then requests are waited for, then their
    // fibers end. The server's own `serve` would end the fibers while it still listens.
    const requests = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const inFlight = yield* makeInFlight
    yield* Effect.addFinalizer(() => Effect.timeoutOption(Effect.interruptible(inFlight.idle), drainTimeout))
    const server = yield* BunHttpServer.make({ hostname: host, port }).pipe(
      Effect.catchAllDefect((cause) => new HttpServerError.ServeError({ cause }))
    )
    return HttpServer.make({
      address: server.address,
      serve: (app, middleware) =>
        server
          .serve(app, (handled) => inFlight.track(middleware === undefined ? handled : middleware(handled)))
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
