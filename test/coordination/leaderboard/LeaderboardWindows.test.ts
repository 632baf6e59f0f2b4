import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as Leaderboard from "../../../src/coordination/Leaderboard.js"
import * as Period from "../../../src/coordination/leaderboard/Period.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { runs } from "../../support/effort.js"
import { onEveryLayer } from "../../support/server/clientLayers.js"

const at = (text: string) => DateTime.unsafeMake(`${text}Z`)
const nameAt = (length: Period.PeriodLength, text: string) => Period.at(length, at(text)).name

describe("days and weeks", () => {
  it("are those of UTC, and weeks begin on Monday", () => {
    expect(nameAt("daily", "2026-11-25T00:00:00.000")).toBe("2026-11-25")
    expect(nameAt("daily", "2026-11-25T23:59:59.999")).toBe("2026-11-25")
    expect(nameAt("weekly", "2026-11-22T23:59:59.999")).toBe("2026-W47")
    expect(nameAt("weekly", "2026-11-23T00:00:00.000")).toBe("2026-W48")
  })

  it("number weeks as ISO 8601 does, around New Year too", () => {
    for (const [day, week] of [
      ["2004-12-31", "2004-W53"],
      ["2005-01-02", "2004-W53"],
      ["2005-01-03", "2005-W01"],
      ["2007-12-31", "2008-W01"],
      ["2008-12-28", "2008-W52"],
      ["2008-12-29", "2009-W01"],
      ["2009-12-31", "2009-W53"],
      ["2010-01-03", "2009-W53"],
      ["2010-01-04", "2010-W01"],
      ["2020-12-31", "2020-W53"],
      ["2024-02-29", "2024-W09"],
      ["2027-01-01", "2026-W53"]
    ] as const) {
      expect(nameAt("weekly", `${day}T12:00:00`), day).toBe(week)
    }
  })

  it("hold their moment, follow one another without a gap, and have names of their own", () => {
    const moment = fc.integer({ min: 0, max: Date.UTC(2200, 0, 1) })
    fc.assert(
      fc.property(moment, fc.constantFrom("daily" as const, "weekly" as const), (millis, length) => {
        const window = Period.at(length, DateTime.unsafeMake(millis))
        expect(window.opens <= millis && millis < window.closes).toBe(true)
        expect(window.closes - window.opens).toBe((length === "daily" ? 1 : 7) * 86_400_000)
        const next = Period.at(length, DateTime.unsafeMake(window.closes))
        expect(next.opens).toBe(window.closes)
        expect(next.name > window.name).toBe(true)
        expect(Period.at(length, DateTime.unsafeMake(window.closes - 1))).toEqual(window)
      }),
      { numRuns: runs(1_000) }
    )
  })
})

describe("boards of days and weeks", () => {
  it.effect("start empty each day, and expire when their time to live has passed", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at("2026-11-25T23:00:00").epochMillis)
      const redis = yield* RedisClient
      const daily = yield* Leaderboard.makeWindows({ key: "day", window: "daily", timeToLive: "2 days" })
      yield* daily.running.submit("ada", 10)
      yield* daily.running.submit("bob", 20)
      expect(yield* daily.running.rankOf("ada")).toEqual(Option.some({ rank: 1, score: 10 }))
      expect(yield* redis.zrevrange("leaderboard:day:2026-11-25", 0, -1)).toEqual(["bob", "ada"])

      yield* TestClock.adjust("1 hour")
      expect(yield* daily.running.top({ offset: 0, limit: 10 })).toEqual([])
      yield* daily.running.submit("ada", 5)
      expect(yield* daily.running.top({ offset: 0, limit: 10 })).toEqual([{ rank: 0, member: "ada", score: 5 }])
      const yesterday = daily.at(at("2026-11-25T12:00:00"))
      expect(yield* yesterday.rankOf("ada")).toEqual(Option.some({ rank: 1, score: 10 }))
      // a late score, which does not let the board live longer
      yield* yesterday.submit("ada", 30)
      expect(yield* yesterday.rankOf("ada")).toEqual(Option.some({ rank: 0, score: 30 }))

      yield* TestClock.adjust(Duration.subtract("2 days", "1 millis"))
      expect(yield* yesterday.size).toBe(2)
      yield* TestClock.adjust("1 millis")
      expect(yield* yesterday.size).toBe(0)
      expect(yield* redis.send("DBSIZE")).toBe(3)
      yield* TestClock.adjust("1 day")
      expect(yield* redis.send("DBSIZE")).toBe(0)
      // too late
      yield* yesterday.submit("ada", 40)
      expect(yield* yesterday.size).toBe(0)
      expect(yield* redis.send("DBSIZE")).toBe(0)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})

