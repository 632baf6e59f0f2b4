/** Boards that rank the lowest first, and metadata beside each member. */
import { describe, expect } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Leaderboard from "../../../src/coordination/Leaderboard.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as Executors from "../../support/faults/Executors.js"
import { onEveryLayer } from "../../support/server/clientLayers.js"

const Car = Schema.parseJson(Schema.Struct({ car: Schema.String, laps: Schema.Int }))
const car = (name: string, laps = 3) => ({ car: name, laps })
const first10 = { offset: 0, limit: 10 }

describe("a board of times", () => {
  onEveryLayer((it) => {
    it.effect("ranks the lowest first in every operation, and keeps a member's lowest", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const board = yield* Leaderboard.make({ key: "times", order: "lowest" })
        for (const [member, time] of [
          ["ada", 61.5],
          ["bob", 59.25],
          ["cyd", 61.5],
          ["dan", 0]
        ] as const) {
          yield* board.submit(member, time)
        }
        expect(yield* board.submit("bob", 60)).toEqual({ score: 59.25, isNew: false, isChanged: false })
        expect(yield* board.submit("ada", 58)).toEqual({ score: 58, isNew: false, isChanged: true })
        const all = [
          { rank: 0, member: "dan", score: 0 },
          { rank: 1, member: "ada", score: 58 },
          { rank: 2, member: "bob", score: 59.25 },
          { rank: 3, member: "cyd", score: 61.5 }
        ]
        expect(yield* board.top(first10)).toEqual(all)
        expect(yield* board.around("ada", { above: 1, below: 1 })).toEqual(Option.some(all.slice(0, 3)))
        expect(yield* board.rankOf("cyd")).toEqual(Option.some({ rank: 3, score: 61.5 }))
        expect(yield* board.percentileOf("dan")).toEqual(Option.some(100))
        // another program reads the times as they are, and may enter one
        expect(yield* client.zscore("leaderboard:times", "ada")).toEqual(Option.some(58))
        yield* client.zadd("leaderboard:times", 1, "eve")
        expect((yield* board.top({ offset: 0, limit: 2 })).map(({ member }) => member)).toEqual(["dan", "eve"])
        yield* client.zadd("leaderboard:times", -Infinity, "fay")
        expect(yield* board.rankOf("fay")).toEqual(Option.some({ rank: 0, score: -Infinity }))
      })
    )

    it.effect("ranks the earlier of two equal times first, and those of each day apart", () =>
      Effect.gen(function* () {
        const daily = yield* Leaderboard.makeWindows({
          key: "daily times",
          order: "lowest",
          metadata: Car,
          window: "daily",
          timeToLive: "1 day"
        })
        const { running } = daily
        for (const member of ["zoe", "ada", "mia"]) yield* running.submit(member, 60, { metadata: car(member) })
        yield* running.submit("ada", 61, { metadata: car("slower") })
        const order = (yield* running.top(first10)).map(({ member, metadata }) => [
          member,
          Option.getOrThrow(metadata).car
        ])
        expect(order).toEqual([
          ["zoe", "zoe"],
          ["ada", "ada"],
          ["mia", "mia"]
        ])
        const client = yield* RedisClient
        const today = DateTime.formatIsoDateUtc(DateTime.unsafeMake(yield* client.serverTime))
        const left = yield* client.ttl(`{leaderboard:daily times:${today}}:metadata`)
        expect(Option.exists(left, Duration.isFinite)).toBe(true)
      })
    )
  })
})

