/** A large value on a slow line keeps replies from coming, and costs nobody the connection. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import { available, connect, eventually, test, title } from "../../support/faults/FaultSuite.js"
import * as SlowLine from "../../support/faults/SlowLine.js"
import * as RedisServer from "../../support/server/RedisServer.js"

const megabytes = (count: number) => "x".repeat(count * 1_000_000)

/** Small reads of others, one after the other, which time out behind a large value. */
const others = (redis: RedisClient.Service) =>
  Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.either(redis.get("small")), Effect.sleep("10 millis"))))

const world = Effect.gen(function* () {
  const server = yield* RedisServer.make()
  const line = yield* SlowLine.make(server.port, 4_000_000)
  const redis = yield* connect({ port: line.port })
  yield* available(redis)
  return { server, redis }
})

const isFirst = (redis: RedisClient.Service) =>
  Effect.map(redis.getStatus, ({ generation, lastFailure }) =>
    expect([generation, lastFailure]).toEqual([1, Option.none()])
  )

describe("a connection", () => {
  test(title("is kept while a large value is written over a slow line"), () =>
    Effect.gen(function* () {
      const { redis, server } = yield* world
      yield* others(redis)
      yield* Effect.fork(redis.set("large", megabytes(24)))
      yield* eventually(
        "it is written",
        Effect.map(server.send("STRLEN", "large"), (length) => length === 24_000_000)
      )
      yield* available(redis)
      yield* isFirst(redis)
    })
  )

  test(title("is kept while a large value is read over a slow line"), () =>
    Effect.gen(function* () {
      const { redis, server } = yield* world
      yield* server.send("SET", "large", megabytes(24))
      yield* others(redis)
      expect(yield* Effect.either(redis.get("large"))).toMatchObject({ left: { _tag: "RedisTimeout" } })
      yield* eventually("replies come again", Effect.map(Effect.either(redis.get("small")), Either.isRight))
      yield* available(redis)
      yield* isFirst(redis)
    })
  )

  test(title("is given up when the server stands still with a large value half way"), () =>
    Effect.gen(function* () {
      const { redis, server } = yield* world
      yield* server.send("SET", "large", megabytes(24))
      yield* others(redis)
      yield* Effect.fork(redis.get("large"))
      yield* eventually(
        "some of it has come",
        Effect.map(redis.getStatus, ({ bufferedAmount }) => bufferedAmount > 2_000_000)
      )
      yield* Effect.acquireRelease(server.signal("SIGSTOP"), () => server.signal("SIGCONT"))
      yield* eventually(
        "it is given up",
        Effect.map(
          redis.getStatus,
          ({ lastFailure }) => Option.isSome(lastFailure) && lastFailure.value._tag === "RedisTimeout"
        )
      )
    })
  )
})
