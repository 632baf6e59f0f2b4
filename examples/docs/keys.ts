import { Console, Effect, Schema } from "effect"
import { MemoryRedis, RedisClient, TypedCache } from "effect-cache-toolkit"

const Report = Schema.Struct({ customer: Schema.Int, kind: Schema.Literal("day", "month"), at: Schema.DateTimeUtc })

const program = Effect.gen(function* () {
  const reports = yield* TypedCache.make({
    name: "report",
    key: Report,
    value: Schema.String,
    timeToLive: "10 minutes",
    lookup: ({ customer, kind }) => Effect.succeed(`the ${kind} of customer ${customer}`)
  })
  const at = yield* Schema.decode(Schema.DateTimeUtc)("2025-01-02T00:00:00Z")
  yield* reports.get({ customer: 7, kind: "day", at })

  // the same key, whatever the order of its fields
  const again = yield* reports.getResult({ at, kind: "day", customer: 7 })
  const redis = yield* RedisClient.RedisClient
  const stored = yield* redis.get('report:%7B"at":"2025-01-02T00:00:00.000Z","customer":7,"kind":"day"%7D')
  yield* Console.log(again.source, stored)
  if (again.source !== "Redis" || stored._tag === "None") return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(Effect.scoped(program), MemoryRedis.layer()))
