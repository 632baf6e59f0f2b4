/**
 * Listens with Bun's server. Like `BunHttpServer` of the platform, with a fast path before the app and without web sockets.
 *
 * @since 0.2.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type { Server } from "bun"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as FiberSet from "effect/FiberSet"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"
import type * as Scope from "effect/Scope"
import type * as FastPath from "./FastPath.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly hostname: string
  readonly port: number
  /** seconds without a byte after which Bun closes a connection, even while its request runs */
  readonly idleTimeout: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface BunListener extends HttpServer.HttpServer {
  /** Puts a handler before the app until the scope ends. */
  readonly serveFast: (handle: FastPath.Handle, admission: Admission) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * Counts the requests that take the fast path.
 *
 * @since 0.2.0
 * @category models
 */
export interface Admission {
  /** Whether a request may begin; the app answers it otherwise. */
  readonly begin: () => boolean
  readonly end: () => void
}

type Answer = (request: Request, server: Server<undefined>) => Response | Promise<Response>

const notFound: Answer = () => new Response("not found", { status: 404 })

/** Interrupts the fiber of a request when its client ends the connection. */
const interruptOnAbort = (request: Request, fiber: Fiber.RuntimeFiber<unknown, unknown>): void =>
  request.signal.addEventListener("abort", () => fiber.unsafeInterruptAsFork(HttpServerError.clientAbortFiberId), {
    once: true
  })

/**
 * Starts fibers that end with the scope. They have neither the metrics that the runtime keeps of each fiber nor an inherited
 * context, which together take longer than a read from memory.
 */
const makeLightFork = Effect.gen(function* () {
  const runtime = yield* Effect.runtime<never>()
  const light = runtime.pipe(
    Runtime.disableRuntimeFlag(RuntimeFlags.RuntimeMetrics),
    Runtime.deleteFiberRef(FiberRef.currentContext)
  )
  const runFork = Runtime.runFork(light)
  const fibers = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  yield* Effect.addFinalizer(() => Effect.suspend(() => Fiber.interruptAll(fibers)))
  return <A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> => {
    const fiber = runFork(effect)
    if (fiber.unsafePoll() !== null) return fiber
    fibers.add(fiber)
    fiber.addObserver(() => fibers.delete(fiber))
    return fiber
  }
})

/** Undefined where the app answers: the fast path leaves the request to it, or died. */
const responseOf = (exit: Exit.Exit<Response | undefined>): Response | undefined => {
  if (Exit.isSuccess(exit)) return exit.value
  // the client does not read it, or the server ends before the app could answer
  return Cause.isInterrupted(exit.cause) ? new Response(undefined, { status: 503 }) : undefined
}

/**
 * Starts the server, which ends with the scope. Throws, as a defect, when it cannot listen on the address.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<BunListener, never, Scope.Scope> =>
  Effect.gen(function* () {
    // the last one answers, as for the servers of the platform
    const apps: Array<Answer> = [notFound]
    let fast: Answer | undefined
    const answerByApp: Answer = (request, server) => (apps.at(-1) ?? notFound)(request, server)

    const server: Server<undefined> = yield* Effect.acquireRelease(
      Effect.sync(() =>
        // `development: false` keeps source code out of error pages; Bun then shares the port by default, which `reusePort` forbids
        Bun.serve({
          ...options,
          development: false,
          reusePort: false,
          fetch: (request, server) => (fast ?? answerByApp)(request, server)
        })
      ),
      (server) => Effect.sync(() => void server.stop())
    )

    const serve = (app: HttpApp.Default<unknown>, middleware?: HttpMiddleware.HttpMiddleware) =>
      Effect.gen(function* () {
        const runFork = yield* FiberSet.makeRuntime<never>()
        const runtime = yield* Effect.runtime<never>()
        // a middleware may replace the platform's request, and keeps the runtime's
        const resolvers = new WeakMap<object, (response: Response) => void>()
        const handled = HttpApp.toHandled(
          app,
          (request, response) =>
            Effect.sync(() => {
              const withoutBody = request.method === "HEAD"
              const whole = withoutBody ? response : HttpApp.unsafeEjectStreamScope(response)
              const resolve = Predicate.isObject(request.source) ? resolvers.get(request.source) : undefined
              resolve?.(HttpServerResponse.toWeb(whole, { withoutBody, runtime }))
            }),
          middleware
        )
        const answer: Answer = (request, server) =>
          new Promise((resolve) => {
            resolvers.set(request, resolve)
            const address = server.requestIP(request)
            const received = HttpServerRequest.fromWeb(request).modify(
              address === null ? {} : { remoteAddress: address.address }
            )
            const fiber = runFork(Effect.provideService(handled, HttpServerRequest.HttpServerRequest, received))
            interruptOnAbort(request, fiber)
          })
        yield* Effect.acquireRelease(
          Effect.sync(() => apps.push(answer)),
          () => Effect.sync(() => apps.splice(apps.lastIndexOf(answer), 1))
        )
      })

    const serveFast = (handle: FastPath.Handle, admission: Admission) =>
      Effect.gen(function* () {
        const runFork = yield* makeLightFork
        const answer: Answer = (request, server) => {
          const effect = handle(request)
          if (effect === undefined || !admission.begin()) return answerByApp(request, server)
          const complete = (exit: Exit.Exit<Response | undefined>) => {
            const response = responseOf(exit) ?? answerByApp(request, server)
            // after the app has begun, so that a server that ends awaits the request
            admission.end()
            return response
          }
          const fiber = runFork(effect)
          const exit = fiber.unsafePoll()
          if (exit !== null) return complete(exit)
          interruptOnAbort(request, fiber)
          return new Promise((resolve) => fiber.addObserver((exit) => resolve(complete(exit))))
        }
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            fast = answer
          }),
          () =>
            Effect.sync(() => {
              if (fast === answer) fast = undefined
            })
        )
      })

    const { hostname = options.hostname, port = options.port } = server
    return Object.assign(HttpServer.make({ address: { _tag: "TcpAddress", hostname, port }, serve }), { serveFast })
  })
