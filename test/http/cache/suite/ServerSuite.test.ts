import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { MemoryRedis } from "effect-cache-toolkit"
import { ResponseCache } from "effect-cache-toolkit/http-cache"
import * as MovableClock from "../../../support/MovableClock.js"
import * as Driver from "./Driver.js"
import { optionsFor, runnable } from "./suites.js"

/** A cache before a handler that answers what a test says. */
const makeServer = (options: ResponseCache.Options) =>
  Effect.gen(function* () {
    const cache = yield* ResponseCache.make(options)
    let origin: Driver.TestOrigin = { answer: () => undefined }
    const handler = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers, method }) => {
      const answer = origin.answer({ method, headers })
      if (answer === undefined) return Effect.dieMessage("the connection breaks")
      const { body, headers: fields, status } = answer
      return Effect.succeed(
        body === ""
          ? HttpServerResponse.empty({ status, headers: fields })
          : HttpServerResponse.raw(body, { status, headers: fields })
      )
    })
    const handle = HttpApp.toWebHandlerRuntime(yield* Effect.runtime<never>())(cache.cached(handler))
    const send: Driver.Send = ({ headers, method, path }) =>
      Effect.promise(async () => {
        const body = method === "GET" || method === "HEAD" ? null : "abc"
        const response = await handle(new Request(`http://localhost${path}`, { method, headers, body }))
        return {
          status: response.status,
          headers: Object.fromEntries(response.headers.entries()),
          body: await response.text()
        }
      })
    return {
      send,
      setOrigin: (next: Driver.TestOrigin) => {
        origin = next
      }
    }
  })

const start = Date.UTC(2026, 0, 1)

for (const { cases, name } of runnable("server")) {
  describe(`the cache of a server, in the suite ${name}`, () => {
    for (const one of cases) {
      const isPassed = one.server === "passed"
      it.scopedLive(`${isPassed ? "passes" : "has another answer to"} ${one.id}`, () =>
        Effect.suspend(() => {
          const clock = MovableClock.make(start)
          const body = Effect.gen(function* () {
            const { send, setOrigin } = yield* makeServer({ shared: true, etag: false, ...optionsFor(one.id) })
            const exit = yield* Effect.exit(Driver.run(one, send, setOrigin, clock))
            if (isPassed) return yield* exit
            expect(Exit.isFailure(exit)).toBe(true)
          })
          return body.pipe(Effect.provide(MemoryRedis.layer()), Effect.withClock(clock))
        })
      )
    }
  })
}
