import * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SentResponse from "../../../src/internal/effect/SentResponse.js"

/** Handles one request, and answers how many responses were sent. */
const handle = (request: HttpServerRequest.HttpServerRequest, middleware?: HttpMiddleware.HttpMiddleware) => {
  let sent = 0
  const handled = HttpApp.toHandled(
    HttpServerResponse.text("of the app"),
    () =>
      Effect.sync(() => {
        sent++
      }),
    middleware
  )
  return handled.pipe(
    Effect.provideService(HttpServerRequest.HttpServerRequest, request),
    Effect.scoped,
    Effect.map(() => sent)
  )
}

const request = () => HttpServerRequest.fromWeb(new Request("http://localhost/"))

describe("the mark of a request whose response has been sent", () => {
  it.effect("is left by HttpApp.toHandled, and not before", () =>
    Effect.gen(function* () {
      const received = request()
      expect(SentResponse.isMarked(received)).toBe(false)
      expect(yield* handle(received)).toBe(1)
      expect(SentResponse.isMarked(received)).toBe(true)
    })
  )

  it.effect("keeps HttpApp.toHandled from sending the response of a middleware that sets it", () =>
    Effect.gen(function* () {
      const received = request()
      const response = HttpServerResponse.text("of the middleware")
      expect(yield* handle(received, () => Effect.succeed(response))).toBe(1)
      const marked = request()
      const marking = Effect.sync(() => SentResponse.setMark(marked))
      expect(yield* handle(marked, () => Effect.as(marking, response))).toBe(0)
    })
  )
})
