/** A process of many fibers that all call the same few limits as often as they are let, until it is killed. */
import * as BunRuntime from "@effect/platform-bun/BunRuntime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as RateLimiter from "../../../../src/coordination/RateLimiter.js"
import { driverUnderTest } from "../../../support/server/drivers.js"
import { Counts, limits, maxCost, Settings } from "./messages.js"
import * as Recording from "./Recording.js"

const entries = Object.entries(limits)
const encode = Schema.encodeSync(Counts)

const program = (fibers: number) =>
  Effect.gen(function* () {
    const limiter = yield* RateLimiter.RateLimiter
    const counts = { allowed: 0, rejected: 0, blocked: 0, denied: 0, allowedWithoutRedis: 0 }
    const count = ({ allowed, decision }: RateLimiter.RateLimitResult) => {
      if (decision._tag === "Outage") counts[allowed ? "allowedWithoutRedis" : "denied"] += 1
      else if (decision._tag === "Cached") counts.blocked += 1
      else counts[allowed ? "allowed" : "rejected"] += 1
    }
    const call = Effect.gen(function* () {
      const [key, limit] = yield* Random.choice(entries)
      const result = yield* limiter.consume(key, limit, { cost: yield* Random.nextIntBetween(1, maxCost + 1) })
      count(result)
      if (result.allowed) return
      // some come as soon as they may, some before
      const wait = Duration.toMillis(Duration.min(result.retryAfter, "300 millis"))
      yield* Effect.sleep((yield* Random.next) < 0.5 ? wait : (yield* Random.next) * wait)
    })
    const say = Effect.sync(() => {
      process.stdout.write(encode(counts) + "\n")
    })
    yield* Effect.fork(Effect.repeat(say, Schedule.spaced("100 millis")))
    yield* Effect.replicateEffect(Effect.forever(call), fibers, { concurrency: "unbounded", discard: true })
  })

Effect.flatMap(Schema.decodeUnknown(Settings)(process.argv[2]), ({ fibers, redisPort }) =>
  Effect.provide(
    program(fibers),
    Layer.provide(
      RateLimiter.layer,
      Recording.layer(driverUnderTest.layer({ port: redisPort }, { reconnect: Schedule.spaced("50 millis") }))
    )
  )
).pipe(
  // the output is for counts
  Effect.provide(Logger.remove(Logger.defaultLogger)),
  BunRuntime.runMain({ disablePrettyLogger: true })
)