describe("the metadata of a member", () => {
  onEveryLayer((it) => {
    it.effect("are those of the score that the board keeps, and leave with the member", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const board = yield* Leaderboard.make({ key: "described", metadata: Car })
        yield* board.submit("ada", 10, { metadata: car("red") })
        yield* board.submit("ada", 7, { metadata: car("worse") })
        yield* board.submit("bob", 5, { metadata: car("blue") })
        expect(yield* board.top(first10)).toEqual([
          { rank: 0, member: "ada", score: 10, metadata: Option.some(car("red")) },
          { rank: 1, member: "bob", score: 5, metadata: Option.some(car("blue")) }
        ])
        yield* board.submit("bob", 20, { metadata: car("new") })
        expect(yield* board.around("bob", { above: 0, below: 0 })).toEqual(
          Option.some([{ rank: 0, member: "bob", score: 20, metadata: Option.some(car("new")) }])
        )
        expect(yield* board.describe("bob", car("painted"))).toBe(true)
        expect(yield* board.describe("nobody", car("none"))).toBe(false)
        expect((yield* board.top({ offset: 0, limit: 1 }))[0]?.metadata).toEqual(Option.some(car("painted")))
        yield* board.remove("ada")
        expect(yield* client.send("HLEN", "{leaderboard:described}:metadata")).toBe(1)
        yield* board.remove("bob")
        expect(yield* client.send("EXISTS", "{leaderboard:described}:metadata")).toBe(0)
      })
    )

    it.effect("are always the last ones where the board keeps the last score or the sum", () =>
      Effect.gen(function* () {
        for (const keeps of ["last", "sum"] as const) {
          const board = yield* Leaderboard.make({ key: `described ${keeps}`, keeps, metadata: Car })
          yield* board.submit("ada", 10, { metadata: car("first") })
          yield* board.submit("ada", keeps === "sum" ? 0 : 10, { metadata: car("last") })
          expect((yield* board.top(first10))[0]).toMatchObject({ score: 10, metadata: Option.some(car("last")) })
        }
      })
    )

    it.effect("are read in one round trip with the page, and none of a member that another program has entered", () =>
      Effect.gen(function* () {
        const redis = yield* RedisClient
        let sent = 0
        const count = <A, E>(effect: Effect.Effect<A, E>) =>
          Effect.suspend(() => {
            sent += 1
            return effect
          })
        const counting = Executors.replacing(redis, (executor) => ({
          script: (script, input) => count(executor.script(script, input)),
          command: (name, args, options) => count(executor.command(name, args, options))
        }))
        const board = yield* Effect.provideService(
          Leaderboard.make({ key: "one trip", metadata: Car }),
          RedisClient,
          counting
        )
        for (let i = 0; i < 20; i++) yield* board.submit(`member ${i}`, i, { metadata: car(`${i}`) })
        sent = 0
        expect((yield* board.top(first10)).map(({ metadata }) => Option.getOrThrow(metadata).car)).toEqual(
          Array.from({ length: 10 }, (_, i) => `${19 - i}`)
        )
        expect(sent).toBe(1)
        yield* redis.zadd("leaderboard:one trip", 100, "stranger")
        yield* redis.send("HSET", "{leaderboard:one trip}:metadata", ":member 19", "not a car")
        const rows = yield* board.top({ offset: 0, limit: 3 })
        expect(rows.map(({ member, metadata }) => [member, Option.isSome(metadata)])).toEqual([
          ["stranger", false],
          ["member 19", false],
          ["member 18", true]
        ])
        // that of a member which another program has removed leaves with the repair
        yield* redis.send("ZREM", "leaderboard:one trip", "member 19")
        yield* board.top(first10)
        expect(yield* redis.send("HEXISTS", "{leaderboard:one trip}:metadata", ":member 19")).toBe(0)
        yield* board.clear
        expect(yield* redis.send("EXISTS", "{leaderboard:one trip}:metadata")).toBe(0)
      })
    )

    it.effect("which the schema rejects fail the submission, and nothing is entered", () =>
      Effect.gen(function* () {
        const board = yield* Leaderboard.make({ key: "rejected car", metadata: Car })
        const rejected = yield* Effect.flip(board.submit("ada", 1, { metadata: car("half", 1.5) }))
        expect(rejected).toMatchObject({ _tag: "InvalidArgument", argument: "metadata" })
        expect(yield* board.size).toBe(0)
      })
    )
  })
})
