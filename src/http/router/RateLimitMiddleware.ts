/**
 * Limits how many requests each client may send to a router.
 *
 * @since 0.2.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as RateLimiter from "../../coordination/RateLimiter.js"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import type { InvalidKey } from "../../redis/RedisKey.js"
import * as RateLimitHeaders from "./RateLimitHeaders.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /**
   * names the policy in the headers, and the keys: `ratelimit:<name>:<client>`. Printable ASCII without quotation marks
   * and backslashes; any other name is a defect when the middleware is built
   */
  readonly name: string
  /**
   * The limit of each client, or several limits, which are decided in one step: a request that one of them rejects is charged to none.
   * Each of several limits has a `name`, which then names its policy in the headers.
   */
  readonly limit: RateLimiter.RateLimit | Arr.NonEmptyReadonlyArray<RateLimiter.RateLimit>
  /** Identifies the client: an API key, a user, an address. Forwarded addresses are as true as the proxy that sets them. */
  readonly clientOf: (request: HttpServerRequest.HttpServerRequest) => string
}

/**
 * The failure of a limited request. A client over its limit gets `RateLimitExceeded`, a client whose name cannot be a key
 * `InvalidKey`. The other errors are rejections by Redis. While Redis is unavailable, `onUnavailable` of the limit decides.
 *
 * @since 0.2.0
 * @category errors
 */
export type Rejection = RateLimiter.RateLimitExceeded | RateLimiter.RateLimitError | InvalidKey

/** the text of a String in a structured header (RFC 9651) that needs no escapes */
const headerText = /^[ !#-[\]-~]+$/

/**
 * Builds the check of one request under one or several limits, for a server that decides which requests are limited. It adds the `RateLimit` headers to
 * the response, and `Retry-After` to that of a rejected request.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeAdmission = (
  options: Options | Arr.NonEmptyReadonlyArray<Options>
): Effect.Effect<
  (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<void, Rejection>,
  never,
  RateLimiter.RateLimiter
> =>
  Effect.map(RateLimiter.RateLimiter, (limiter) => {
    const limits = policiesOf(isSeveral(options) ? options : [options])
    const [only] = limits
    if (limits.length === 1) {
      const { clientOf, name } = only
      return Effect.fnUntraced(function* (request) {
        const key = yield* RateLimiter.key(name, clientOf(request))
        const limit = yield* limiter.applied(only.limit)
        const policy = policyOf(only.policy, limit)
        const result = yield* limiter.consume(key, limit)
        if (result.allowed) return yield* RateLimitHeaders.report(policy, result)
        yield* RateLimitHeaders.reportExceeded(policy, result)
        return yield* new RateLimiter.RateLimitExceeded({ key, limit: limit.limit, retryAfter: result.retryAfter })
      })
    }
    return Effect.fnUntraced(function* (request) {
      const limited = yield* Effect.forEach(limits, ({ clientOf, limit, name, policy }) =>
        Effect.zipWith(RateLimiter.key(name, clientOf(request)), limiter.applied(limit), (key, limit) => ({
          key,
          limit,
          policy: policyOf(policy, limit)
        }))
      )
      const result = yield* limiter.consumeAll(limited)
      yield* RateLimitHeaders.reportAll(
        Arr.map(limited, ({ policy }) => policy),
        result
      )
      if (result.allowed) return
      const { key, limit } = limited[result.tightest] ?? limited[0]
      return yield* new RateLimiter.RateLimitExceeded({ key, limit: limit.limit, retryAfter: result.retryAfter })
    })
  })

const isSeveral = (
  options: Options | Arr.NonEmptyReadonlyArray<Options>
): options is Arr.NonEmptyReadonlyArray<Options> => Array.isArray(options)

const isSeveralLimits = (limit: Options["limit"]): limit is Arr.NonEmptyReadonlyArray<RateLimiter.RateLimit> =>
  Array.isArray(limit)

interface Limited extends Omit<Options, "limit"> {
  readonly limit: RateLimiter.RateLimit
  /** the name of the policy */
  readonly policy: string
}

/** The policy by the numbers that hold now. */
const policyOf = (name: string, { limit, window }: RateLimiter.RateLimit): RateLimitHeaders.Policy => ({
  name,
  quota: limit,
  window
})

/** The limits with the names of their policies. A name that no header carries, and one that two policies have, are defects. */
const policiesOf = (options: Arr.NonEmptyReadonlyArray<Options>): Arr.NonEmptyReadonlyArray<Limited> => {
  const { reject } = OptionCheck.make("RateLimitMiddleware")
  const policies = Arr.flatMap(options, ({ clientOf, limit, name }): Arr.NonEmptyReadonlyArray<Limited> => {
    if (!headerText.test(name)) {
      reject("name", name, "printable ASCII without quotation marks and backslashes, since headers carry it")
    }
    const limited = (limit: RateLimiter.RateLimit): Limited => ({ name, clientOf, limit, policy: limit.name ?? name })
    return isSeveralLimits(limit) ? Arr.map(limit, limited) : [limited(limit)]
  })
  const names = policies.map(({ policy }) => policy)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) reject("name", twice, "the name of one policy: give each of several limits its own `name`")
  return policies
}

/**
 * Builds the middleware, which limits each request of a router. A rejected request fails before its route runs, and the
 * application chooses the response. Several options limit by several clients at once, such as a user and an address; the headers
 * name each policy, the tightest one first.
 *
 * @since 0.2.0
 * @category constructors
 * @example
 * import { HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { RateLimiter } from "effect-cache-toolkit"
 * import { RateLimitMiddleware } from "effect-cache-toolkit/http"
 * import { Effect } from "effect"
 *
 * const router = HttpRouter.empty.pipe(HttpRouter.get("/", HttpServerResponse.text("hello")))
 *
 * const app = Effect.gen(function* () {
 *   const limited = yield* RateLimitMiddleware.make({
 *     name: "requests",
 *     limit: RateLimiter.tokenBucket({ limit: 600, window: "1 minute", onUnavailable: "allow" }),
 *     clientOf: ({ headers }) => headers["x-api-key"] ?? "anonymous"
 *   })
 *   return limited(router).pipe(
 *     Effect.catchTag("RateLimitExceeded", ({ message }) => HttpServerResponse.text(message, { status: 429 }))
 *   )
 * })
 */
export const make = (
  options: Options | Arr.NonEmptyReadonlyArray<Options>
): Effect.Effect<
  <E, R>(app: HttpApp.Default<E, R>) => HttpApp.Default<E | Rejection, R>,
  never,
  RateLimiter.RateLimiter
> =>
  Effect.map(
    makeAdmission(options),
    (admit) => (app) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => Effect.zipRight(admit(request), app))
  )
