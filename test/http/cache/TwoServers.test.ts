import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as BunHttpServer from "@effect/platform-bun/BunHttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { RedisConfig } from "effect-cache-toolkit"
import { ResponseCache } from "effect-cache-toolkit/http-cache"
import { connected } from "../../support/server/clientLayers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { until } from "../../support/until.js"

const skip = RedisServer.skipReason

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

/** Two servers of one application, with a connection each to one Redis, and the runs of their handlers. */
const makeWorld = Effect.gen(function* () {
  const redis = yield* RedisServer.make()
  const address = yield* RedisConfig.fromUrl(Redacted.make(redis.url))
  const world = { runs: 0, isBroken: false, isHeld: false, urls: [] as Array<string> }

  const route = (path: `/${string}`, cacheControl: string) =>
    HttpRouter.get(
      path,
      ResponseCache.cached()(
        Effect.gen(function* () {
          const { headers, url } = yield* HttpServerRequest.HttpServerRequest
          world.runs += 1
          world.urls.push(`${url} ${headers["accept-language"] ?? ""}`)
          yield* ResponseCache.tag("all")
          yield* until("the handlers may answer", () => !world.isHeld)
          if (world.isBroken) return HttpServerResponse.text("broken", { status: 503 })
          return HttpServerResponse.text(`run ${world.runs}`, { headers: { "cache-control": cacheControl } })
        })
      )
    )

  const router = HttpRouter.empty.pipe(
    route("/fresh", "max-age=60"),
    route("/if-error", "max-age=0, stale-if-error=60"),
    route("/while-revalidate", "max-age=0, stale-while-revalidate=60"),
    HttpRouter.get(
      "/stream",
      ResponseCache.cached({ timeToLive: "1 minute" })(
        Effect.sync(() => HttpServerResponse.stream(Stream.make(new TextEncoder().encode(`run ${++world.runs}`))))
      )
    ),
    HttpRouter.del("/all", Effect.as(ResponseCache.invalidateTag("all"), HttpServerResponse.empty()))
  )

  const start = Effect.gen(function* () {
    const services = yield* HttpServer.serve(router).pipe(
      Layer.provide(ResponseCache.layer()),
      Layer.provideMerge(BunHttpServer.layer({ hostname: "127.0.0.1", port: 0 })),
      Layer.provide(connected(address)),
      Layer.build
    )
    const { address: bound } = Context.get(services, HttpServer.HttpServer)
    const port = bound._tag === "TcpAddress" ? bound.port : Number.NaN
    return (path: string, init: RequestInit = {}) =>
      Effect.promise(async (signal): Promise<Answer> => {
        // both servers stand behind one name
        const headers = { host: "shop.test", ...init.headers }
        const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal, ...init, headers })
        return { status: response.status, text: await response.text(), headers: response.headers }
      })
  })
  const [one, other] = [yield* start, yield* start]
  return { redis, world, one, other }
})

