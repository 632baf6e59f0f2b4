/** The balances of users, transfers between them, and the daily bonus. */
import { describe, expect } from "@effect/vitest"
import * as Array from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Database } from "../../../src/game/Database.js"
import { createUser, nobody, type Test, tagOf } from "./fixtures.js"

export const contract = (test: Test): void => {
  describe("balances", () => {
    test(
      "a balance is set and answered, 0 and the greatest safe integer included",
      Effect.gen(function* () {
        const database = yield* Database
        const id = yield* createUser("ada")
        for (const balance of [42, Number.MAX_SAFE_INTEGER, 0]) {
          expect(yield* database.updateBalance(id, balance)).toBe(balance)
          expect(yield* database.getBalance(id)).toBe(balance)
        }
      })
    )

    test(
      "a transfer moves the amount and answers both balances",
      Effect.gen(function* () {
        const database = yield* Database
        const [ada, bob] = [yield* createUser("ada", 100), yield* createUser("bob", 5)]
        expect(yield* database.transfer(ada, bob, 100)).toEqual({ from: 0, to: 105 })
        expect(yield* database.transfer(bob, ada, 5)).toEqual({ from: 100, to: 5 })
        expect(yield* database.getBalance(ada)).toBe(5)
        expect(yield* database.getBalance(bob)).toBe(100)
      })
    )

    test(
      "a transfer beyond the balance fails, in either order of the ids, and moves nothing",
      Effect.gen(function* () {
        const database = yield* Database
        const [ada, bob] = [yield* createUser("ada", 7), yield* createUser("bob", 7)]
        for (const [from, to] of [
          [ada, bob],
          [bob, ada]
        ] as const) {
          expect(yield* Effect.flip(database.transfer(from, to, 8))).toMatchObject({
            _tag: "InsufficientFunds",
            userId: from,
            balance: 7
          })
        }
        expect(yield* database.getBalance(ada)).toBe(7)
        expect(yield* database.getBalance(bob)).toBe(7)
      })
    )

    test(
      "a transfer to oneself needs the funds and changes nothing",
      Effect.gen(function* () {
        const database = yield* Database
        const ada = yield* createUser("ada", 7)
        expect(yield* database.transfer(ada, ada, 7)).toEqual({ from: 7, to: 7 })
        expect(yield* tagOf(database.transfer(ada, ada, 8))).toBe("InsufficientFunds")
        expect(yield* database.getBalance(ada)).toBe(7)
      })
    )

    test(
      "transfers in all directions at once neither lose nor make money",
      Effect.gen(function* () {
        const database = yield* Database
        const ids = yield* Effect.forEach(["ada", "bob", "eve"], (username) => createUser(username, 20))
        const pairs = ids.flatMap((from) => ids.map((to) => [from, to] as const))
        const outcomes = yield* Effect.forEach(
          Array.range(0, 89),
          (i) => {
            const [from, to] = pairs[i % pairs.length] ?? [nobody, nobody]
            return Effect.either(database.transfer(from, to, 1 + (i % 13)))
          },
          { concurrency: "unbounded" }
        )
        const balances = yield* Effect.forEach(ids, database.getBalance)
        expect(balances.reduce((sum, balance) => sum + balance)).toBe(60)
        expect(Math.min(...balances)).toBeGreaterThanOrEqual(0)
        expect(Array.getLefts(outcomes).filter(({ _tag }) => _tag !== "InsufficientFunds")).toEqual([])
      })
    )
  })

  describe("the daily bonus", () => {
    const interval = Duration.toMillis("24 hours")
    const at = (millis: number) => DateTime.unsafeMake(1_765_000_000_000 + millis)

    test(
      "is granted once in 24 hours, and says when it can be claimed again",
      Effect.gen(function* () {
        const database = yield* Database
        const id = yield* createUser("ada", 5)
        const claim = (millis: number) => database.claimDailyBonus(id, { amount: 100, now: at(millis) })
        expect(yield* claim(0)).toBe(105)
        for (const later of [0, 1, 3_600_000, interval - 1]) {
          const rejected = yield* Effect.flip(claim(later))
          expect(rejected).toMatchObject({ _tag: "DailyBonusAlreadyClaimed", userId: id })
          expect(rejected._tag === "DailyBonusAlreadyClaimed" && Duration.toMillis(rejected.retryAfter)).toBe(
            interval - later
          )
        }
        expect(yield* database.getBalance(id)).toBe(105)
        expect(yield* claim(interval)).toBe(205)
        expect(yield* tagOf(claim(2 * interval - 1))).toBe("DailyBonusAlreadyClaimed")
      })
    )

    test(
      "is granted once to many claims at the same time",
      Effect.gen(function* () {
        const database = yield* Database
        const id = yield* createUser("ada")
        const claims = yield* Effect.forEach(
          Array.range(1, 20),
          () => Effect.either(database.claimDailyBonus(id, { amount: 100, now: at(0) })),
          { concurrency: "unbounded" }
        )
        expect(Array.getRights(claims)).toEqual([100])
        expect(yield* database.getBalance(id)).toBe(100)
      })
    )
  })
}
