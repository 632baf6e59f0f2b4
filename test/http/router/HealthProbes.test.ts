import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as BunHttpServer from "@effect/platform-bun/BunHttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import { MemoryRedis, RedisClient } from "effect-cache-toolkit"
import { DrainingServer, HealthProbes } from "effect-cache-toolkit/http"
import { until } from "../../support/until.js"

/** An application of its own: a router with probes and one slow route, on a server that drains. */
const start = (redis: Layer.Layer<RedisClient.RedisClient>, options: HealthProbes.Options) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const started = yield* Deferred.make<void>()
    const answer = yield* Deferred.make<void>()
    const slowAnswer = Deferred.succeed(started, undefined).pipe(
      Effect.zipRight(Deferred.await(answer)),
      Effect.as(HttpServerResponse.text("in time"))
    )
    const services = yield* HttpRouter.Default.serve().pipe(
      Layer.provide([
        HealthProbes.layer(HttpRouter.Default, options),
        HttpRouter.Default.use((router) => router.get("/slow", slowAnswer))
      ]),
      Layer.provide(HttpRouter.Default.Live),
      Layer.provideMerge(DrainingServer.layer(BunHttpServer.make({ hostname: "127.0.0.1", port: 0 }))),
      Layer.provide([redis, BunHttpServer.layerContext]),
      Layer.buildWithScope(scope)
    )
    const { address } = Context.get(services, HttpServer.HttpServer)
    const origin = `http://127.0.0.1:${address._tag === "TcpAddress" ? address.port : Number.NaN}`
    const get = (path: string) =>
      Effect.promise(async () => {
        const response = await fetch(`${origin}${path}`)
        return [response.status, await response.text()] as const
      })
    return {
      drain: Context.get(services, DrainingServer.Drain),
      started: Deferred.await(started),
      answer: Deferred.succeed(answer, undefined),
      get,
      probe: (name: string) =>
        Effect.map(get(`/health/${name}`), ([status, text]): [number, unknown] => [status, JSON.parse(text)]),
      close: Scope.close(scope, Exit.void)
    }
  })

describe("the probes of an application", () => {
  it.live("starts once its checks pass, and is ready while Redis is away", () =>
    Effect.gen(function* () {
      const isUp = yield* Ref.make(false)
      const database = Effect.filterOrFail(
        Ref.get(isUp),
        (up) => up,
        () => ({ message: "no answer" })
      )
      const app = yield* start(RedisClient.layerOff, { checks: { database } })
      expect(yield* app.probe("live")).toEqual([200, { status: "ok" }])
      expect(yield* app.probe("ready")).toEqual([503, { status: "down", failed: ["database"] }])
      expect(yield* app.probe("startup")).toEqual([503, { status: "starting", failed: ["database"] }])
      yield* Ref.set(isUp, true)
      yield* until("the check passes", () => Effect.map(app.probe("ready"), ([status]) => status === 200))
      expect(yield* app.probe("ready")).toEqual([200, { status: "degraded" }])
      expect(yield* app.probe("startup")).toEqual([200, { status: "ok" }])
      yield* Ref.set(isUp, false)
      yield* until("the check fails", () => Effect.map(app.probe("ready"), ([status]) => status === 503))
      expect(yield* app.probe("startup")).toEqual([200, { status: "ok" }])
      yield* app.close
    })
  )

  it.live("is ready while Redis answers, and counts the requests in flight until the server has ended", () =>
    Effect.gen(function* () {
      const app = yield* start(MemoryRedis.layer(), {})
      expect(yield* app.probe("ready")).toEqual([200, { status: "ok" }])
      const slow = yield* Effect.fork(app.get("/slow"))
      yield* app.started
      expect([yield* app.drain.hasBegun, yield* app.drain.inFlight]).toEqual([false, 1])
      const closing = yield* Effect.fork(app.close)
      yield* until("the server ends", () => app.drain.hasBegun)
      yield* app.answer
      expect(yield* Fiber.join(slow)).toEqual([200, "in time"])
      yield* Fiber.join(closing)
      expect(yield* app.drain.inFlight).toBe(0)
    })
  )

  it.effect("is not ready from the moment in which the server ends", () =>
    Effect.gen(function* () {
      const drain = DrainingServer.Drain.of({ hasBegun: Effect.succeed(true), inFlight: Effect.succeed(1) })
      const { live, ready } = yield* Effect.provideService(HealthProbes.make(), DrainingServer.Drain, drain)
      expect(yield* ready).toEqual({ status: "ending", failed: [] })
      expect(yield* live).toEqual({ status: "ok" })
    }).pipe(Effect.scoped, Effect.provide(RedisClient.layerOff))
  )
})
