/**
 * Handles the health checks: one for a supervisor that restarts the process, one for an operator who looks for the
 * cause.
 *
 * @since 0.1.0
 */

import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CacheService } from "../../game/CacheService.js"
import { Database } from "../../game/Database.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import { version } from "../../internal/Version.js"
import { RedisClient } from "../../redis/RedisClient.js"
import type { NodeStatus, RedisStatus } from "../../redis/RedisStatus.js"
import { Api } from "../contract/Api.js"
import * as Handling from "../middleware/Handling.js"
import * as DependencyHealth from "../router/DependencyHealth.js"
import * as HealthProbes from "../router/HealthProbes.js"
import { ApiToken } from "../token/ApiToken.js"

const describeNode = ({ address, circuit, latency, slots, state }: NodeStatus) => ({
  address,
  state: state._tag,
  circuit,
  latencyMillis: Option.getOrNull(Option.map(latency, Duration.toMillis)),
  slots
})

const describeRedis = (status: RedisStatus, available: boolean) => ({
  state: status.state._tag,
  available,
  connected: status.connected,
  latencyMillis: Option.getOrNull(Option.map(status.latency, Duration.toMillis)),
  bufferedAmount: status.bufferedAmount,
  server: Option.getOrNull(status.server),
  cause: "cause" in status.state ? status.state.cause.message : null,
  limitations: status.limitations ?? [],
  nodes: status.nodes?.map(describeNode)
})

/** Whether every server takes commands. A cluster without one of its primaries still is available. */
const isWhole = ({ nodes = [], state }: RedisStatus): boolean =>
  state._tag === "Connected" && nodes.every(({ circuit }) => circuit === "Closed")

/**
 * Handles the endpoints of the group.
 *
 * @since 0.1.0
 * @category handlers
 */
export const layer = HttpApiBuilder.group(Api, "health", (handlers) =>
  Effect.gen(function* () {
    const cache = yield* CacheService
    const { ping } = yield* Database
    const databaseHealth = yield* DependencyHealth.make({ name: "database", ping, isOpen: true })
    const probes = yield* HealthProbes.fromHealth([["database", databaseHealth]])
    const redis = yield* RedisClient
    const token = yield* ApiToken
    const startedAt = yield* MonotonicClock.millis

    const detailed = Effect.gen(function* () {
      // in sequence: none of them waits, and a fiber for each would only add scheduling
      const [ping, status, available, stats, now] = yield* Effect.all([
        databaseHealth,
        redis.getStatus,
        redis.isAvailable,
        cache.getStats,
        MonotonicClock.millis
      ])
      const rest = {
        version,
        uptimeSeconds: Math.floor((now - startedAt) / 1000),
        redis: describeRedis(status, available),
        cache: stats
      }
      return Option.match(ping, {
        onNone: () => ({ status: "down" as const, database: { status: "down" as const }, ...rest }),
        onSome: (latency) => ({
          status: available && isWhole(status) ? ("ok" as const) : ("degraded" as const),
          database: { status: "ok" as const, latencyMillis: Duration.toMillis(latency) },
          ...rest
        })
      })
    })

    return Handling.marked(
      handlers
        .handle("alive", () => Effect.succeed({ status: "ok" as const }))
        .handle("live", () => probes.live)
        .handle("ready", () => probes.ready)
        .handle("startup", () => probes.startup)
        .handle("detailed", ({ request }) =>
          token.check(request) === "Right"
            ? detailed
            : Effect.map(detailed, (health) =>
                health.status === "down" ? { status: health.status } : { status: health.status }
              )
        )
    )
  })
)
