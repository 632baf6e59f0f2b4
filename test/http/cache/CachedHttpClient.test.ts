import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { MemoryRedis } from "effect-cache-toolkit"
import { CachedHttpClient } from "effect-cache-toolkit/http-cache"
import { until } from "../../support/until.js"

type Respond = (request: HttpClientRequest.HttpClientRequest, run: number) => Effect.Effect<Response>

/** A client without a network, and the requests that it has got. */
const remote = (respond: Respond) => {
  const requests: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make((request) => {
    requests.push(request)
    return Effect.map(respond(request, requests.length), (response) => HttpClientResponse.fromWeb(request, response))
  })
  return { client, requests }
}

const ok = (body: string | ReadableStream<Uint8Array>, headers: Record<string, string> = {}) =>
  Effect.sync(() => new Response(body, { headers: { "cache-control": "max-age=60", ...headers } }))

const textOf = <E>(sent: Effect.Effect<HttpClientResponse.HttpClientResponse, E>) =>
  Effect.flatMap(sent, ({ text }) => text)

describe("a client with a cache", () => {
  it.scoped("answers a repeated request without sending it, and revalidates a stale response", () =>
    Effect.gen(function* () {
      const { client, requests } = remote(({ headers }, run) =>
        headers["if-none-match"] === '"v1"'
          ? Effect.sync(() => new Response(null, { status: 304, headers: { "cache-control": "max-age=60" } }))
          : ok(`run ${run}`, { etag: '"v1"', date: "Thu, 01 Jan 1970 00:00:00 GMT" })
      )
      const cached = (yield* CachedHttpClient.make()).cached(client)
      expect(yield* textOf(cached.get("https://api.test/rates"))).toBe("run 1")
      const hit = yield* cached.get("https://api.test/rates")
      expect([yield* hit.text, hit.headers["cache-status"]]).toEqual([
        "run 1",
        "effect-cache-toolkit; hit; ttl=60; detail=redis"
      ])
      yield* TestClock.adjust("61 seconds")
      const validated = yield* cached.get("https://api.test/rates")
      expect([validated.status, yield* validated.text]).toEqual([200, "run 1"])
      expect(validated.headers["cache-status"]).toContain("fwd=stale; fwd-status=304")
      expect(requests.length).toBe(2)
      expect(yield* textOf(cached.get("https://api.test/rates?of=eur"))).toBe("run 3")
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("sends one of the requests that arrive together", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { client, requests } = remote((_, run) => Effect.zipRight(Deferred.await(gate), ok(`run ${run}`)))
      const cached = (yield* CachedHttpClient.make()).cached(client)
      const all = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 100 }, () => textOf(cached.get("https://api.test/rates"))),
          { concurrency: 100 }
        )
      )
      yield* until("the request is sent", () => requests.length === 1)
      yield* Deferred.succeed(gate, undefined)
      expect(new Set(yield* all)).toEqual(new Set(["run 1"]))
      expect(requests.length).toBe(1)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped(
    "keeps responses apart by the URL and credentials that are sent, whatever the client adds to a request",
    () =>
      Effect.gen(function* () {
        const { client, requests } = remote(({ headers, url }) => ok(`${url} for ${headers.authorization}`))
        const { cached } = yield* CachedHttpClient.make()
        const api = (origin: string, token: string) =>
          client.pipe(
            HttpClient.mapRequest((request) =>
              request.pipe(HttpClientRequest.prependUrl(origin), HttpClientRequest.bearerToken(token))
            ),
            cached
          )
        const texts = yield* Effect.forEach(
          [
            ["https://one.test", "ada"],
            ["https://one.test", "grace"],
            ["https://two.test", "ada"],
            ["https://one.test", "ada"]
          ] as const,
          ([origin, token]) => textOf(api(origin, token).get("/me"))
        )
        expect(texts).toEqual([
          "https://one.test/me for Bearer ada",
          "https://one.test/me for Bearer grace",
          "https://two.test/me for Bearer ada",
          "https://one.test/me for Bearer ada"
        ])
        expect(requests.length).toBe(3)
      }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("passes a body by that is too long, whole and as it arrives", () =>
    Effect.gen(function* () {
      const encoder = new TextEncoder()
      const chunked = () =>
        new ReadableStream<Uint8Array>({
          start: (controller) => {
            for (let i = 0; i < 10; i++) controller.enqueue(encoder.encode("0123456789"))
            controller.close()
          }
        })
      const { client, requests } = remote(({ url }) =>
        ok(url.endsWith("/short") ? "short" : url.endsWith("/events") ? "data" : chunked(), {
          ...(url.endsWith("/events") ? { "content-type": "text/event-stream" } : {}),
          ...(url.endsWith("/named") ? { "content-length": "100" } : {})
        })
      )
      const cached = (yield* CachedHttpClient.make({ store: { maxBodyBytes: 25 } })).cached(client)
      for (const path of ["/long", "/named", "/events", "/short"]) {
        for (let repeated = 0; repeated < 2; repeated++) {
          const response = yield* cached.get(`https://api.test${path}`)
          const text = yield* response.text
          expect(text).toBe(path === "/short" ? "short" : path === "/events" ? "data" : "0123456789".repeat(10))
        }
      }
      expect(requests.length).toBe(7)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("passes failures unchanged, and serves a stale response in place of one within stale.ifError", () =>
    Effect.gen(function* () {
      let isDown = false
      const client = HttpClient.make((request) =>
        isDown
          ? Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))
          : Effect.map(ok("up"), (response) => HttpClientResponse.fromWeb(request, response))
      )
      const cached = (yield* CachedHttpClient.make({ stale: { ifError: "10 minutes" } })).cached(client)
      yield* textOf(cached.get("https://api.test/a"))
      isDown = true
      yield* TestClock.adjust("2 minutes")
      const stale = yield* cached.get("https://api.test/a")
      expect([yield* stale.text, stale.headers.age]).toEqual(["up", "120"])
      const failure = yield* Effect.flip(cached.get("https://api.test/b"))
      expect([failure._tag, failure.reason]).toEqual(["RequestError", "Transport"])
      yield* TestClock.adjust("20 minutes")
      expect((yield* Effect.flip(cached.get("https://api.test/a"))).reason).toBe("Transport")
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped(
    "forgets a URL when it is changed or invalidated, and never answers with the bytes that a caller has changed",
    () =>
      Effect.gen(function* () {
        const { client } = remote((_, run) => ok(`run ${run}`))
        const service = yield* CachedHttpClient.make({ local: { capacity: 10, timeToLive: "1 minute" } })
        const cached = service.cached(client)
        const get = textOf(cached.get("https://api.test/a"))
        expect(yield* get).toBe("run 1")
        new Uint8Array(yield* (yield* cached.get("https://api.test/a")).arrayBuffer).fill(0)
        expect(yield* get).toBe("run 1")
        yield* cached.post("https://api.test/a")
        yield* TestClock.adjust("1 second")
        expect(yield* get).toBe("run 3")
        yield* service.invalidate("https://api.test/a")
        yield* TestClock.adjust("1 second")
        expect(yield* get).toBe("run 4")
        yield* service.clear
        yield* TestClock.adjust("1 second")
        expect(yield* get).toBe("run 5")
      }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("is the HttpClient of a program through its layer", () => {
    const { client, requests } = remote((_, run) => ok(`run ${run}`))
    const live = CachedHttpClient.layer().pipe(
      Layer.provide([Layer.succeed(HttpClient.HttpClient, client), MemoryRedis.layer()])
    )
    return Effect.gen(function* () {
      const cached = yield* HttpClient.HttpClient
      expect(yield* textOf(cached.get("https://api.test/a"))).toBe("run 1")
      expect(yield* textOf(cached.get("https://api.test/a"))).toBe("run 1")
      expect(requests.length).toBe(1)
    }).pipe(Effect.provide(live))
  })
})
