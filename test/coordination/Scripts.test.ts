/** The models of counters and leaderboards against their Lua: the same random programs on the memory layer and on a real server. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Counter from "../../src/coordination/Counter.js"
import * as Leaderboard from "../../src/coordination/Leaderboard.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import type { RedisError } from "../../src/redis/RedisError.js"
import { age, onMemory, onServer } from "../support/layers.js"
import { skipReason } from "../support/RedisServer.js"

const minute = 60_000

/** Times to live go by whole minutes, so that the milliseconds between two calls never decide what a program answers. */
const minutesLeft = (millis: number) => Math.ceil(millis / minute)

type Step = (client: RedisClient.Service) => Effect.Effect<unknown, RedisError>

/** A step that prints as what it does, for the counterexample. */
const step = (description: ReadonlyArray<unknown>, run: Step): Step =>
  Object.assign(run, { [FastCheck.toStringMethod]: () => JSON.stringify(description) })

const { constantFrom, integer, oneof, record, double, array: arrayOf } = FastCheck

const keys = ["a", "b", "{c}:d"] as const
const key = constantFrom(...keys)
const ttlMillis = constantFrom(0, minute, 2 * minute, 5 * minute)
const member = oneof(constantFrom("ada", "bob", "", "é", "🦊", "￿"), FastCheck.string({ maxLength: 3 }))
const score = oneof(integer({ min: -3, max: 3 }), double({ noNaN: true, noDefaultInfinity: true }))
const strays = oneof(
  constantFrom("0", "7", "-4", "01", "3.5", "1e3", " 2", "", "many", "one"),
  integer({ min: -1000, max: 1000 }).map(String)
)

const anyStep: FastCheck.Arbitrary<Step> = oneof(
  {
    weight: 3,
    arbitrary: record({
      key,
      delta: integer({ min: -5, max: 5 }),
      minimum: integer({ min: -9, max: 9 }),
      ttlMillis
    }).map((input) => step(["counter.add", input], (client) => client.run(Counter.addScript)(input)))
  },
  {
    weight: 3,
    arbitrary: record({ key, member, score, ttlMillis }).map((input) =>
      step(["leaderboard.submit", input], (client) => client.run(Leaderboard.submitScript)(input))
    )
  },
  record({ key, member }).map((input) =>
    step(["leaderboard.rankOf", input], (client) => client.run(Leaderboard.rankOfScript)(input))
  ),
  { weight: 2, arbitrary: key.map((key) => step(["DEL", key], (client) => client.del(key))) },
  record({ key, value: strays, ttlMillis }).map(({ key, value, ttlMillis }) =>
    step(["SET", key, value, ttlMillis], (client) =>
      client.set(key, value, { ttl: ttlMillis === 0 ? undefined : Duration.millis(ttlMillis) })
    )
  ),
  record({ key, minutes: integer({ min: 1, max: 3 }) }).map(({ key, minutes }) =>
    step(["age", key, minutes], (client) => Effect.provideService(age(key, minutes * minute), RedisClient, client))
  )
)

/** What a key holds, by type, and how many minutes remain of it. */
const contents = (client: RedisClient.Service, key: string) =>
  Effect.gen(function* () {
    const type = yield* client.send("TYPE", key)
    return [
      type,
      minutesLeft(Number(yield* client.send("PTTL", key))),
      type === "zset" ? yield* client.zrevrangeWithScores(key, 0, -1) : yield* client.get(key)
    ]
  })

const run = (client: RedisClient.Service, program: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    yield* client.flushDb
    const replies = yield* Effect.forEach(program, (step) =>
      step(client).pipe(
        Effect.mapError((error) => (error._tag === "RedisServerError" ? error.code : error._tag)),
        Effect.either,
        Effect.map(Either.merge)
      )
    )
    return { replies, kept: yield* Effect.forEach(keys, (key) => contents(client, key)) }
  })

describe("the scripts of coordination", () => {
  it.scopedLive.skipIf(skipReason !== undefined)("answer and leave the same in memory and on a server", () =>
    Effect.gen(function* () {
      const memory = Context.get(yield* Layer.build(onMemory), RedisClient)
      const server = Context.get(yield* Layer.build(onServer), RedisClient)
      yield* Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(arrayOf(anyStep, { maxLength: 20 }), async (program) => {
            const [inMemory, onServer] = await Effect.runPromise(
              Effect.all([run(memory, program), run(server, program)])
            )
            expect(inMemory).toEqual(onServer)
          }),
          { numRuns: 2_000 }
        )
      )
    })
  )
})
