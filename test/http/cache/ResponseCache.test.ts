import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { MemoryRedis } from "effect-cache-toolkit"
import { ResponseCache } from "effect-cache-toolkit/http-cache"
import { until } from "../../support/until.js"

interface Sent {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** Serves an app in memory. */
const serve = <E>(app: HttpApp.Default<E, Scope.Scope>) =>
  Effect.map(Effect.runtime<never>(), (runtime) => {
    const handle = HttpApp.toWebHandlerRuntime(runtime)(app)
    return (path: string, { body, headers = {}, method = "GET" }: Sent = {}) =>
      Effect.promise(async () => {
        const request = new Request(`http://shop.test${path}`, {
          method,
          headers: { host: "shop.test", ...headers },
          body: body ?? null
        })
        const response = await handle(request)
        const text = await response.text()
        const status = response.headers.get("cache-status") ?? ""
        return {
          status: response.status,
          text,
          headers: response.headers,
          cacheStatus: status.replace(/; ttl=\d+/, "")
        }
      })
  })

/** A cached handler that counts its runs and answers with their number. */
const counted = Effect.fnUntraced(function* (
  respond: (run: number, request: HttpServerRequest.HttpServerRequest) => HttpApp.Default<never, Scope.Scope>,
  options: ResponseCache.Options = {},
  declaration?: ResponseCache.Declaration
) {
  const cache = yield* ResponseCache.make(options)
  const runs = { count: 0 }
  const app = Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    runs.count += 1
    return respond(runs.count, request)
  })
  const send = yield* serve(cache.cached(app, declaration))
  return { cache, runs, send }
})

const text = (body: string, headers: Record<string, string> = {}) =>
  HttpServerResponse.text(body, { headers: { "cache-control": "max-age=60", ...headers } })

const hit = "effect-cache-toolkit; hit; detail=redis"

