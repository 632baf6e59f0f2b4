import { setImmediate } from "node:timers/promises"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as RequestPacing from "../../../src/http/middleware/RequestPacing.js"

/** Requests that arrive at once, and the paths of those that have begun. */
const makeServer = () => {
  const begun: Array<string> = []
  const pace = RequestPacing.make(RequestPacing.makeTurns(2))
  const request = (path: string) =>
    Effect.sync(() => {
      begun.push(path)
      return HttpServerResponse.empty()
    }).pipe(
      pace,
      Effect.provideService(
        HttpServerRequest.HttpServerRequest,
        HttpServerRequest.fromWeb(new Request(`http://localhost${path}`))
      ),
      Effect.fork
    )
  return { begun, request, turn: Effect.promise(() => setImmediate()) }
}

describe("a pace of two requests in a turn of the event loop", () => {
  it.live("begins two in each turn, in the order in which they came", () =>
    Effect.gen(function* () {
      const { begun, request, turn } = makeServer()
      for (const path of ["/1", "/2", "/3", "/4", "/5"]) yield* request(path)
      yield* Effect.promise(() => Promise.resolve())
      expect(begun).toEqual(["/1", "/2"])
      yield* turn
      expect(begun).toEqual(["/1", "/2", "/3", "/4"])
      yield* turn
      expect(begun).toEqual(["/1", "/2", "/3", "/4", "/5"])
    })
  )

  it.live("lets no request overtake a waiting one, except a health check", () =>
    Effect.gen(function* () {
      const { begun, request, turn } = makeServer()
      for (const path of ["/1", "/2", "/3", "/api/health/detailed"]) yield* request(path)
      yield* Effect.promise(() => Promise.resolve())
      expect(begun).toEqual(["/1", "/2", "/api/health/detailed"])
      yield* turn
      yield* request("/4")
      yield* request("/5")
      yield* turn
      yield* turn
      expect(begun).toEqual(["/1", "/2", "/api/health/detailed", "/3", "/4", "/5"])
    })
  )

  it.live("gives the place of a request that was interrupted to the next", () =>
    Effect.gen(function* () {
      const { begun, request, turn } = makeServer()
      for (const path of ["/1", "/2"]) yield* request(path)
      const gone = yield* request("/3")
      for (const path of ["/4", "/5"]) yield* request(path)
      yield* Effect.promise(() => Promise.resolve())
      yield* Fiber.interrupt(gone)
      yield* turn
      expect(begun).toEqual(["/1", "/2", "/4", "/5"])
    })
  )

  it.live("begins as many more of those that take a part, in their order among the others", () =>
    Effect.gen(function* () {
      const begun: Array<string> = []
      const turns = RequestPacing.makeTurns(1)
      const take = (name: string, part: number) =>
        Effect.zipRight(
          turns.take(part),
          Effect.sync(() => begun.push(name))
        ).pipe(Effect.fork)
      for (const name of ["a", "b", "c"]) yield* take(name, 0.5)
      yield* take("whole", 1)
      yield* take("d", 0.5)
      yield* Effect.promise(() => Promise.resolve())
      expect(begun).toEqual(["a", "b"])
      expect(turns.tryTake(0.5)).toBe(false)
      yield* Effect.promise(() => setImmediate())
      expect(begun).toEqual(["a", "b", "c", "whole"])
      yield* Effect.promise(() => setImmediate())
      expect(begun).toEqual(["a", "b", "c", "whole", "d"])
      expect(turns.tryTake(0.5)).toBe(true)
    })
  )
})
