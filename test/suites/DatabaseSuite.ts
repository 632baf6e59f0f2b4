/**
 * What every implementation of Database promises. Each test builds the layer anew, and finds it empty.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { FencingToken } from "../../src/coordination/DistributedLock.js"
import { Database } from "../../src/game/Database.js"
import { GameId, UserId } from "../../src/game/Player.js"

const person = (username: string) => ({ username, displayName: `The ${username}`, email: `${username}@example.com` })

const nobody = UserId.make("00000000-0000-4000-8000-000000000000")

const createUser = (username: string, balance = 0) =>
  Effect.gen(function* () {
    const database = yield* Database
    const { id } = yield* database.createUser(person(username))
    if (balance > 0) yield* database.updateBalance(id, balance)
    return id
  })

const tagOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.flip,
    Effect.map(({ _tag }) => _tag)
  )

export const suite = (name: string, layer: Layer.Layer<Database, unknown>, skipReason?: string) =>
  describe.skipIf(skipReason !== undefined)(
    skipReason === undefined ? name : `${name} (skipped: ${skipReason})`,
    () => {
      const test = <A, E>(title: string, body: Effect.Effect<A, E, Database>) =>
        it.effect(title, () => Effect.provide(body, layer))

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
          "a name or address with a lone surrogate is refused, two of which would be one to a server",
          Effect.gen(function* () {
            const database = yield* Database
            const ada = yield* createUser("ada\ufffd")
            for (const odd of ["ada\ud800", "ada\udfff"]) {
              const refused = [
                database.createUser(person(odd)),
                database.createUser({ ...person("bob"), displayName: odd }),
                database.createUser({ ...person("bob"), email: `${odd}@example.com` }),
                database.updateUser(ada, { username: odd })
              ]
              expect(yield* Effect.forEach(refused, (each) => tagOf(each))).toEqual(refused.map(() => "DatabaseError"))
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
          "of many who ask for a user name at once one gets it",
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
          "what could not be read back is refused and changes nothing",
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
                refused: true
              })
            }
            expect(yield* database.getBalance(ada)).toBe(Number.MAX_SAFE_INTEGER)
            expect(yield* database.getBalance(bob)).toBe(10)
            expect(yield* database.getUser(bob)).toMatchObject(person("bob"))
            expect((yield* database.getStats(bob)).gamesPlayed).toBe(1)
          })
        )
      })

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
              const refused = yield* Effect.flip(claim(later))
              expect(refused).toMatchObject({ _tag: "DailyBonusAlreadyClaimed", userId: id })
              expect(refused._tag === "DailyBonusAlreadyClaimed" && Duration.toMillis(refused.retryAfter)).toBe(
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

      describe("statistics and scores", () => {
        test(
          "games count up, the best score stays and scores add up",
          Effect.gen(function* () {
            const database = yield* Database
            const id = yield* createUser("ada")
            yield* database.recordGame(id, { won: true, score: 30 })
            const { stats } = yield* database.recordGame(id, { won: false, score: 20 })
            expect({ ...stats }).toEqual({ gamesPlayed: 2, gamesWon: 1, bestScore: 30, totalScore: 50 })
            expect(yield* database.getStats(id)).toEqual(stats)
          })
        )

        test(
          "games recorded at the same time are all counted",
          Effect.gen(function* () {
            const database = yield* Database
            const id = yield* createUser("ada")
            yield* Effect.forEach(Array.range(1, 40), (score) => database.recordGame(id, { won: true, score }), {
              concurrency: "unbounded"
            })
            expect({ ...(yield* database.getStats(id)) }).toEqual({
              gamesPlayed: 40,
              gamesWon: 40,
              bestScore: 40,
              totalScore: 820
            })
          })
        )

        test(
          "the best come first, equal scores in the order in which they were reached, in pages that fit together",
          Effect.gen(function* () {
            const database = yield* Database
            const players = yield* Effect.forEach(
              [30, 10, 30, 0, 30, 20, 30, 30],
              Effect.fnUntraced(function* (score, i) {
                const userId = yield* createUser(`player-${i}`)
                const { arrival } = yield* database.recordGame(userId, { won: false, score })
                return { userId, score, arrival }
              })
            )
            yield* createUser("has-not-played")
            // the order in which they were recorded is kept
            const expected = players.toSorted((a, b) => b.score - a.score)
            expect(yield* database.topScores({ offset: 0, limit: 100 })).toEqual(expected)
            expect(yield* database.topScores({ offset: 3, limit: 2 })).toEqual(expected.slice(3, 5))
            expect(yield* database.topScores({ offset: 8, limit: 2 })).toEqual([])
            expect(yield* database.topScores({ offset: 0, limit: 0 })).toEqual([])
            expect(yield* Effect.forEach(expected, ({ userId }) => database.rankOf(userId))).toEqual(
              expected.map(({ score }, rank) => ({ rank, score }))
            )
            // as good as before is no new coming, better than before is one
            const [first, , , , fifth] = players
            yield* database.recordGame(first?.userId ?? nobody, { won: true, score: 30 })
            yield* database.recordGame(fifth?.userId ?? nobody, { won: true, score: 40 })
            yield* database.recordGame(first?.userId ?? nobody, { won: true, score: 40 })
            const [best, second] = yield* database.topScores({ offset: 0, limit: 2 })
            expect([best?.userId, second?.userId]).toEqual([fifth?.userId, first?.userId])
          })
        )
      })

      describe("games", () => {
        test(
          "a game is read back as created, counted and deleted once",
          Effect.gen(function* () {
            yield* TestClock.setTime(1_765_432_109_876)
            const database = yield* Database
            const players = [yield* createUser("ada"), yield* createUser("bob")]
            const game = yield* database.createGame(players)
            const other = yield* database.createGame([])
            expect(game).toMatchObject({ players, status: "running", round: 0 })
            expect(DateTime.toEpochMillis(game.startedAt)).toBe(1_765_432_109_876)
            expect(yield* database.getGame(game.id)).toEqual(game)
            expect(yield* database.getGame(other.id)).toEqual(other)
            expect(yield* database.countGames).toBe(2)
            yield* database.deleteGame(game.id)
            expect(yield* tagOf(database.deleteGame(game.id))).toBe("GameNotFound")
            expect(yield* tagOf(database.getGame(game.id))).toBe("GameNotFound")
            expect(yield* database.countGames).toBe(1)
          })
        )

        test(
          "a game is changed by the latest holder of its lock, as often as it writes, and by no earlier one",
          Effect.gen(function* () {
            const database = yield* Database
            const game = yield* database.createGame([])
            const other = yield* database.createGame([])
            const [early, late] = [FencingToken.make(1_800_000_000_000_000), FencingToken.make(1_800_000_000_000_001)]
            const write = (round: number, token: FencingToken) => database.updateGame(game.id, { round }, token)

            expect((yield* write(1, early)).round).toBe(1)
            expect((yield* write(2, late)).round).toBe(2)
            expect(yield* Effect.flip(write(3, early))).toMatchObject({
              _tag: "StaleFencingToken",
              gameId: game.id,
              fencingToken: early,
              latest: late
            })
            const waiting = yield* database.updateGame(game.id, { status: "waiting" }, late)
            expect(waiting).toEqual(yield* database.getGame(game.id))
            expect(waiting).toMatchObject({ status: "waiting", round: 2 })
            // each game has a lock of its own
            expect((yield* database.updateGame(other.id, { round: 1 }, early)).round).toBe(1)
          })
        )

        test(
          "of many holders that write a game at once the latest one has the last word, and is never refused",
          Effect.gen(function* () {
            const database = yield* Database
            const { id } = yield* database.createGame([])
            const tokens = [7, 3, 9, 1, 10, 2, 8, 4, 6, 5]
            const outcomes = yield* Effect.forEach(
              tokens,
              (token) => Effect.either(database.updateGame(id, { round: token }, FencingToken.make(token))),
              { concurrency: "unbounded" }
            )
            expect(outcomes.map(Either.isRight)[tokens.indexOf(10)]).toBe(true)
            expect(Array.getLefts(outcomes).filter(({ _tag }) => _tag !== "StaleFencingToken")).toEqual([])
            expect((yield* database.getGame(id)).round).toBe(10)
          })
        )

        test(
          "a game takes no fencing token that none is, nor a round that is none",
          Effect.gen(function* () {
            const database = yield* Database
            const game = yield* database.createGame([])
            for (const token of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
              expect(yield* tagOf(database.updateGame(game.id, { round: 1 }, token as FencingToken))).toBe(
                "DatabaseError"
              )
            }
            expect(yield* tagOf(database.updateGame(game.id, { round: -1 }, FencingToken.make(1)))).toBe(
              "DatabaseError"
            )
            expect(yield* database.getGame(game.id)).toEqual(game)
          })
        )

        test(
          "an unknown game is GameNotFound with the id",
          Effect.gen(function* () {
            const database = yield* Database
            const gameId = GameId.make("none")
            const updated = database.updateGame(gameId, { round: 1 }, FencingToken.make(1))
            expect(yield* Effect.flip(updated)).toMatchObject({ _tag: "GameNotFound", gameId })
            expect(yield* Effect.flip(database.getGame(gameId))).toMatchObject({ _tag: "GameNotFound", gameId })
            expect(yield* Effect.flip(database.deleteGame(gameId))).toMatchObject({ _tag: "GameNotFound", gameId })
          })
        )
      })

      test(
        "it answers a ping",
        Effect.flatMap(Database, ({ ping }) => ping)
      )
    }
  )
