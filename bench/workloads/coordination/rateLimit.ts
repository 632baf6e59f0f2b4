import * as RateLimiter from "@effect/experimental/RateLimiter"
import * as RateLimiterRedis from "@effect/experimental/RateLimiter/Redis"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Flexible from "rate-limiter-flexible"
import { keySet, sequence } from "../../measure/Keys.js"
import { effectful, promising, verify } from "../../measure/Measure.js"
import { ioredis } from "../../peers/Clients.js"
import { ioredisOptions } from "../../peers/PersistedProfiles.js"
import { BenchServer, emptied } from "../../run/BenchServer.js"
import * as RateLimits from "../../subjects/RateLimits.js"
import { ids } from "../../subjects/Subjects.js"
import * as ServerTime from "../ServerTime.js"
import { comparedOverConcurrencies, type Workload } from "../Workload.js"

const keys = keySet(1_000, "uniform")

/** never reached: a rejection costs each of them something else */
const limit = 100_000
/** a whole number of milliseconds for each call that is allowed, which @effect/experimental asks for */
const windowSeconds = 10_000

/** A call counted by each limiter; each answers how many are left. */
export const limits = Effect.gen(function* () {
  const { url } = yield* BenchServer
  const consume = yield* RateLimits.make(url, { limit, windowSeconds })
  const experimental = Context.get(
    yield* Layer.build(
      RateLimiter.layer.pipe(
        Layer.provide(RateLimiterRedis.layerStore({ ...ioredisOptions(url), prefix: "experimental:" }))
      )
    ),
    RateLimiter.RateLimiter
  )
  const flexible = new Flexible.RateLimiterRedis({
    storeClient: yield* ioredis(url),
    points: limit,
    duration: windowSeconds,
    keyPrefix: "flexible"
  })
  return [
    effectful("toolkit", (index) => consume(`bench:${ids(index)}`)),
    effectful(
      "@effect/experimental",
      (index) => experimental.consume({ key: ids(index), limit, window: `${windowSeconds} seconds` }),
      ({ remaining }) => remaining
    ),
    promising(
      "rate-limiter-flexible",
      (index) => flexible.consume(ids(index)),
      ({ remainingPoints }) => remainingPoints
    )
  ]
})

export const rateLimit: Workload = {
  name: "rate-limit",
  description: "One call counted against a fixed window that is never full.",
  run: (plan) =>
    Effect.gen(function* () {
      const subjects = yield* limits
      yield* verify("rate-limit", subjects, [0, 1, 999], () => limit - 1)
      const results = yield* comparedOverConcurrencies("rate-limit", plan, subjects, () => sequence(keys))
      const quantities = yield* ServerTime.perOperation("rate-limit", subjects, () => sequence(keys))
      return { results, quantities }
    }).pipe(emptied)
}
