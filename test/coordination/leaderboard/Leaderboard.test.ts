import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Leaderboard from "../../../src/coordination/Leaderboard.js"
import * as ReadScripts from "../../../src/coordination/leaderboard/ReadScripts.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisError } from "../../../src/redis/RedisError.js"
import { age, onEveryLayer } from "../../support/server/clientLayers.js"

describe("a leaderboard", () => {
  onEveryLayer((it) => {
    it.effect("keeps each member's best score", () =>
      Effect.gen(function* () {
        const board = yield* Leaderboard.make({ key: "best" })
        expect(yield* board.submit("ada", 10)).toEqual({ score: 10, isNew: true, isChanged: true })
        expect(yield* board.submit("ada", 7)).toEqual({ score: 10, isNew: false, isChanged: false })
        expect(yield* board.submit("ada", 10)).toEqual({ score: 10, isNew: false, isChanged: false })
        expect(yield* board.submit("ada", 12)).toEqual({ score: 12, isNew: false, isChanged: true })
      })
    )

    it.effect("keeps the best of many scores submitted at once", () =>
      Effect.gen(function* () {
        const board = yield* Leaderboard.make({ key: "concurrent" })
        yield* Effect.forEach(
          Array.from({ length: 100 }, (_, i) => (i * 37) % 100),
          (score) => board.submit("ada", score),
          {
            concurrency: "unbounded"
          }
        )
        expect(yield* board.rankOf("ada")).toEqual(Option.some({ rank: 0, score: 99 }))
      })
    )

    it.effect("ranks from the highest score, page by page, with the same ranks as rankOf", () =>
      Effect.gen(function* () {
        const board = yield* Leaderboard.make({ key: "pages" })
        for (const [member, score] of [
          ["ada", 5],
          ["bob", -3],
          ["cyd", 8.5],
          ["dan", 5]
        ] as const) {
          yield* board.submit(member, score)
        }
        const all = [
          { rank: 0, member: "cyd", score: 8.5 },
          { rank: 1, member: "ada", score: 5 },
          { rank: 2, member: "dan", score: 5 },
          { rank: 3, member: "bob", score: -3 }
        ]
        expect(yield* board.top({ offset: 0, limit: 10 })).toEqual(all)
        expect(yield* board.top({ offset: 1, limit: 2 })).toEqual(all.slice(1, 3))
        expect(yield* board.top({ offset: 4, limit: 2 })).toEqual([])
        for (const { member, rank, score } of all) {
          expect(yield* board.rankOf(member)).toEqual(Option.some({ rank, score }))
        }
      })
    )

    it.effect("lists nothing for a limit that is not positive, and the first page for a negative offset", () =>
      Effect.gen(function* () {
        const board = yield* Leaderboard.make({ key: "limits" })
        yield* board.submit("ada", 1)
        yield* board.submit("bob", 2)
        expect(yield* board.top({ offset: 0, limit: 0 })).toEqual([])
        expect(yield* board.top({ offset: 0, limit: -1 })).toEqual([])
        expect(yield* board.top({ offset: -1, limit: 1 })).toEqual([{ rank: 0, member: "bob", score: 2 }])
      })
    )

    it.effect("keeps fractions, large integers and negative scores exactly", () =>
      Effect.gen(function* () {
        const board = yield* Leaderboard.make({ key: "exact" })
        for (const score of [0.1, 1 / 3, -1e-300, 2 ** 53 - 1, 123456789.12345679, -0.1, 1e21]) {
          const member = `member ${score}`
          expect((yield* board.submit(member, score)).score).toBe(score)
          expect(Option.getOrThrow(yield* board.rankOf(member)).score).toBe(score)
        }
      })
    )

    it.effect("reads infinite scores that another program entered", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const board = yield* Leaderboard.make({ key: "infinite" })
        yield* client.zadd("leaderboard:infinite", Infinity, "top")
        yield* client.zadd("leaderboard:infinite", -Infinity, "last")
        expect(yield* board.rankOf("top")).toEqual(Option.some({ rank: 0, score: Infinity }))
        expect(yield* board.submit("top", 1)).toEqual({ score: Infinity, isNew: false, isChanged: false })
        expect(yield* board.rankOf("last")).toEqual(Option.some({ rank: 1, score: -Infinity }))
      })
    )

    it.effect("removes members", () =>
      Effect.gen(function* () {
        const board = yield* Leaderboard.make({ key: "remove" })
        yield* board.submit("ada", 1)
        expect(yield* board.remove("ada")).toBe(true)
        expect(yield* board.remove("ada")).toBe(false)
        expect(yield* board.rankOf("ada")).toEqual(Option.none())
        expect(yield* board.submit("ada", 0)).toMatchObject({ score: 0, isNew: true })
      })
    )

    it.effect("is permanent unless it is given a time to live, which each submission renews", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const permanent = yield* Leaderboard.make({ key: "permanent" })
        yield* permanent.submit("ada", 1)
        expect(yield* client.ttl("leaderboard:permanent")).toEqual(Option.some(Duration.infinity))

        const board = yield* Leaderboard.make({ key: "expiring", timeToLive: "1 hour" })
        yield* board.submit("ada", 1)
        for (const key of [
          "leaderboard:expiring",
          "{leaderboard:expiring}:ranked",
          "{leaderboard:expiring}:arrivals"
        ]) {
          const left = Option.getOrThrow(yield* client.ttl(key))
          expect(Duration.between(left, { minimum: "50 minutes", maximum: "1 hour" }), key).toBe(true)
        }
        yield* age("leaderboard:expiring", 50 * 60_000)
        yield* board.submit("bob", 1)
        yield* age("leaderboard:expiring", 50 * 60_000)
        expect(yield* board.top({ offset: 0, limit: 10 })).toHaveLength(2)
        yield* age("leaderboard:expiring", 10 * 60_000)
        expect(yield* board.top({ offset: 0, limit: 10 })).toEqual([])
      })
    )

    it.effect("ranks the member first that reached an equal score first", () =>
      Effect.gen(function* () {
        const board = yield* Leaderboard.make({ key: "ties" })
        const order = Effect.map(board.top({ offset: 0, limit: 10 }), (rows) => rows.map(({ member }) => member))
        for (const member of ["zoe", "ada", "mia"]) yield* board.submit(member, 7)
        expect(yield* order).toEqual(["zoe", "ada", "mia"])
        // the same score again is no coming
        yield* board.submit("zoe", 7)
        yield* board.submit("zoe", 3)
        expect(yield* order).toEqual(["zoe", "ada", "mia"])
        yield* board.submit("eve", 9)
        yield* board.submit("zoe", 9)
        yield* board.submit("ada", 9)
        expect(yield* order).toEqual(["eve", "zoe", "ada", "mia"])
        // gone and back is a new coming
        yield* board.remove("eve")
        yield* board.submit("eve", 9)
        expect(yield* order).toEqual(["zoe", "ada", "eve", "mia"])
      })
    )

    it.effect("takes the order of arrival from its caller", () =>
      Effect.gen(function* () {
        const board = yield* Leaderboard.make({ key: "given" })
        const order = Effect.map(board.top({ offset: 0, limit: 10 }), (rows) => rows.map(({ member }) => member))
        yield* board.submit("third", 7, { arrival: 30 })
        yield* board.submit("first", 7, { arrival: 10 })
        yield* board.submit("second", 7, { arrival: 20 })
        expect(yield* order).toEqual(["first", "second", "third"])
        // without one it comes after all that were given
        yield* board.submit("fourth", 7)
        expect(yield* order).toEqual(["first", "second", "third", "fourth"])
        yield* board.submit("fourth", 7, { arrival: 15 })
        expect(yield* order).toEqual(["first", "fourth", "second", "third"])
        // the arrival of a score that is not kept says nothing
        yield* board.submit("third", 1, { arrival: 1 })
        expect(yield* order).toEqual(["first", "fourth", "second", "third"])
        expect(yield* Effect.flip(board.submit("fifth", 7, { arrival: 0.5 }))).toMatchObject({
          _tag: "InvalidArgument"
        })
      })
    )

    it.effect("keeps the last score, or the sum, if its options say so", () =>
      Effect.gen(function* () {
        const last = yield* Leaderboard.make({ key: "last", keeps: "last" })
        yield* last.submit("ada", 10)
        expect(yield* last.submit("ada", 4)).toEqual({ score: 4, isNew: false, isChanged: true })
        expect(yield* last.submit("ada", 4)).toEqual({ score: 4, isNew: false, isChanged: false })

        const sum = yield* Leaderboard.make({ key: "sum", keeps: "sum" })
        yield* Effect.replicateEffect(sum.submit("ada", 0.1), 10, { concurrency: "unbounded" })
        // as doubles add up
        expect(Option.getOrThrow(yield* sum.rankOf("ada")).score).toBe(
          Array.from({ length: 10 }, () => 0.1).reduce((a, b) => a + b)
        )
        expect(yield* sum.submit("ada", 0)).toMatchObject({ isChanged: false })
        yield* sum.submit("bob", Number.MAX_VALUE)
        expect(yield* Effect.flip(sum.submit("bob", Number.MAX_VALUE))).toMatchObject({ _tag: "InvalidArgument" })
        expect(yield* sum.rankOf("bob")).toEqual(Option.some({ rank: 0, score: Number.MAX_VALUE }))
      })
    )

    it.effect("lists the neighbours of a member, and computes its percentile", () =>
      Effect.gen(function* () {
        const board = yield* Leaderboard.make({ key: "around" })
        expect(yield* board.around("ada", { above: 1, below: 1 })).toEqual(Option.none())
        expect(yield* board.percentileOf("ada")).toEqual(Option.none())
        yield* board.submit("e", 1)
        expect(yield* board.percentileOf("e")).toEqual(Option.some(100))
        for (const [i, member] of ["d", "c", "b", "a"].entries()) yield* board.submit(member, i + 2)
        const membersAround = (member: string, above: number, below: number) =>
          Effect.map(board.around(member, { above, below }), (rows) =>
            Option.getOrThrow(rows).map(({ member, rank }) => `${rank}${member}`)
          )
        expect(yield* membersAround("c", 1, 1)).toEqual(["1b", "2c", "3d"])
        expect(yield* membersAround("a", 2, 1)).toEqual(["0a", "1b"])
        expect(yield* membersAround("e", 9, 9)).toEqual(["0a", "1b", "2c", "3d", "4e"])
        expect(yield* membersAround("b", 0, 0)).toEqual(["1b"])
        expect(yield* Effect.forEach(["a", "b", "c", "d", "e"], (member) => board.percentileOf(member))).toEqual(
          [100, 75, 50, 25, 0].map(Option.some)
        )
        expect(yield* board.size).toBe(5)
        yield* board.clear
        expect(yield* board.size).toBe(0)
        expect(yield* Effect.flip(board.around("a", { above: -1, below: 0 }))).toMatchObject({
          _tag: "InvalidArgument"
        })
      })
    )

    it.effect("is a sorted set of members and scores that any program can read", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const board = yield* Leaderboard.make({ key: "plain" })
        yield* board.submit("ada", 2.5)
        yield* board.submit("bob", -1)
        expect(yield* client.zrevrange("leaderboard:plain", 0, -1)).toEqual(["ada", "bob"])
        expect(yield* client.zscore("leaderboard:plain", "bob")).toEqual(Option.some(-1))
        expect(yield* client.zrevrank("leaderboard:plain", "bob")).toEqual(Option.some(1))
      })
    )

    it.effect("adopts what another program adds and removes, and keeps the order of arrival of the others", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const board = yield* Leaderboard.make({ key: "shared" })
        const order = Effect.map(board.top({ offset: 0, limit: 10 }), (rows) => rows.map(({ member }) => member))
        for (const member of ["zoe", "ada", "mia"]) yield* board.submit(member, 7)
        yield* client.zadd("leaderboard:shared", 7, "guest")
        expect(yield* order).toEqual(["zoe", "ada", "mia", "guest"])
        yield* client.zrem("leaderboard:shared", "zoe")
        expect(yield* board.rankOf("zoe")).toEqual(Option.none())
        expect(yield* order).toEqual(["ada", "mia", "guest"])
        yield* client.zincrby("leaderboard:shared", 3, "mia")
        expect(yield* board.submit("mia", 8)).toEqual({ score: 10, isNew: false, isChanged: false })
        expect(yield* board.rankOf("mia")).toEqual(Option.some({ rank: 0, score: 10 }))
        // the set deleted is the board deleted
        yield* client.del("leaderboard:shared")
        expect(yield* order).toEqual([])
        yield* board.submit("new", 1)
        expect(yield* order).toEqual(["new"])
        yield* client.del("leaderboard:shared")
        yield* board.submit("ada", 1)
        expect(yield* client.zcard("{leaderboard:shared}:ranked")).toBe(1)
        expect(yield* order).toEqual(["ada"])
      })
    )

    it.effect("loses only the order of ties when the server evicts a key beside the board", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const board = yield* Leaderboard.make({ key: "evicted" })
        yield* Effect.forEach(
          Array.from({ length: 1_203 }, (_, i) => i),
          (i) => board.submit(`member ${i}`, i % 400),
          { concurrency: 64 }
        )
        for (const key of ["{leaderboard:evicted}:ranked", "{leaderboard:evicted}:arrivals"]) {
          yield* client.del(key)
          const rows = yield* board.top({ offset: 0, limit: 2_000 })
          expect(rows).toEqual(
            Array.from({ length: 1_203 }, (_, i) => ({ member: `member ${i}`, score: i % 400 }))
              .toSorted((a, b) => b.score - a.score || (a.member < b.member ? 1 : -1))
              .map((row, rank) => ({ ...row, rank }))
          )
          expect(yield* client.zcard("{leaderboard:evicted}:ranked")).toBe(1_203)
        }
      })
    )

    it.effect("is repaired once, however many callers read it at a time", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        let repaired = 0
        const counting: RedisClient.Service = {
          ...client,
          run: (script) => {
            const run = client.run(script)
            return (input) => {
              if (script.name === ReadScripts.repair.name) repaired++
              return run(input)
            }
          }
        }
        const board = yield* Effect.provideService(Leaderboard.make({ key: "once" }), RedisClient, counting)
        for (const member of ["ada", "bob", "cyd"]) yield* client.zadd("leaderboard:once", 1, member)
        const reads = Effect.replicateEffect(board.rankOf("bob"), 50, { concurrency: "unbounded" })
        expect(new Set((yield* reads).map(Option.map(({ rank }) => rank)).map(Option.getOrThrow))).toEqual(new Set([1]))
        expect(repaired).toBe(1)
      })
    )

    it.effect("has members of any type that a schema writes as text", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const Level = Schema.compose(Schema.String, Schema.TemplateLiteralParser("level:", Schema.NonNegativeInt))
        const board = yield* Leaderboard.make({ key: "typed", member: Level })
        yield* board.submit(["level:", 3], 10)
        yield* board.submit(["level:", 4], 20)
        expect(yield* board.top({ offset: 0, limit: 10 })).toEqual([
          { rank: 0, member: ["level:", 4], score: 20 },
          { rank: 1, member: ["level:", 3], score: 10 }
        ])
        expect(yield* client.zrevrange("leaderboard:typed", 0, -1)).toEqual(["level:4", "level:3"])
        expect(yield* Effect.flip(board.submit(["level:", -1], 1))).toMatchObject({ _tag: "InvalidArgument" })
        // what is no member has a rank and no row
        yield* client.zadd("leaderboard:typed", 15, "no level")
        expect((yield* board.top({ offset: 0, limit: 10 })).map(({ rank }) => rank)).toEqual([0, 2])
      })
    )

    it.effect("rejects a member with a lone surrogate, since two of them would be one", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const board = yield* Leaderboard.make({ key: "surrogates" })
        yield* board.submit("a\ufffd", 1)
        for (const member of ["a\ud800", "a\udfff"]) {
          for (const rejected of [
            board.submit(member, 2),
            board.rankOf(member),
            board.percentileOf(member),
            board.around(member, { above: 1, below: 1 }),
            board.remove(member)
          ]) {
            expect(yield* Effect.flip<unknown, RedisError, never>(rejected)).toMatchObject({ _tag: "InvalidArgument" })
          }
        }
        expect(yield* client.zrevrangeWithScores("leaderboard:surrogates", 0, -1)).toEqual([
          { member: "a\ufffd", score: 1 }
        ])
        const odd = yield* Leaderboard.make({ key: "\ud800" })
        expect(yield* Effect.flip(odd.submit("ada", 1))).toMatchObject({ _tag: "InvalidArgument" })
      })
    )

    it.effect("keeps its keys in one slot, and rejects a key whose braces are no hash tag", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const tagged = yield* Leaderboard.make({ key: "{guild}:tagged" })
        yield* tagged.submit("ada", 1)
        expect(yield* client.zcard("leaderboard:{guild}:tagged:ranked")).toBe(1)
        for (const key of ["leaderboard:}", "leaderboard:{", "leaderboard:{}", "leaderboard:}{x}{"]) {
          const board = yield* Leaderboard.make({ key })
          const answer = yield* Effect.either(board.submit("ada", 1))
          expect(answer._tag, key).toBe(key === "leaderboard:}{x}{" ? "Right" : "Left")
        }
      })
    )

    it.effect("rejects scores that are no number", () =>
      Effect.gen(function* () {
        const board = yield* Leaderboard.make({ key: "rejected" })
        for (const score of [NaN, Infinity, -Infinity]) {
          expect(yield* Effect.flip(board.submit("ada", score))).toMatchObject({ _tag: "InvalidArgument" })
        }
        expect(yield* board.rankOf("ada")).toEqual(Option.none())
      })
    )

    it.effect("fails when its key holds something else", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const board = yield* Leaderboard.make({ key: "text" })
        yield* client.set("leaderboard:text", "no board")
        const wrongType = { _tag: "RedisServerError", code: "WRONGTYPE" }
        expect(yield* Effect.flip(board.submit("ada", 1))).toMatchObject(wrongType)
        expect(yield* Effect.flip(board.rankOf("ada"))).toMatchObject(wrongType)
        expect(yield* Effect.flip(board.top({ offset: 0, limit: 1 }))).toMatchObject(wrongType)
        expect(yield* Effect.flip(board.remove("ada"))).toMatchObject(wrongType)
      })
    )
  })
})
