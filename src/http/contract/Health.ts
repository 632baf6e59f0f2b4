/**
 * The responses of the detailed health check.
 *
 * @since 0.1.0
 */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Schema from "effect/Schema"
import { CacheSummary } from "../../game/CacheServiceStats.js"
import { version } from "../../internal/Version.js"
import * as Examples from "./Examples.js"

const state = Schema.Literal("Connecting", "Connected", "Reconnecting", "Unavailable", "Disabled")
const latencyMillis = Schema.NullOr(Schema.Number).annotations({ description: "round trip of the last heartbeat" })
const slot = Schema.Int.pipe(Schema.between(0, 16_383))

const node = Schema.Struct({
  address: Schema.String,
  state,
  circuit: Schema.Literal("Closed", "Open", "HalfOpen"),
  latencyMillis,
  slots: Schema.Array(Schema.Tuple(slot, slot)).annotations({ description: "the first and the last of each range" })
})

const limitation = Schema.Struct({
  command: Schema.Literal("EVAL", "TIME"),
  reason: Schema.Literal("Unknown", "NoPermission"),
  advice: Schema.String.annotations({ description: "what does not work, and what to do" })
})

const redis = Schema.Struct({
  state,
  available: Schema.Boolean,
  connected: Schema.Boolean,
  latencyMillis,
  bufferedAmount: Schema.Int.annotations({ description: "bytes that the socket has not taken yet" }),
  server: Schema.NullOr(Schema.Struct({ name: Schema.String, version: Schema.String })),
  cause: Schema.NullOr(Schema.String).annotations({ description: "why it is not connected" }),
  limitations: Schema.Array(limitation).annotations({ description: "what the toolkit needs and the server refuses" }),
  nodes: Schema.optional(Schema.Array(node)).annotations({ description: "the primaries of a cluster" })
})

const common = {
  version: Schema.String,
  uptimeSeconds: Schema.Int,
  redis,
  cache: CacheSummary
}

const example = {
  version,
  uptimeSeconds: 3600,
  redis: {
    state: "Connected",
    available: true,
    connected: true,
    latencyMillis: 0.4,
    bufferedAmount: 0,
    server: { name: "Dragonfly", version: "1.40.1" },
    cause: null,
    limitations: []
  },
  cache: Examples.summary
} as const

const serving = { status: Schema.Literal("ok", "degraded") }
const down = { status: Schema.Literal("down") }

/**
 * Reads are answered: `ok`, or `degraded` while Redis, or a primary of a cluster, is unavailable. A request without the token learns only the
 * status.
 *
 * @since 0.1.0
 * @category models
 */
export const Serving = Schema.Union(
  Schema.Struct({
    ...serving,
    database: Schema.Struct({ status: Schema.Literal("ok"), latencyMillis: Schema.Number }),
    ...common
  }).annotations({
    identifier: "HealthServing",
    examples: [{ status: "ok", database: { status: "ok", latencyMillis: 0.2 }, ...example }]
  }),
  Schema.Struct(serving).annotations({ identifier: "HealthServingStatus", examples: [{ status: "ok" }] })
)

/**
 * The database is unavailable.
 *
 * @since 0.1.0
 * @category models
 */
export const Down = Schema.Union(
  Schema.Struct({ ...down, database: Schema.Struct({ status: Schema.Literal("down") }), ...common }).annotations(
    HttpApiSchema.annotations({
      status: 503,
      identifier: "HealthDown",
      description: "The database does not answer: for the holder of the token",
      examples: [{ status: "down", database: { status: "down" }, ...example }]
    })
  ),
  Schema.Struct(down).annotations(
    HttpApiSchema.annotations({
      status: 503,
      identifier: "HealthDownStatus",
      description: "The database does not answer",
      examples: [{ status: "down" }]
    })
  )
)

/**
 * A probe of Kubernetes that passes. `degraded`: Redis is away, and reads are looked up.
 *
 * @since 0.2.0
 * @category models
 */
export const ProbePassed = Schema.Struct({ status: Schema.Literal("ok", "degraded") }).annotations({
  identifier: "ProbePassed",
  examples: [{ status: "ok" }]
})

/**
 * A probe of Kubernetes that does not pass: the database is down, the server ends, or it has not started.
 *
 * @since 0.2.0
 * @category models
 */
export const ProbeFailed = Schema.Struct({
  status: Schema.Literal("down", "ending", "starting"),
  failed: Schema.Array(Schema.String).annotations({ description: "the names of the failed checks" })
}).annotations(
  HttpApiSchema.annotations({
    status: 503,
    identifier: "ProbeFailed",
    description: "The probe does not pass",
    examples: [{ status: "down", failed: ["database"] }]
  })
)

/**
 * Whether a request is a health check, which no rate limit rejects and no queue delays.
 *
 * @since 0.2.0
 * @category guards
 */
export const isHealthCheck = ({ url }: HttpServerRequest.HttpServerRequest): boolean =>
  /^\/api\/health(?:[/?]|$)/.test(url)
