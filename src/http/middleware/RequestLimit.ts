/**
 * Limits the requests of each client to `HTTP_RATE_LIMIT`. A client is the holder of the token, or else the address of
 * the socket. `Forwarded` and `X-Forwarded-For` are ignored, since any client can set them.
 *
 * @since 0.1.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as RateLimiter from "../../coordination/RateLimiter.js"
import * as ThrottledLog from "../../internal/ThrottledLog.js"
import { RedisClient } from "../../redis/RedisClient.js"
import { type RedisAuthError, type RedisServerError, RedisUnavailable } from "../../redis/RedisError.js"
import { Api } from "../contract/Api.js"
import { TooManyRequests } from "../contract/Errors.js"
import { isHealthCheck } from "../contract/Health.js"
import * as HttpConfig from "../HttpConfig.js"
import * as RateLimitMiddleware from "../router/RateLimitMiddleware.js"
import { ApiToken } from "../token/ApiToken.js"

/**
 * Answers the network of one subscriber: an IPv4 address, or the first 64 bits of an IPv6 address. One subscriber
 * controls all addresses below those 64 bits.
 *
 * @since 0.1.0
 * @category utils
 */
export const networkOf = (address: string): string => {
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (v4 !== undefined) return v4
  const [left = "", right] = address.replace(/%.*$/, "").split("::")
  const before = left === "" ? [] : left.split(":")
  const after = right === undefined || right === "" ? [] : right.split(":")
  const zeros = Array.from({ length: Math.max(8 - before.length - after.length, 0) }, () => "0")
  const groups = right === undefined ? before : [...before, ...zeros, ...after]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::`
}

/**
 * Treats every error of Redis as an outage, so that requests stay limited. A rejected login, a missing right or a key
 * of another type is logged once per kind and minute.
 */
const tolerant = Effect.gen(function* () {
  const client = yield* RedisClient
  const log = yield* ThrottledLog.make("HTTP_RATE_LIMIT: this process counts alone")
  const rejected = (error: RedisAuthError | RedisServerError) =>
    Effect.zipRight(
      log.note({ what: "code" in error ? error.code : error._tag, why: error.message }) ?? Effect.void,
      new RedisUnavailable({ reason: "Disconnected" })
    )
  return RedisClient.of({
    ...client,
    run: (script) => {
      const run = client.run(script)
      return (input) => Effect.catchTags(run(input), { RedisAuthError: rejected, RedisServerError: rejected })
    }
  })
})

const limitRequests = ({ limit, window }: HttpConfig.RequestLimit) =>
  Effect.gen(function* () {
    const limiter = yield* Effect.provideServiceEffect(RateLimiter.make, RedisClient, tolerant)
    const token = yield* ApiToken
    const admission = yield* Effect.provideService(
      RateLimitMiddleware.makeAdmission({
        name: "requests",
        // without Redis each process limits its own clients, since the requests then reach the database
        limit: RateLimiter.tokenBucket({
          // by which an operator changes its numbers at run time
          name: "requests",
          limit,
          window,
          onUnavailable: { local: { processes: 1 } }
        }),
        // a wrong token names no client: each guess would otherwise have a limit of its own
        clientOf: (request) =>
          token.check(request) === "Right"
            ? "token"
            : Option.match(request.remoteAddress, { onNone: () => "unknown", onSome: networkOf })
      }),
      RateLimiter.RateLimiter,
      limiter
    )

    const admit = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<void, TooManyRequests> =>
      Effect.catchTags(admission(request), {
        RateLimitExceeded: ({ retryAfter }) => new TooManyRequests({ retryAfter }),
        // `networkOf` answers a valid key, and `tolerant` catches what Redis rejects
        InvalidKey: Effect.die,
        InvalidArgument: Effect.die,
        RedisAuthError: Effect.die,
        RedisServerError: Effect.die
      })

    return <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E | TooManyRequests, R> =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
        isHealthCheck(request) ? app : Effect.zipRight(admit(request), app)
      )
  })

/**
 * Limits the whole API except its health checks, if `HTTP_RATE_LIMIT` is set.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<never, ConfigError.ConfigError, RedisClient | ApiToken> = Layer.unwrapEffect(
  Effect.map(
    HttpConfig.requestLimit,
    Option.match({
      onNone: () => Layer.empty,
      onSome: (requestLimit) => HttpApiBuilder.middleware(Api, limitRequests(requestLimit))
    })
  )
)