describe("a board of a day whose servers' clocks disagree", () => {
  it.effect("takes a submission around midnight, on one of the two days", () =>
    Effect.gen(function* () {
      const midnight = at("2026-11-25T00:00:00").epochMillis
      yield* TestClock.setTime(midnight)
      const client = yield* RedisClient
      let sent = 0
      const disagreeing: RedisClient.Service = {
        ...client,
        run: (script) => {
          const run = client.run(script)
          return (input) => {
            if (typeof input === "object" && input !== null && "keys" in input && "opening" in input) {
              sent++
              // by the clock of each board's server it is the day of the other board
              const isYesterday = JSON.stringify(input.keys).includes("2026-11-24")
              Object.assign(input, { now: isYesterday ? midnight + 2_500 : midnight - 2_500 })
            }
            return run(input)
          }
        }
      }
      const daily = yield* Effect.provideService(
        Leaderboard.makeWindows({ key: "day", window: "daily", timeToLive: "2 days" }),
        RedisClient,
        disagreeing
      )
      expect(yield* daily.running.submit("ada", 10)).toMatchObject({ isNew: true, score: 10 })
      expect(sent).toBe(3)
      const ranks = [at("2026-11-24T12:00:00"), at("2026-11-25T12:00:00")].map((day) => daily.at(day).rankOf("ada"))
      expect((yield* Effect.all(ranks)).filter(Option.isSome)).toEqual([Option.some({ rank: 0, score: 10 })])
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})

describe("a board of a day or week", () => {
  onEveryLayer((it) => {
    it.effect("takes submissions by the server's clock, however wrong the process's own is", () =>
      Effect.gen(function* () {
        const redis = yield* RedisClient
        yield* redis.flushDb
        for (const [wrongBy, member] of [
          [-9 * 86_400_000, "slow"],
          [9 * 86_400_000, "fast"]
        ] as const) {
          const wrong = { ...redis, serverTime: Effect.map(redis.serverTime, (now) => now + wrongBy) }
          const weekly = yield* Effect.provideService(
            Leaderboard.makeWindows({ key: "week", window: "weekly", timeToLive: "1 day" }),
            RedisClient,
            wrong
          )
          expect(yield* weekly.running.submit(member, 1)).toMatchObject({ isNew: true })
        }
        const weekly = yield* Leaderboard.makeWindows({ key: "week", window: "weekly", timeToLive: "1 day" })
        expect((yield* weekly.running.top({ offset: 0, limit: 10 })).map(({ member }) => member)).toEqual([
          "slow",
          "fast"
        ])
        const { closes, name } = Period.at("weekly", DateTime.unsafeMake(yield* redis.serverTime))
        const board = `leaderboard:week:${name}`
        const untilKept = closes + 86_400_000 - (yield* redis.serverTime)
        for (const key of ["", ":ranked", ":arrivals"].map((suffix) =>
          suffix === "" ? board : `{${board}}${suffix}`
        )) {
          const left = Duration.toMillis(Option.getOrThrow(yield* redis.ttl(key)))
          expect(Math.abs(left - untilKept), key).toBeLessThan(60_000)
        }
      })
    )
  })
})
