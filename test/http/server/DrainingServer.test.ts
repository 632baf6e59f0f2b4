import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as BunServer from "../../../src/http/server/BunServer.js"

const fetchText = (port: number, path = "/") =>
  Effect.tryPromise(async () => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return `${response.status} ${await response.text()}`
  })

/** A server whose only request is answered when the test says so. */
const start = (drainTimeout?: Duration.DurationInput, lastRequests?: Duration.DurationInput) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const started = yield* Deferred.make<void>()
    const answer = yield* Deferred.make<string>()
    const interrupted = yield* Ref.make(false)
    const server = yield* Scope.extend(
      BunServer.make({ host: "127.0.0.1", port: 0, drainTimeout, lastRequests }),
      scope
    )
    const app = Deferred.succeed(started, undefined).pipe(
      Effect.zipRight(Deferred.await(answer)),
      Effect.interruptible,
      Effect.onInterrupt(() => Ref.set(interrupted, true)),
      Effect.map((text) => HttpServerResponse.text(text))
    )
    yield* Scope.extend(server.serve(app), scope)
    const port = server.address._tag === "TcpAddress" ? server.address.port : Number.NaN
    return { port, started: Deferred.await(started), answer, interrupted, close: Scope.close(scope, Exit.void) }
  })

const rejected = (port: number) =>
  Effect.flip(fetchText(port)).pipe(Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 400 }))

describe("a server whose options cannot be right", () => {
  it.scoped.each([
    ["port", { port: 65_536 }],
    ["port", { port: -1 }],
    ["drainTimeout", { drainTimeout: -1 }],
    ["lastRequests", { lastRequests: Number.POSITIVE_INFINITY }]
  ] as ReadonlyArray<[string, Partial<BunServer.Options>]>)("dies before it listens, naming %s", ([name, options]) =>
    Effect.gen(function* () {
      const cause = yield* Effect.flip(Effect.sandbox(BunServer.make({ host: "127.0.0.1", port: 0, ...options })))
      expect(String(Cause.squash(cause))).toContain(`option \`${name}\` is`)
    })
  )
})

describe("a server that ends", () => {
  it.scoped("may have no bound on the time for its last requests", () =>
    Effect.gen(function* () {
      const server = yield* BunServer.make({ host: "127.0.0.1", port: 0, drainTimeout: Infinity })
      expect(server.address).toMatchObject({ _tag: "TcpAddress", hostname: "127.0.0.1" })
    })
  )

  it.live("refuses new connections, answers the request in flight, and ends only then", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const request = yield* Effect.fork(fetchText(server.port))
      yield* server.started
      const closing = yield* Effect.fork(server.close)
      yield* rejected(server.port)
      expect(yield* Fiber.poll(closing)).toMatchObject({ _tag: "None" })
      yield* Deferred.succeed(server.answer, "in time")
      expect(yield* Fiber.join(request)).toBe("200 in time")
      yield* Fiber.join(closing)
    })
  )

  it.live("ends at once when nothing is in flight", () =>
    Effect.gen(function* () {
      const server = yield* start("1 hour")
      yield* server.close
      yield* rejected(server.port)
    })
  )

  it.live("interrupts what takes longer than the drain timeout, and answers it 503", () =>
    Effect.gen(function* () {
      const server = yield* start("20 millis")
      const request = yield* Effect.fork(fetchText(server.port))
      yield* server.started
      yield* server.close
      expect(yield* Fiber.join(request)).toMatch(/^503 /)
      expect(yield* Ref.get(server.interrupted)).toBe(true)
    })
  )

  it.live("takes requests for a last moment and closes their connections by its answers", () =>
    Effect.gen(function* () {
      const server = yield* start(undefined, "1 hour")
      yield* Deferred.succeed(server.answer, "in time")
      const connection = Effect.promise(async () => (await fetch(`http://127.0.0.1:${server.port}/`)).headers)
      expect((yield* connection).get("connection")).not.toBe("close")
      const closing = yield* Effect.fork(server.close)
      yield* Effect.repeat(connection, { until: (headers) => headers.get("connection") === "close" })
      yield* Fiber.interrupt(closing)
    })
  )

  it.live("fails when its port is taken", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const error = yield* Effect.flip(Effect.scoped(BunServer.make({ host: "127.0.0.1", port: server.port })))
      expect(error._tag).toBe("ServeError")
      expect(error.cause).toMatchObject({ code: "EADDRINUSE" })
      yield* server.close
    })
  )

  it.live("counts a request that a middleware answers", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const server = yield* Scope.extend(BunServer.make({ host: "127.0.0.1", port: 0 }), scope)
      yield* Scope.extend(
        server.serve(Effect.dieMessage("not reached"), () => Effect.succeed(HttpServerResponse.text("early"))),
        scope
      )
      const port = server.address._tag === "TcpAddress" ? server.address.port : Number.NaN
      expect(yield* fetchText(port)).toBe("200 early")
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.timeout("5 seconds"))
  )
})
