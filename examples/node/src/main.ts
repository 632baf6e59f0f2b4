/** Answers `GET /cities/:id` and `POST /cities/:id` until SIGTERM or SIGINT. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Cause, Config, Duration, Effect, Exit, Fiber, Layer, Runtime } from "effect"
import * as IoRedis from "effect-cache-toolkit/IoRedis"
import * as Cities from "./Cities.js"

interface Reply {
  readonly status: number
  readonly body: unknown
  readonly headers?: Record<string, string>
}

const read = (id: string) =>
  Effect.gen(function* () {
    const cities = yield* Cities.Cities
    const { source, value } = yield* cities.getResult(id)
    return { status: 200, body: { ...value, source } }
  })

const change = (visitor: string, id: string) =>
  Cities.visit(visitor, id).pipe(
    Effect.map((city): Reply => ({ status: 200, body: city })),
    Effect.catchTag("RateLimitExceeded", ({ message, retryAfter }) =>
      Effect.succeed<Reply>({
        status: 429,
        body: { message },
        headers: { "retry-after": String(Math.ceil(Duration.toSeconds(retryAfter))) }
      })
    )
  )

const handle = (request: IncomingMessage) => {
  const id = /^\/cities\/([a-z]+)$/.exec(request.url ?? "")?.[1]
  if (id === undefined) return Effect.succeed<Reply>({ status: 404, body: { message: "try /cities/gothenburg" } })
  return Effect.if(request.method === "POST", {
    onTrue: () => change(request.socket.remoteAddress ?? "unknown", id),
    onFalse: () => read(id)
  }).pipe(
    Effect.catchTag("CityNotFound", ({ message }) => Effect.succeed<Reply>({ status: 404, body: { message } })),
    // without Redis there is no lock: the change is refused, and may be tried again
    Effect.catchAll(({ message }) => Effect.succeed<Reply>({ status: 503, body: { message } }))
  )
}

const send = (response: ServerResponse, { body, headers, status }: Reply) =>
  Effect.sync(() => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(`${JSON.stringify(body)}\n`)
  })

/** Listens as long as the scope. Its end waits for the requests that are running. */
const listen = Effect.gen(function* () {
  const port = yield* Config.integer("PORT").pipe(Config.withDefault(3000))
  const run = Runtime.runFork(yield* Effect.runtime<Layer.Layer.Success<typeof Cities.layer>>())
  const server = createServer((request, response) => {
    run(Effect.flatMap(handle(request), (reply) => send(response, reply)))
  })
  yield* Effect.acquireRelease(
    Effect.async<void>((resume) => {
      server.once("error", (error) => resume(Effect.die(error)))
      server.listen(port, "127.0.0.1", () => resume(Effect.void))
    }),
    () => Effect.async<void>((resume) => void server.close(() => resume(Effect.log("ended"))))
  )
  yield* Effect.log(`listens on http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})

const main = Effect.runFork(
  Effect.zipRight(listen, Effect.never).pipe(
    Effect.scoped,
    Effect.provide(Layer.provide(Cities.layer, IoRedis.layerConfig())),
    Effect.tapErrorCause((cause) => (Cause.isInterruptedOnly(cause) ? Effect.void : Effect.logError(cause)))
  )
)

const end = () => Effect.runFork(Fiber.interrupt(main))
process.once("SIGTERM", end).once("SIGINT", end)
main.addObserver((exit) => {
  process.exitCode = Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause) ? 1 : 0
})
