import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { MemoryRedis } from "effect-cache-toolkit"
import { CachedHttpClient } from "effect-cache-toolkit/http-cache"
import * as MovableClock from "../../../support/MovableClock.js"
import * as Driver from "./Driver.js"
import { optionsFor, runnable } from "./suites.js"

/** A client with a cache, whose server answers what a test says. */
const makeClient = (options: CachedHttpClient.Options) =>
  Effect.gen(function* () {
    const cache = yield* CachedHttpClient.make(options)
    let origin: Driver.TestOrigin = { answer: () => undefined }
    const direct = HttpClient.make((request) => {
      const answer = origin.answer({ method: request.method, headers: request.headers })
      if (answer === undefined) return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))
      const { body, headers, status } = answer
      const content = body === "" || request.method === "HEAD" ? null : body
      return Effect.succeed(HttpClientResponse.fromWeb(request, new Response(content, { status, headers })))
    })
    const client = cache.cached(direct)
    const send: Driver.Send = ({ headers, method, path }) => {
      const request = HttpClientRequest.make(method as HttpMethod)(`http://localhost${path}`, { headers })
      return client.execute(request).pipe(
        Effect.flatMap((response) =>
          Effect.map(response.text, (body) => {
            const cookie = Object.entries(response.cookies.cookies).map(([name, { value }]) => `${name}=${value}`)
            const cookies = cookie.length === 0 ? {} : { "set-cookie": cookie.join(", ") }
            return { status: response.status, headers: { ...response.headers, ...cookies }, body }
          })
        ),
        // as the gateway of a server would answer
        Effect.catchAll(() => Effect.succeed({ status: 500, headers: {}, body: "" }))
      )
    }
    return {
      send,
      setOrigin: (next: Driver.TestOrigin) => {
        origin = next
      }
    }
  })

const start = Date.UTC(2026, 0, 1)

for (const { cases, name } of runnable("client")) {
  describe(`the cache of a client, in the suite ${name}`, () => {
    for (const one of cases) {
      const isPassed = one.client === "passed"
      it.scopedLive(`${isPassed ? "passes" : "has another answer to"} ${one.id}`, () =>
        Effect.suspend(() => {
          const clock = MovableClock.make(start)
          const body = Effect.gen(function* () {
            const { send, setOrigin } = yield* makeClient({ shared: one.isShared, ...optionsFor(one.id) })
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