describe("the cache of a server", () => {
  it.scoped("answers a repeated request without running its handler, and says so", () =>
    Effect.gen(function* () {
      const { runs, send } = yield* counted((run) => text(`run ${run}`))
      const first = yield* send("/a?page=1")
      expect([first.status, first.text, first.cacheStatus]).toEqual([
        200,
        "run 1",
        "effect-cache-toolkit; fwd=uri-miss; fwd-status=200; stored"
      ])
      yield* TestClock.adjust("10 seconds")
      const second = yield* send("/a?page=1")
      expect([second.text, second.headers.get("content-type"), second.cacheStatus]).toEqual([
        "run 1",
        "text/plain",
        hit
      ])
      expect(second.headers.get("age")).toMatch(/^(9|10)$/)
      expect(second.headers.get("cache-status")).toMatch(/ttl=50/)
      expect((yield* send("/a?page=2")).text).toBe("run 2")
      expect((yield* send("/a?page=1", { headers: { host: "other.test" } })).text).toBe("run 3")
      expect(runs.count).toBe(3)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("runs one handler for 200 requests that arrive together", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { runs, send } = yield* counted((run) => Effect.as(Deferred.await(gate), text(`run ${run}`)))
      const all = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 200 }, () => send("/a")),
          { concurrency: 200 }
        )
      )
      yield* until("the handler runs", () => runs.count === 1)
      yield* Effect.yieldNow()
      yield* Deferred.succeed(gate, undefined)
      const answers = yield* all
      expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(["run 1"]))
      expect(answers.filter(({ cacheStatus }) => cacheStatus.includes("collapsed")).length).toBe(199)
      expect(runs.count).toBe(1)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("answers 304 by the ETag that it adds, and HEAD from the stored GET", () =>
    Effect.gen(function* () {
      const { runs, send } = yield* counted((run) => text(`run ${run}`))
      const etag = (yield* send("/a")).headers.get("etag") ?? ""
      expect(etag).toMatch(/^W\/"[\w-]{22}"$/)
      const conditional = yield* send("/a", { headers: { "if-none-match": etag } })
      expect([conditional.status, conditional.text, conditional.headers.get("etag")]).toEqual([304, "", etag])
      // a client that has it already gets the 304 of the first response too
      const other = yield* send("/b", { headers: { "if-none-match": '"other"' } })
      expect(other.status).toBe(200)
      const head = yield* send("/a", { method: "HEAD" })
      expect([head.status, head.text, head.headers.get("content-length")]).toEqual([200, "", "5"])
      expect(runs.count).toBe(2)
      expect((yield* send("/c", { method: "HEAD" })).cacheStatus).toBe("effect-cache-toolkit; fwd=method")
      expect((yield* send("/c")).text).toBe("run 4")
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("keeps variants apart by the fields of Vary, and stores the first one too", () =>
    Effect.gen(function* () {
      const { runs, send } = yield* counted((_, { headers }) =>
        text(headers["accept-language"] ?? "none", { vary: "Accept-Language" })
      )
      const inLanguage = (language: string) => send("/a", { headers: { "accept-language": language } })
      const texts = yield* Effect.forEach(["sv", "de", "sv", "de", "DE"], inLanguage)
      expect(texts.map(({ text }) => text)).toEqual(["sv", "de", "sv", "de", "de"])
      expect(texts.map(({ cacheStatus }) => cacheStatus).slice(1, 3)).toEqual([
        "effect-cache-toolkit; fwd=vary-miss; fwd-status=200; stored",
        hit
      ])
      expect(runs.count).toBe(2)
      const together = yield* Effect.all(
        Array.from({ length: 50 }, () => send("/b", { headers: { "accept-language": "fi" } })),
        { concurrency: 50 }
      )
      expect(new Set(together.map(({ text }) => text))).toEqual(new Set(["fi"]))
      expect(runs.count).toBe(3)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("learns that responses vary on more fields than the first one said", () =>
    Effect.gen(function* () {
      const { runs, send } = yield* counted((_, { headers }) =>
        text(`${headers.a}${headers.b}`, { vary: headers.a === "2" ? "a, b" : "a" })
      )
      const get = (a: string, b: string) => Effect.map(send("/a", { headers: { a, b } }), ({ text }) => text)
      const pairs: ReadonlyArray<readonly [string, string]> = [
        ["1", "x"],
        ["2", "x"],
        ["2", "y"],
        ["2", "x"],
        ["2", "y"],
        ["1", "x"],
        ["1", "x"]
      ]
      for (const [a, b] of pairs) expect(yield* get(a, b)).toBe(a + b)
      const before = runs.count
      for (const [a, b] of pairs) expect(yield* get(a, b)).toBe(a + b)
      expect(runs.count).toBe(before)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("serves a stale response while one request revalidates it in the background", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let isOpen = false
      const resource = Effect.acquireRelease(
        Effect.sync(() => {
          isOpen = true
        }),
        () =>
          Effect.sync(() => {
            isOpen = false
          })
      )
      const { runs, send } = yield* counted((run) =>
        Effect.gen(function* () {
          yield* resource
          if (run > 1) yield* Deferred.await(gate)
          // the scope of the request has ended, and that of the handler has not
          const body = isOpen ? `run ${run}` : "closed"
          return yield* text(body, { "cache-control": "max-age=10, stale-while-revalidate=30" })
        })
      )
      yield* send("/a")
      yield* TestClock.adjust("15 seconds")
      const stale = yield* Effect.all([send("/a"), send("/a"), send("/a")], { concurrency: 3 })
      expect(stale.map(({ headers, text }) => [text, headers.get("cache-status")])[0]).toEqual([
        "run 1",
        "effect-cache-toolkit; hit; ttl=-5; detail=stale"
      ])
      yield* until("the revalidation runs", () => runs.count === 2)
      yield* Deferred.succeed(gate, undefined)
      yield* until("the new response is served", () => Effect.map(send("/a"), ({ text }) => text === "run 2"))
      expect(runs.count).toBe(2)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scopedLive("ends while a revalidation in the background still runs", () =>
    Effect.gen(function* () {
      let isInterrupted = false
      const respond = (run: number) =>
        run === 1
          ? text("run 1", { "cache-control": "max-age=0, stale-while-revalidate=30" })
          : Effect.onInterrupt(Effect.never, () =>
              Effect.sync(() => {
                isInterrupted = true
              })
            )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { runs, send } = yield* counted(respond)
          yield* send("/a")
          yield* send("/a")
          yield* until("the revalidation runs", () => runs.count === 2)
        })
      )
      expect(isInterrupted).toBe(true)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("serves a stale response when its handler fails, within stale-if-error and no longer", () =>
    Effect.gen(function* () {
      let isBroken = false
      const { send } = yield* counted((run) =>
        isBroken
          ? run % 2 === 0
            ? Effect.succeed(HttpServerResponse.text("broken", { status: 503 }))
            : Effect.die("broken")
          : text(`run ${run}`, { "cache-control": "max-age=10, stale-if-error=60" })
      )
      yield* send("/a")
      isBroken = true
      yield* TestClock.adjust("20 seconds")
      for (const attempt of [1, 2]) {
        const stale = yield* send("/a")
        expect([attempt, stale.status, stale.text]).toEqual([attempt, 200, "run 1"])
        expect(stale.cacheStatus).toContain("detail=stale-if-error")
        yield* TestClock.adjust("2 seconds")
      }
      yield* TestClock.adjust("60 seconds")
      expect((yield* send("/a")).status).toBeGreaterThanOrEqual(500)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("revalidates by the ETag of a handler, which may answer 304", () =>
    Effect.gen(function* () {
      const { runs, send } = yield* counted((run, { headers }) =>
        headers["if-none-match"] === '"v1"'
          ? HttpServerResponse.empty({ status: 304, headers: { "x-run": String(run), "cache-control": "max-age=10" } })
          : text(`run ${run}`, { etag: '"v1"', "cache-control": "max-age=10" })
      )
      yield* send("/a")
      yield* TestClock.adjust("11 seconds")
      const validated = yield* send("/a")
      expect([validated.status, validated.text, validated.headers.get("x-run")]).toEqual([200, "run 1", "2"])
      expect(validated.cacheStatus).toBe("effect-cache-toolkit; fwd=stale; fwd-status=304; stored")
      expect((yield* send("/a")).cacheStatus).toBe(hit)
      expect(runs.count).toBe(2)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("passes a body by that streams, or is too long, and ends its scope with the request", () =>
    Effect.gen(function* () {
      const ended: Array<string> = []
      const { runs, send } = yield* counted(
        (run, { url }) =>
          Effect.as(
            Effect.addFinalizer(() => Effect.sync(() => ended.push(url))),
            url === "/stream"
              ? HttpServerResponse.stream(
                  Stream.fromEffect(Effect.sync(() => new TextEncoder().encode(`run ${run}, ended ${ended.length}`))),
                  {
                    headers: { "cache-control": "max-age=60" }
                  }
                )
              : text("x".repeat(101))
          ),
        { store: { maxBodyBytes: 100 } }
      )
      const streamed = yield* send("/stream")
      expect([streamed.text, streamed.cacheStatus]).toEqual([
        "run 1, ended 0",
        "effect-cache-toolkit; fwd=uri-miss; detail=stream"
      ])
      yield* until("the scope has ended", () => ended.length === 1)
      expect((yield* send("/stream")).text).toMatch(/^run 2/)
      expect((yield* send("/long")).cacheStatus).toBe("effect-cache-toolkit; fwd=uri-miss; detail=too-long")
      yield* until("the scopes have ended", () => ended.length === 3)
      expect(runs.count).toBe(3)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("logs in its handler with the annotations of the request", () =>
    Effect.gen(function* () {
      const annotations: Array<unknown> = []
      const cache = yield* ResponseCache.make()
      const handler = Effect.map(Effect.logAnnotations, (found) => {
        annotations.push(...found)
        return text("hello")
      })
      const app = Effect.annotateLogs(cache.cached(Effect.flatten(handler)), "id", 7)
      yield* (yield* serve(app))("/a")
      expect(annotations).toEqual([["id", 7]])
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("reads nothing for a URL whose last response was not stored", () =>
    Effect.gen(function* () {
      const { cache, send } = yield* counted((run) => Effect.succeed(HttpServerResponse.text(`run ${run}`)))
      yield* send("/a")
      const { misses } = yield* cache.stats
      expect((yield* send("/a")).cacheStatus).toBe("effect-cache-toolkit; fwd=uri-miss; detail=no-freshness")
      expect((yield* cache.stats).misses).toBe(misses)
      yield* TestClock.adjust("10 seconds")
      yield* send("/a")
      expect((yield* cache.stats).misses).toBeGreaterThan(misses)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("passes errors of handlers unchanged, and stores none of them", () =>
    Effect.gen(function* () {
      const cache = yield* ResponseCache.make()
      let runs = 0
      const app = cache.cached(
        Effect.suspend(() => Effect.fail({ _tag: "Missing" as const, run: ++runs })),
        {
          timeToLive: "1 minute"
        }
      )
      const request = HttpServerRequest.fromWeb(new Request("http://shop.test/a"))
      const run = Effect.exit(Effect.provideService(app, HttpServerRequest.HttpServerRequest, request))
      for (const expected of [1, 2]) {
        const exit = yield* run
        const failure = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
        expect(failure).toEqual({ _tag: "Missing", run: expected })
      }
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})

describe("what a route and its handler declare", () => {
  const routes = (runs: Array<string>) =>
    HttpRouter.empty.pipe(
      HttpRouter.get(
        "/articles/:id",
        HttpRouter.params.pipe(
          Effect.tap(({ id }) => ResponseCache.tag(`article:${id}`)),
          Effect.map(({ id = "" }) => {
            runs.push(id)
            return HttpServerResponse.text(`${id}, run ${runs.length}`)
          }),
          ResponseCache.cached({ timeToLive: "10 minutes", clientTimeToLive: "5 seconds" })
        )
      ),
      HttpRouter.get(
        "/plain",
        Effect.sync(() => HttpServerResponse.text(`${runs.push("plain")}`))
      ),
      HttpRouter.put(
        "/tags/:tag",
        HttpRouter.params.pipe(
          Effect.flatMap(({ tag = "" }) => ResponseCache.invalidateTag(tag)),
          Effect.zipRight(HttpServerResponse.empty())
        )
      ),
      HttpRouter.put("/articles/:id", HttpServerResponse.empty()),
      HttpRouter.post("/articles", HttpServerResponse.empty({ status: 201, headers: { location: "/articles/2?x=1" } }))
    )

  it.scoped("decides how long this cache and those of clients keep a response, and its tags", () =>
    Effect.gen(function* () {
      const runs: Array<string> = []
      const cache = yield* ResponseCache.make()
      const router = Effect.catchTag(routes(runs), "RouteNotFound", () => HttpServerResponse.empty({ status: 404 }))
      const send = yield* serve(
        Effect.provideService(ResponseCache.middleware(router), ResponseCache.ResponseCache, cache)
      )
      const get = (path: string) => Effect.map(send(path), ({ text }) => text)
      const first = yield* send("/articles/1")
      expect([first.text, first.headers.get("cache-control")]).toEqual(["1, run 1", "max-age=5"])
      yield* get("/articles/2?x=1")
      yield* TestClock.adjust("5 minutes")
      expect([yield* get("/articles/1"), yield* get("/articles/2?x=1")]).toEqual(["1, run 1", "2, run 2"])
      // a tag
      yield* send("/tags/article:1", { method: "PUT" })
      expect([yield* get("/articles/1"), yield* get("/articles/2?x=1")]).toEqual(["1, run 3", "2, run 2"])
      // the path of a request that changes it, whatever its query
      yield* send("/articles/2", { method: "PUT" })
      expect(yield* get("/articles/2?x=1")).toBe("2, run 4")
      // the location that a response names
      yield* send("/articles", { method: "POST", body: "new" })
      expect(yield* get("/articles/2?x=1")).toBe("2, run 5")
      // the path, by hand
      yield* cache.invalidate("/articles/1")
      expect(yield* get("/articles/1")).toBe("1, run 6")
      yield* cache.clear
      expect(yield* get("/articles/1")).toBe("1, run 7")
      // without a declaration nothing is stored
      expect([yield* get("/plain"), yield* get("/plain")]).toEqual(["8", "9"])
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("does not store what an invalidation has overtaken while its handler ran", () =>
    Effect.gen(function* () {
      for (const vary of [undefined, "accept-language"]) {
        const gate = yield* Deferred.make<void>()
        const { cache, runs, send } = yield* counted(
          (run) =>
            Effect.zipRight(
              ResponseCache.tag("article"),
              Effect.as(run === 1 ? Deferred.await(gate) : Effect.void, text(`run ${run}`, vary ? { vary } : {}))
            ),
          { name: `http-${vary}` }
        )
        const inLanguage = (language: string) => send("/a", { headers: { "accept-language": language } })
        const first = yield* Effect.fork(inLanguage("sv"))
        yield* until("the handler runs", () => runs.count === 1)
        yield* cache.invalidateTag("article")
        // an entry of the same millisecond would not be trusted either
        yield* TestClock.adjust("1 second")
        yield* Deferred.succeed(gate, undefined)
        expect((yield* first).text).toBe("run 1")
        // another variant comes first: it makes the index by which the variant of the first run would be found
        expect((yield* inLanguage("de")).text).toBe("run 2")
        expect((yield* inLanguage("sv")).text).toBe(vary === undefined ? "run 2" : "run 3")
        expect((yield* inLanguage("de")).text).toBe("run 2")
      }
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})
