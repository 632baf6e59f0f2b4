/** The users of a Database. */
import { describe, expect } from "@effect/vitest"
import * as Array from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as TestClock from "effect/TestClock"
import { Database } from "../../../src/game/Database.js"
import { UserId } from "../../../src/game/Player.js"
import { createUser, nobody, person, type Test, tagOf } from "./fixtures.js"

export const contract = (test: Test): void => {
  describe("users", () => {
    test(
      "a new user is read back as created, with the clock's time to the millisecond",
      Effect.gen(function* () {
        yield* TestClock.setTime(1_765_432_109_876)
        const database = yield* Database
        const created = yield* database.createUser(person("ada"))
        expect(created).toMatchObject(person("ada"))
        expect(DateTime.toEpochMillis(created.createdAt)).toBe(1_765_432_109_876)
        expect(yield* database.getUser(created.id)).toEqual(created)
      })
    )

    test(
      "a new user owns nothing and has not played",
      Effect.gen(function* () {
        const database = yield* Database
        const id = yield* createUser("ada")
        expect(yield* database.getBalance(id)).toBe(0)
        expect({ ...(yield* database.getStats(id)) }).toEqual({
          gamesPlayed: 0,
          gamesWon: 0,
          bestScore: 0,
          totalScore: 0
        })
        expect(yield* database.topScores({ offset: 0, limit: 10 })).toEqual([])
        expect(yield* tagOf(database.rankOf(id))).toBe("UserNotFound")
      })
    )

    test(
      "a name or address with a lone surrogate is rejected, since a server would take two of them for one",
      Effect.gen(function* () {
        const database = yield* Database
        const ada = yield* createUser("ada\ufffd")
        for (const odd of ["ada\ud800", "ada\udfff"]) {
          const rejected = [
            database.createUser(person(odd)),
            database.createUser({ ...person("bob"), displayName: odd }),
            database.createUser({ ...person("bob"), email: `${odd}@example.com` }),
            database.updateUser(ada, { username: odd })
          ]
          expect(yield* Effect.forEach(rejected, (each) => tagOf(each))).toEqual(rejected.map(() => "DatabaseError"))
          expect(yield* tagOf(database.getUser(UserId.make(odd)))).toBe("UserNotFound")
        }
        expect((yield* database.getUser(ada)).username).toBe("ada\ufffd")
      })
    )

    test(
      "ids are random UUIDs",
      Effect.gen(function* () {
        const [a, b] = [yield* createUser("ada"), yield* createUser("bob")]
        expect(a).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        expect(a).not.toBe(b)
      })
    )

    test(
      "quotes, percent signs and letters of any script are kept",
      Effect.gen(function* () {
        const database = yield* Database
        const odd = { username: `o'%"; --`, displayName: "Zoë 漢字 🎲", email: "o'hara@example.com" }
        const { id } = yield* database.createUser(odd)
        expect(yield* database.getUser(id)).toMatchObject(odd)
      })
    )

    test(
      "a user name belongs to one user, at creation and at renaming",
      Effect.gen(function* () {
        const database = yield* Database
        yield* createUser("ada")
        const bob = yield* createUser("bob")
        expect(yield* Effect.flip(database.createUser(person("ada")))).toMatchObject({
          _tag: "UsernameTaken",
          username: "ada"
        })
        expect(yield* Effect.flip(database.updateUser(bob, { username: "ada" }))).toMatchObject({
          _tag: "UsernameTaken",
          username: "ada"
        })
        expect(yield* database.getUser(bob)).toMatchObject(person("bob"))
      })
    )

    test(
      "of many callers that ask for a user name at once, one gets it",
      Effect.gen(function* () {
        const database = yield* Database
        const outcomes = yield* Effect.forEach(
          Array.range(1, 20),
          () => Effect.either(database.createUser(person("ada"))),
          { concurrency: "unbounded" }
        )
        expect(outcomes.filter(Either.isRight)).toHaveLength(1)
        expect(Array.getLefts(outcomes).map(({ _tag }) => _tag)).toEqual(Array.replicate("UsernameTaken", 19))
      })
    )

    test(
      "an update changes what it names and answers the whole profile",
      Effect.gen(function* () {
        const database = yield* Database
        const { id } = yield* database.createUser(person("ada"))
        const updated = yield* database.updateUser(id, { displayName: "Countess", username: "ada" })
        expect(updated).toMatchObject({ ...person("ada"), displayName: "Countess" })
        expect(yield* database.updateUser(id, {})).toEqual(updated)
        expect(yield* database.getUser(id)).toEqual(updated)
      })
    )

    test(
      "everything asked of an unknown user is UserNotFound with the id",
      Effect.gen(function* () {
        const database = yield* Database
        const somebody = yield* createUser("ada", 10)
        const now = yield* DateTime.now
        for (const effect of [
          database.getUser(nobody),
          database.updateUser(nobody, { displayName: "x" }),
          database.getBalance(nobody),
          database.updateBalance(nobody, 1),
          database.getStats(nobody),
          database.recordGame(nobody, { won: true, score: 1 }),
          database.claimDailyBonus(nobody, { amount: 1, now }),
          database.rankOf(nobody),
          database.transfer(nobody, somebody, 1),
          database.transfer(somebody, nobody, 1),
          database.transfer(somebody, nobody, 11),
          database.transfer(nobody, nobody, 1)
        ]) {
          expect(yield* Effect.flip<unknown, unknown, never>(effect)).toMatchObject({
            _tag: "UserNotFound",
            userId: nobody
          })
        }
        expect(yield* database.getBalance(somebody)).toBe(10)
      })
    )

    test(
      "a value that could not be read back is rejected, and changes nothing",
      Effect.gen(function* () {
        const database = yield* Database
        const ada = yield* createUser("ada", Number.MAX_SAFE_INTEGER)
        const bob = yield* createUser("bob", 10)
        yield* database.recordGame(bob, { won: false, score: Number.MAX_SAFE_INTEGER })
        const now = yield* DateTime.now
        for (const effect of [
          database.createUser({ ...person("eve"), email: "nowhere" }),
          database.createUser(person("")),
          database.updateUser(bob, { username: "x".repeat(65) }),
          database.updateBalance(bob, -1),
          database.updateBalance(bob, 0.5),
          database.updateBalance(bob, Number.MAX_SAFE_INTEGER + 1),
          database.transfer(bob, ada, -5),
          database.transfer(bob, ada, 1),
          database.claimDailyBonus(ada, { amount: 1, now }),
          database.recordGame(bob, { won: true, score: -1 }),
          database.recordGame(bob, { won: true, score: 1 }),
          database.topScores({ offset: 0, limit: -1 })
        ]) {
          expect(yield* Effect.flip<unknown, unknown, never>(effect)).toMatchObject({
            _tag: "DatabaseError",
            rejected: true
          })
        }
        expect(yield* database.getBalance(ada)).toBe(Number.MAX_SAFE_INTEGER)
        expect(yield* database.getBalance(bob)).toBe(10)
        expect(yield* database.getUser(bob)).toMatchObject(person("bob"))
        expect((yield* database.getStats(bob)).gamesPlayed).toBe(1)
      })
    )
  })
}
