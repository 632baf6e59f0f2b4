import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as BunServer from "../../../src/http/server/BunServer.js"
import type * as FastPath from "../../../src/http/server/FastPath.js"
import { until } from "../../support/until.js"

/** A server whose app answers `app`, after a fast path. */
const start = (handle: FastPath.Handle, options: Partial<BunServer.Options> = {}) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const server = yield* Scope.extend(BunServer.make({ host: "127.0.0.1", port: 0, ...options }), scope)
    yield* Scope.extend(server.serve(Effect.succeed(HttpServerResponse.text("app"))), scope)
    yield* Scope.extend(server.fastPath.serve(handle), scope)
    const port = server.address._tag === "TcpAddress" ? server.address.port : Number.NaN
    const get = Effect.promise(async (signal) => {
      const response = await fetch(`http://127.0.0.1:${port}/`, { signal })
      return `${response.status} ${await response.text()}`
    })
    return { server, get, close: Scope.close(scope, Exit.void) }
  })

/** A handler that answers once the test says so. */
const makeWaiting = Effect.gen(function* () {
  const begun = yield* Deferred.make<void>()
  const answer = yield* Deferred.make<string>()
  const interrupted = yield* Ref.make(false)
  const handle: FastPath.Handle = () =>
    Deferred.succeed(begun, undefined).pipe(
      Effect.zipRight(Deferred.await(answer)),
      Effect.map((text) => new Response(text)),
      Effect.onInterrupt(() => Ref.set(interrupted, true))
    )
  return { handle, begun: Deferred.await(begun), answer, interrupted: Ref.get(interrupted) }
})

describe("a request on the fast path", () => {
  it.live("is answered by the handler, and by the app where the handler leaves it or dies", () =>
    Effect.gen(function* () {
      const answers: Array<ReturnType<FastPath.Handle>> = [
        Effect.succeed(new Response("fast")),
        Effect.delay(
          Effect.sync(() => new Response("a while later")),
          1
        ),
        undefined,
        Effect.succeed(undefined),
        Effect.die("a defect")
      ]
      const { close, get } = yield* start(() => answers.shift())
      expect(yield* Effect.replicateEffect(get, 5)).toEqual([
        "200 fast",
        "200 a while later",
        "200 app",
        "200 app",
        "200 app"
      ])
      yield* close
    })
  )

  it.live("is interrupted when its client goes", () =>
    Effect.gen(function* () {
      const { begun, handle, interrupted } = yield* makeWaiting
      const { close, get } = yield* start(handle)
      const request = yield* Effect.fork(get)
      yield* begun
      yield* Fiber.interrupt(request)
      yield* until("the handler was interrupted", () => interrupted)
      yield* close
    })
  )

  it.live("is awaited by a server that ends, whose app answers the next ones", () =>
    Effect.gen(function* () {
      const { answer, begun, handle } = yield* makeWaiting
      const { close, get, server } = yield* start(handle, { lastRequests: "1 hour" })
      const request = yield* Effect.fork(get)
      yield* begun
      expect(yield* server.drain.inFlight).toBe(1)
      const closing = yield* Effect.fork(close)
      yield* until("the server ends", () => server.drain.hasBegun)
      expect(yield* get).toBe("200 app")
      yield* Deferred.succeed(answer, "in time")
      expect(yield* Fiber.join(request)).toBe("200 in time")
      expect(yield* server.drain.inFlight).toBe(0)
      yield* Fiber.interrupt(closing)
    })
  )

  it.live("is interrupted when it takes longer than a server that ends has time, and answered 503", () =>
    Effect.gen(function* () {
      const { begun, handle, interrupted } = yield* makeWaiting
      const { close, get } = yield* start(handle, { drainTimeout: "20 millis" })
      const request = yield* Effect.fork(get)
      yield* begun
      yield* close
      expect(yield* Fiber.join(request)).toBe("503 ")
      expect(yield* interrupted).toBe(true)
    })
  )
})
