import { HttpApp, HttpClient, HttpClientResponse, HttpRouter, HttpServerResponse } from "@effect/platform"
import { Console, Effect, Layer } from "effect"
import { MemoryRedis } from "effect-cache-toolkit"
import { CachedHttpClient, ResponseCache } from "effect-cache-toolkit/http-cache"

let titles = { "1": "Snow" } as Record<string, string>
let runs = 0

const router = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/articles/:id",
    HttpRouter.params.pipe(
      Effect.tap(({ id }) => ResponseCache.tag(`article:${id}`)),
      Effect.flatMap(({ id = "" }) => HttpServerResponse.json({ title: titles[id], run: ++runs })),
      // this cache answers for 10 minutes; clients revalidate by the ETag
      ResponseCache.cached({ timeToLive: "10 minutes", staleIfError: "1 hour" })
    )
  ),
  HttpRouter.put(
    "/articles/:id",
    HttpRouter.params.pipe(
      Effect.tap(({ id = "" }) => {
        titles = { ...titles, [id]: "Rain" }
        return ResponseCache.invalidateTag(`article:${id}`)
      }),
      Effect.zipRight(HttpServerResponse.empty())
    )
  )
)

const server = Effect.gen(function* () {
  const runtime = yield* Effect.runtime<ResponseCache.ResponseCache>()
  const handle = HttpApp.toWebHandlerRuntime(runtime)(router)
  const send = (method: string, headers: Record<string, string> = {}) =>
    Effect.promise(() => handle(new Request("http://localhost/articles/1", { method, headers })))
  const first = yield* send("GET")
  const second = yield* send("GET", { "if-none-match": first.headers.get("etag") ?? "" })
  yield* send("PUT")
  const third = yield* send("GET")
  yield* Console.log(`${first.status}, ${second.status}, ${third.status} by ${runs} runs`) // 200, 304, 200 by 2 runs
  yield* Console.log(third.headers.get("cache-status")) // effect-cache-toolkit; fwd=uri-miss; fwd-status=200; ttl=600; stored
  if (second.status !== 304 || runs !== 2) return yield* Effect.dieMessage("not as it should be")
})

const client = Effect.gen(function* () {
  const api = yield* HttpClient.HttpClient
  const rate = yield* Effect.flatMap(api.get("https://api.example.org/rates"), ({ json }) => json)
  const again = yield* Effect.flatMap(api.get("https://api.example.org/rates"), ({ json }) => json)
  yield* Console.log(rate, again) // 1 1
})

let requests = 0
/** In place of `FetchHttpClient.layer`. */
const Remote = Layer.succeed(
  HttpClient.HttpClient,
  HttpClient.make((request) =>
    Effect.sync(() => {
      const headers = { "cache-control": "max-age=60", "content-type": "application/json" }
      return HttpClientResponse.fromWeb(request, new Response(String(++requests), { headers }))
    })
  )
)

const ServerLive = ResponseCache.layer({ local: { capacity: 1_000, timeToLive: "5 seconds" } })
const ClientLive = Layer.provide(CachedHttpClient.layer({ stale: { ifError: "10 minutes" } }), Remote)

Effect.runPromise(
  Effect.zipRight(server, client).pipe(
    Effect.provide(Layer.provide(Layer.merge(ServerLive, ClientLive), MemoryRedis.layer()))
  )
)
