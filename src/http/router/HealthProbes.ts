/**
 * The probes of Kubernetes: whether a process lives, whether it takes requests, and whether it has started.
 *
 * A process whose Redis is away is ready, since its caches look values up. Only what a request cannot be answered without
 * takes it off its load balancer.
 *
 * @since 0.2.0
 */
import type * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { RedisClient } from "../../redis/RedisClient.js"
import * as DependencyHealth from "./DependencyHealth.js"
import * as DrainingServer from "./DrainingServer.js"

/**
 * What a request cannot be answered without, by name: a database, and not Redis. A check fails with an error that has a
 * message. It runs at most once at a time, and is given two seconds.
 *
 * @since 0.2.0
 * @category models
 */
export type Checks = Readonly<Record<string, Effect.Effect<unknown, { readonly message: string }>>>

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** the path above `/live`, `/ready` and `/startup`: default `/health` */
  readonly path?: `/${string}` | undefined
  /** what must succeed before requests can be answered: default nothing */
  readonly checks?: Checks | undefined
}

/**
 * The answer of a probe that passes, with 200. `degraded`: Redis is away.
 *
 * @since 0.2.0
 * @category models
 */
export interface Passed {
  readonly status: "ok" | "degraded"
}

/**
 * The answer of a probe that does not pass, with 503. `down`: checks have failed. `ending`: the server of `DrainingServer`
 * ends. `starting`: the checks have not passed yet.
 *
 * @since 0.2.0
 * @category models
 */
export interface Failed {
  readonly status: "down" | "ending" | "starting"
  /** the names of the failed checks */
  readonly failed: ReadonlyArray<string>
}

/**
 * @since 0.2.0
 * @category models
 */
export type ProbeReport = Passed | Failed

/**
 * @since 0.2.0
 * @category models
 */
export interface Probes {
  /** always `ok`: a process that answers lives */
  readonly live: Effect.Effect<Passed>
  readonly ready: Effect.Effect<ProbeReport>
  /** `starting` until the checks have passed once, then `ok` for ever */
  readonly startup: Effect.Effect<ProbeReport>
}

const passed = (status: Passed["status"]): ProbeReport => ({ status })
const failedWith = (status: Failed["status"], failed: ReadonlyArray<string> = []): ProbeReport => ({ status, failed })

/**
 * Builds the probes over health checks that answer a latency, or none while the dependency is down.
 *
 * @since 0.2.0
 * @category constructors
 */
export const fromHealth = (
  health: ReadonlyArray<readonly [name: string, latency: Effect.Effect<Option.Option<unknown>>]>
): Effect.Effect<Probes, never, RedisClient> =>
  Effect.gen(function* () {
    const redis = yield* RedisClient
    const drain = yield* Effect.serviceOption(DrainingServer.Drain)
    let hasStarted = false

    const failedChecks = Effect.map(
      Effect.forEach(
        health,
        ([name, latency]) => Effect.map(latency, (found) => (Option.isSome(found) ? [] : [name])),
        {
          concurrency: "unbounded"
        }
      ),
      (failed) => failed.flat()
    )
    const ready = Effect.gen(function* () {
      if (Option.isSome(drain) && (yield* drain.value.hasBegun)) return failedWith("ending")
      const failed = yield* failedChecks
      if (failed.length > 0) return failedWith("down", failed)
      hasStarted = true
      return passed((yield* redis.isAvailable) ? "ok" : "degraded")
    })
    const startup = Effect.suspend(() =>
      hasStarted
        ? Effect.succeed(passed("ok"))
        : Effect.map(failedChecks, (failed) => {
            hasStarted = failed.length === 0
            return hasStarted ? passed("ok") : failedWith("starting", failed)
          })
    )
    return { live: Effect.succeed({ status: "ok" as const }), ready, startup }
  })

/**
 * Builds the probes, for a server that answers them itself.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ checks = {} }: Options = {}): Effect.Effect<Probes, never, RedisClient | Scope.Scope> =>
  Effect.flatMap(
    Effect.forEach(Object.entries(checks), ([name, ping]) =>
      Effect.map(DependencyHealth.make({ name, ping, isOpen: false }), (latency) => [name, latency] as const)
    ),
    fromHealth
  )

const answer = (probe: Effect.Effect<ProbeReport>) =>
  Effect.flatMap(probe, (report) =>
    Effect.orDie(
      HttpServerResponse.json(report, {
        status: "failed" in report ? 503 : 200,
        headers: { "cache-control": "no-store" }
      })
    )
  )

/**
 * Adds `GET /health/live`, `/health/ready` and `/health/startup` to a router. They answer `ProbeReport` as JSON, 200 or 503,
 * and need no token.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { HttpRouter } from "@effect/platform"
 * import { HealthProbes } from "effect-cache-toolkit/http"
 * import { Effect, Layer } from "effect"
 *
 * const pingDatabase = Effect.fail({ message: "the database does not answer" })
 *
 * const probes = HealthProbes.layer(HttpRouter.Default, { checks: { database: pingDatabase } })
 *
 * // Layer<never, never, HttpServer | RedisClient>
 * const server = HttpRouter.Default.serve().pipe(Layer.provide(probes))
 */
export const layer = <Self, Name extends string, E, R>(
  router: HttpRouter.HttpRouter.TagClass<Self, Name, E, R>,
  options: Options = {}
): Layer.Layer<never, never, RedisClient> =>
  router.use((router) =>
    Effect.gen(function* () {
      const { live, ready, startup } = yield* make(options)
      const path = options.path ?? "/health"
      yield* router.get(`${path}/live`, answer(live))
      yield* router.get(`${path}/ready`, answer(ready))
      yield* router.get(`${path}/startup`, answer(startup))
    })
  )