describe.skipIf(skip !== undefined)(
  `two servers over one Redis${skip === undefined ? "" : ` (skipped: ${skip})`}`,
  () => {
    it.scopedLive("run one handler for 200 requests that arrive together at both", () =>
      Effect.gen(function* () {
        const { one, other, world } = yield* makeWorld
        world.isHeld = true
        const sends = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? one : other)("/fresh"))
        const all = yield* Effect.fork(Effect.all(sends, { concurrency: "unbounded" }))
        yield* until("a handler runs", () => world.runs === 1)
        world.isHeld = false
        expect(new Set((yield* all).map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(["200 run 1"]))
        expect(world.runs).toBe(1)
      })
    )

    it.scopedLive("answer from what the other has stored, until it is invalidated at either", () =>
      Effect.gen(function* () {
        const { one, other, world } = yield* makeWorld
        yield* one("/fresh")
        // a response is stored after it was sent
        yield* until("Redis has the response", () =>
          Effect.map(one("/fresh"), ({ headers }) => headers.get("cache-status")?.includes("; hit;") === true)
        )
        const hit = yield* other("/fresh")
        expect([hit.text, hit.headers.get("cache-status")]).toEqual([
          "run 1",
          expect.stringMatching(/^effect-cache-toolkit; hit; ttl=(59|60); detail=redis$/)
        ])
        const etag = hit.headers.get("etag") ?? ""
        expect((yield* other("/fresh", { headers: { "if-none-match": etag } })).status).toBe(304)
        const head = yield* one("/fresh", { method: "HEAD" })
        expect([head.status, head.text, head.headers.get("content-length"), head.headers.get("etag")]).toEqual([
          200,
          "",
          "5",
          etag
        ])
        expect(hit.headers.get("date")).toBe(head.headers.get("date"))
        expect(world.runs).toBe(1)
        yield* other("/all", { method: "DELETE" })
        expect((yield* one("/fresh")).text).toBe("run 2")
        expect((yield* other("/fresh")).text).toBe("run 2")
      })
    )

    it.scopedLive("revalidate in the background with the request that has ended", () =>
      Effect.gen(function* () {
        const { one, world } = yield* makeWorld
        yield* one("/while-revalidate?a=1")
        const stale = yield* one("/while-revalidate?a=1", { headers: { "accept-language": "sv" } })
        expect([stale.text, stale.headers.get("cache-status")]).toEqual([
          "run 1",
          expect.stringContaining("detail=stale")
        ])
        yield* until("the handler has run again", () => world.runs === 2)
        expect(world.urls[1]).toBe("/while-revalidate?a=1 sv")
        yield* until("the new response is served", () =>
          Effect.map(one("/while-revalidate?a=1"), ({ text }) => text !== "run 1")
        )
      })
    )

    it.scopedLive("serve the last response while their handlers fail", () =>
      Effect.gen(function* () {
        const { one, other, world } = yield* makeWorld
        yield* one("/if-error")
        world.isBroken = true
        for (const server of [one, other]) {
          const stale = yield* server("/if-error")
          expect([stale.status, stale.text]).toEqual([200, "run 1"])
        }
        expect((yield* one("/fresh")).status).toBe(503)
      })
    )

    it.scopedLive("answer by their handlers while Redis is away, and from it when it is back", () =>
      Effect.gen(function* () {
        const { one, redis, world } = yield* makeWorld
        yield* one("/fresh")
        yield* redis.kill
        world.isHeld = true
        const all = yield* Effect.fork(
          Effect.all(
            Array.from({ length: 50 }, () => one("/fresh")),
            { concurrency: "unbounded" }
          )
        )
        yield* until("a handler runs", () => world.runs === 2)
        world.isHeld = false
        expect((yield* all).every(({ status, text }) => status === 200 && text.startsWith("run "))).toBe(true)
        // one in this process for all requests that wait for it; a request that arrives later has another one
        expect(world.runs).toBeLessThan(10)
        yield* redis.start()
        yield* until("responses are stored again", () =>
          Effect.map(one("/fresh"), ({ headers }) => headers.get("cache-status")?.includes("hit") === true)
        )
      })
    )

    it.scopedLive("stream what is not stored, and answer others when the client that came first is gone", () =>
      Effect.gen(function* () {
        const { one, world } = yield* makeWorld
        expect([(yield* one("/stream")).text, (yield* one("/stream")).text]).toEqual(["run 1", "run 2"])
        world.isHeld = true
        const first = yield* Effect.fork(one("/fresh"))
        yield* until("a handler runs", () => world.runs === 3)
        const second = yield* Effect.fork(one("/fresh"))
        const third = yield* Effect.fork(one("/fresh"))
        yield* first.interruptAsFork(first.id())
        world.isHeld = false
        expect([(yield* second).status, (yield* third).status]).toEqual([200, 200])
      })
    )
  }
)
