/** What the test and its processes say to each other. */
import * as Schema from "effect/Schema"
import * as RateLimiter from "../../../../src/coordination/RateLimiter.js"

/** How a process is set up: its only argument. */
export const Settings = Schema.parseJson(Schema.Struct({ redisPort: Schema.Int, fibers: Schema.Int }))
export type Settings = typeof Settings.Type

/** What a process has been answered since it began: one JSON text a line, several times a second. */
export const Counts = Schema.parseJson(
  Schema.Struct({
    allowed: Schema.Int,
    rejected: Schema.Int,
    /** rejected without asking Redis */
    blocked: Schema.Int,
    /** denied without Redis */
    denied: Schema.Int,
    /** allowed without Redis, which the policy does not */
    allowedWithoutRedis: Schema.Int
  })
)
export type Counts = typeof Counts.Type

const windowMillis = 300
const options = { limit: 40, window: `${windowMillis} millis`, onUnavailable: "deny" } as const

/** Every limit that the processes share, by its key. */
export const limits: Readonly<Record<string, RateLimiter.RateLimit>> = Object.fromEntries(
  ["a", "b"].flatMap((name) => [
    [`fixed:${name}`, RateLimiter.fixedWindow(options)],
    [`log:${name}`, RateLimiter.slidingLog(options)],
    [`counter:${name}`, RateLimiter.slidingCounter(options)],
    [`bucket:${name}`, RateLimiter.tokenBucket({ ...options, limit: 37, burst: 11 })]
  ])
)

export const maxCost = 3
