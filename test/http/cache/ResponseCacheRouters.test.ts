import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as BunHttpServer from "@effect/platform-bun/BunHttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { MemoryRedis } from "effect-cache-toolkit"
import { ResponseCache } from "effect-cache-toolkit/http-cache"

class Missing extends Schema.TaggedError<Missing>()("Missing", {}) {}

const Api = HttpApi.make("shop").add(
  HttpApiGroup.make("articles")
    .add(
      HttpApiEndpoint.get("article", "/articles/:id")
        .setPath(Schema.Struct({ id: Schema.NumberFromString }))
        .addSuccess(Schema.Struct({ id: Schema.Number, run: Schema.Number }))
        .addError(Missing, { status: 404 })
    )
    .add(HttpApiEndpoint.del("remove", "/tags/:tag").setPath(Schema.Struct({ tag: Schema.String })))
)

const get = (handle: (request: Request) => Promise<Response>, path: string, method = "GET") =>
  Effect.promise(async () => {
    const response = await handle(new Request(`http://shop.test${path}`, { method, headers: { host: "shop.test" } }))
    return { status: response.status, text: await response.text(), headers: response.headers }
  })

describe("the cache of an HttpApi", () => {
  it.scopedLive("stores what a handler declares, and no error", () =>
    Effect.gen(function* () {
      let runs = 0
      const articles = HttpApiBuilder.group(Api, "articles", (handlers) =>
        handlers
          .handle("article", ({ path: { id } }) =>
            Effect.zipRight(
              ResponseCache.declare({ timeToLive: "10 minutes", tags: [`article:${id}`] }),
              Effect.suspend(() => {
                runs += 1
                return id === 0 ? Effect.fail(new Missing()) : Effect.succeed({ id, run: runs })
              })
            )
          )
          .handle("remove", ({ path: { tag } }) => Effect.asVoid(ResponseCache.invalidateTag(tag)))
      )
      let handle: (request: Request) => Promise<Response> = () => Promise.reject(new Error("nothing is served"))
      const server = HttpServer.make({
        address: { _tag: "UnixAddress", path: "" },
        serve: (app) =>
          Effect.map(Effect.runtime<never>(), (runtime) => {
            handle = HttpApp.toWebHandlerRuntime(runtime)(app)
          })
      })
      yield* Layer.build(
        ResponseCache.serveApi().pipe(
          Layer.provide(HttpApiBuilder.api(Api).pipe(Layer.provide(articles))),
          Layer.provide([ResponseCache.layer(), Layer.succeed(HttpServer.HttpServer, server)]),
          Layer.provide([MemoryRedis.layer(), HttpServer.layerContext])
        )
      )
      const first = yield* get(handle, "/articles/1")
      expect([first.status, first.text, first.headers.get("cache-control")]).toEqual([
        200,
        `{"id":1,"run":1}`,
        "max-age=0, must-revalidate"
      ])
      expect((yield* get(handle, "/articles/1")).text).toBe(`{"id":1,"run":1}`)
      const missing = [yield* get(handle, "/articles/0"), yield* get(handle, "/articles/0")]
      expect(missing.map(({ status }) => status)).toEqual([404, 404])
      expect(runs).toBe(3)
      yield* get(handle, "/tags/article:1", "DELETE")
      expect((yield* get(handle, "/articles/1")).text).toBe(`{"id":1,"run":4}`)
    })
  )
})

describe("the cache of routes", () => {
  it.scopedLive("reports that it stands where a response has been sent already, and sends it once", () => {
    const log: Array<unknown> = []
    const logger = Logger.make(({ message }) => void log.push(message))
    return Effect.gen(function* () {
      const cache = yield* ResponseCache.make()
      const services = yield* HttpServer.serve(HttpServerResponse.text("sent"), (app) =>
        cache.cached(app, { timeToLive: "1 minute" })
      ).pipe(Layer.provideMerge(BunHttpServer.layer({ hostname: "127.0.0.1", port: 0 })), Layer.build)
      const { address } = Context.get(services, HttpServer.HttpServer)
      const port = address._tag === "TcpAddress" ? address.port : Number.NaN
      const sent = yield* Effect.promise(async () => await (await fetch(`http://127.0.0.1:${port}/a`)).text())
      expect(sent).toBe("sent")
      expect(String(log[0])).toContain("instead of passing ResponseCache.middleware to serve")
    }).pipe(Effect.provide([MemoryRedis.layer(), Logger.replace(Logger.defaultLogger, logger)]))
  })

  it.scopedLive("tells mounted routers apart, and is one cache where it stands inside of another", () =>
    Effect.gen(function* () {
      const runs: Array<string> = []
      const item = (name: string) =>
        HttpRouter.empty.pipe(
          HttpRouter.get(
            "/item",
            ResponseCache.cached({ timeToLive: "1 minute" })(
              Effect.sync(() => HttpServerResponse.text(`${name} ${runs.push(name)}`))
            )
          )
        )
      const router = HttpRouter.empty.pipe(HttpRouter.mount("/a", item("a")), HttpRouter.mount("/b", item("b")))
      const cache = yield* ResponseCache.make()
      const plain = router.pipe(
        Effect.catchTag("RouteNotFound", () => HttpServerResponse.empty({ status: 404 })),
        Effect.provideService(ResponseCache.ResponseCache, cache)
      )
      for (const app of [plain, cache.cached(plain)]) {
        const handle = HttpApp.toWebHandlerRuntime(yield* Effect.runtime<never>())(app)
        const texts = yield* Effect.forEach(["/a/item", "/b/item", "/a/item", "/b/item"], (path) =>
          Effect.map(get(handle, path), ({ text }) => text)
        )
        expect(texts.slice(2)).toEqual(texts.slice(0, 2))
        expect(texts.map((text) => text[0])).toEqual(["a", "b", "a", "b"])
        yield* cache.clear
      }
      expect(runs).toEqual(["a", "b", "a", "b"])
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})
