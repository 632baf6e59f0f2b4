import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import * as WriteScripts from "../../src/cache/scripts/WriteScripts.js"
import { UserNotFound } from "../../src/game/Database.js"
import { GameId, UserId, UserProfile, UserStats } from "../../src/game/Player.js"
import * as PlayerService from "../../src/game/PlayerService.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { RedisServerError } from "../../src/redis/RedisError.js"
import * as Executors from "../support/faults/Executors.js"
import { newUser, until, whole, withWorld } from "../support/PlayerWorld.js"

describe("reading a player", () => {
  it.effect("asks the database once and then the cache", () =>
    Effect.gen(function* () {
      const loads = yield* Ref.make(0)
      yield* withWorld(
        ({ players }) =>
          Effect.gen(function* () {
            const id = yield* newUser(players, "ada")
            const cold = yield* players.readUserProfile(id)
            expect(cold.source).toBe("Lookup")
            const warm = yield* players.readUserProfile(id)
            expect(warm).toMatchObject({ value: cold.value, source: "Redis" })
            expect(Math.floor(Duration.toSeconds(warm.timeLeft))).toBe(300)
            expect(yield* players.getUserProfile(id)).toEqual(cold.value)
            expect(yield* Ref.get(loads)).toBe(1)
          }),
        {
          spy: (database) => ({
            getUser: (id) =>
              Effect.zipRight(
                Ref.update(loads, (n) => n + 1),
                database.getUser(id)
              )
          })
        }
      )
    })
  )

  it.effect("gives a balance of 0 from the cache", () =>
    withWorld(({ players }) =>
      Effect.gen(function* () {
        const id = yield* newUser(players, "ada")
        expect(yield* players.getUserBalance(id)).toBe(0)
        expect(yield* players.readUserBalance(id)).toMatchObject({ value: 0, source: "Redis" })
      })
    )
  )

  it.effect("answers an unknown player, and an id that cannot be one, by their errors", () =>
    withWorld(({ players, redis }) =>
      Effect.gen(function* () {
        const size = yield* redis.send("DBSIZE")
        for (const text of ["nobody", "*", "{x}"]) {
          const error = yield* Effect.flip(players.getUserProfile(UserId.make(text)))
          expect(error._tag).toBe("UserNotFound")
        }
        for (const text of ["", "x".repeat(600), "line\nbreak"]) {
          const id = UserId.make(text)
          const errors = yield* Effect.all(
            [
              players.getUserProfile(id),
              players.getUserBalance(id),
              players.getUserStats(id),
              players.updateUserProfile(id, { displayName: "x" }),
              players.updateUserBalance(id, 1),
              players.recordGame(id, { won: true, score: 1 }),
              players.claimDailyBonus(id),
              players.transfer(id, UserId.make("b"), 1),
              players.transfer(UserId.make("b"), id, 1),
              players.warmUserCache(id),
              players.invalidateUser(id),
              players.getLeaderboardRank(id),
              players.readGame(GameId.make(text)),
              players.endGame(GameId.make(text))
            ].map((operation) => Effect.flip<unknown, { readonly _tag: string }, never>(operation))
          )
          expect(errors.map(({ _tag }) => _tag)).toEqual(errors.map(() => "InvalidKey"))
        }
        // that the three are unknown is cached; the lease of a lookup that failed is given back in the background
        yield* until(Effect.map(redis.send("DBSIZE"), (now) => now === Number(size) + 3))
      })
    )
  )

  it.effect("asks the database once for an id without a player, for any number and kind of reads", () =>
    Effect.gen(function* () {
      const asked = yield* Ref.make<ReadonlyArray<string>>([])
      const noting =
        <Args extends ReadonlyArray<unknown>, A, E>(name: string, operation: (...args: Args) => Effect.Effect<A, E>) =>
        (...args: Args) =>
          Effect.zipRight(
            Ref.update(asked, (names) => [...names, name]),
            operation(...args)
          )
      yield* withWorld(
        ({ players }) =>
          Effect.gen(function* () {
            const id = UserId.make("nobody")
            const game = GameId.make("none")
            for (let round = 0; round < 10; round++) {
              for (const read of [
                players.readUserProfile(id),
                players.readUserBalance(id),
                players.readUserStats(id),
                players.getLeaderboardRank(id),
                players.readGame(game)
              ]) {
                const error = yield* Effect.flip<unknown, { readonly _tag: string }, never>(read)
                expect(error._tag).toMatch(/^(User|Game)NotFound$/)
              }
            }
            expect((yield* Ref.get(asked)).toSorted()).toEqual(["getBalance", "getGame", "getStats", "getUser"])
          }),
        {
          spy: (database) => ({
            getUser: noting("getUser", database.getUser),
            getBalance: noting("getBalance", database.getBalance),
            getStats: noting("getStats", database.getStats),
            getGame: noting("getGame", database.getGame),
            rankOf: noting("rankOf", database.rankOf)
          })
        }
      )
    })
  )

  it.effect("shows a player whose id was asked for before there was one", () =>
    Effect.gen(function* () {
      const id = UserId.make("guessed")
      const born = yield* Ref.make(Option.none<UserProfile>())
      const ofBorn = <A>(read: (profile: UserProfile) => A) =>
        Effect.flatMap(
          Ref.get(born),
          Option.match({
            onNone: () => new UserNotFound({ userId: id }),
            onSome: (profile) => Effect.succeed(read(profile))
          })
        )
      yield* withWorld(
        ({ players }) =>
          Effect.gen(function* () {
            const reads = [players.getUserProfile(id), players.getUserBalance(id), players.getUserStats(id)]
            for (const read of reads) yield* Effect.flip<unknown, unknown, never>(read)
            expect(yield* newUser(players, "ada")).toBe(id)
            expect((yield* players.getUserProfile(id)).username).toBe("ada")
            expect(yield* players.getUserBalance(id)).toBe(0)
            expect((yield* players.getUserStats(id)).gamesPlayed).toBe(0)
          }),
        {
          spy: (database) => ({
            createUser: (user) =>
              Effect.map(database.createUser(user), (profile) => new UserProfile({ ...profile, id })).pipe(
                Effect.tap((profile) => Ref.set(born, Option.some(profile)))
              ),
            getUser: () => ofBorn((profile) => profile),
            getBalance: () => ofBorn(() => 0),
            getStats: () => ofBorn(() => new UserStats({ gamesPlayed: 0, gamesWon: 0, bestScore: 0, totalScore: 0 }))
          })
        }
      )
    })
  )

  it.effect("does not cache what it read before an update that overtook it", () =>
    Effect.gen(function* () {
      const reading = yield* Deferred.make<void>()
      const proceed = yield* Deferred.make<void>()
      yield* withWorld(
        ({ players }) =>
          Effect.gen(function* () {
            const id = yield* newUser(players, "ada")
            const slow = yield* Effect.fork(players.getUserProfile(id))
            yield* Deferred.await(reading)
            yield* players.updateUserProfile(id, { displayName: "new" })
            yield* Deferred.succeed(proceed, undefined)
            expect((yield* Fiber.join(slow)).displayName).toBe("ada")
            expect((yield* players.getUserProfile(id)).displayName).toBe("new")
          }),
        {
          spy: (database) => ({
            getUser: (id) =>
              Effect.tap(database.getUser(id), () =>
                Effect.zipRight(Deferred.succeed(reading, undefined), Deferred.await(proceed))
              )
          })
        }
      )
    })
  )
})

describe("writing a player", () => {
  it.effect("updates the database first and forgets the cached profile", () =>
    withWorld(({ players, database, cache }) =>
      Effect.gen(function* () {
        const id = yield* newUser(players, "ada")
        yield* players.getUserProfile(id)
        const updated = yield* players.updateUserProfile(id, { displayName: "Countess" })
        expect(updated.displayName).toBe("Countess")
        expect((yield* database.getUser(id)).displayName).toBe("Countess")
        expect(yield* cache.getUserProfile(id)).toEqual(Option.none())
        expect((yield* players.getUserProfile(id)).displayName).toBe("Countess")
      })
    )
  )

  it.effect("writes a balance through: the next read is a hit of the new one", () =>
    withWorld(({ players, database }) =>
      Effect.gen(function* () {
        const id = yield* newUser(players, "ada")
        yield* players.getUserBalance(id)
        expect(yield* players.updateUserBalance(id, 500)).toBe(500)
        expect(yield* database.getBalance(id)).toBe(500)
        expect(yield* players.readUserBalance(id)).toMatchObject({ value: 500, source: "Redis" })
      })
    )
  )

  it.effect("forgets what is cached when a write was committed and its reply was interrupted", () =>
    Effect.gen(function* () {
      const committed = yield* Deferred.make<void>()
      yield* withWorld(
        ({ players }) =>
          Effect.gen(function* () {
            const id = yield* newUser(players, "ada")
            yield* players.getUserBalance(id)
            const writing = yield* Effect.fork(players.updateUserBalance(id, 500))
            yield* Deferred.await(committed)
            yield* Fiber.interrupt(writing)
            expect(yield* players.getUserBalance(id)).toBe(500)
          }),
        {
          spy: (database) => ({
            updateBalance: (id, balance) =>
              Effect.zipRight(
                database.updateBalance(id, balance),
                Effect.zipRight(Deferred.succeed(committed, undefined), Effect.never)
              )
          })
        }
      )
    })
  )

  it.effect("leaves no wrong balance when two writes end in another order than the database's", () =>
    Effect.gen(function* () {
      const firstCommitted = yield* Deferred.make<void>()
      const proceed = yield* Deferred.make<void>()
      yield* withWorld(
        ({ players }) =>
          Effect.gen(function* () {
            const id = yield* newUser(players, "ada")
            const first = yield* Effect.fork(players.updateUserBalance(id, 1))
            yield* Deferred.await(firstCommitted)
            yield* players.updateUserBalance(id, 2)
            yield* Deferred.succeed(proceed, undefined)
            yield* Fiber.join(first)
            expect(yield* players.getUserBalance(id)).toBe(2)
          }),
        {
          spy: (database) => ({
            updateBalance: (id, balance) =>
              Effect.tap(database.updateBalance(id, balance), () =>
                balance === 1
                  ? Effect.zipRight(Deferred.succeed(firstCommitted, undefined), Deferred.await(proceed))
                  : Effect.void
              )
          })
        }
      )
    })
  )

  it.effect("forgets the old balance when the server has no room for the new one", () =>
    Effect.gen(function* () {
      const full = yield* Ref.make(false)
      const redis = Layer.effect(
        RedisClient,
        Effect.map(RedisClient, (client) =>
          Executors.replacing(client, ({ unsafeScript }) => ({
            unsafeScript: (script, input, onReply) => {
              const isFull = Effect.runSync(Ref.get(full)) && script.name === WriteScripts.finish.name
              const rejected = new RedisServerError({ command: script.name, code: "OOM", detail: "OOM no memory" })
              if (isFull) onReply(Exit.fail(rejected))
              else unsafeScript(script, input, onReply)
            }
          }))
        )
      ).pipe(Layer.provide(MemoryRedis.layer()))
      yield* withWorld(
        ({ players }) =>
          Effect.gen(function* () {
            const id = yield* newUser(players, "ada")
            yield* players.getUserBalance(id)
            yield* Ref.set(full, true)
            yield* players.updateUserBalance(id, 7)
            expect(yield* players.getUserBalance(id)).toBe(7)
          }),
        { redis }
      )
    })
  )

  it.effect("grants the daily bonus once in 24 hours, whatever happens to the cache", () =>
    withWorld(({ players, redis }) =>
      Effect.gen(function* () {
        const id = yield* newUser(players, "ada")
        yield* players.getUserBalance(id)
        expect(yield* players.claimDailyBonus(id)).toBe(PlayerService.dailyBonus)
        expect(yield* players.readUserBalance(id)).toMatchObject({
          value: PlayerService.dailyBonus,
          source: "Redis"
        })

        yield* redis.flushDb
        yield* TestClock.adjust("1 hour")
        const rejected = yield* Effect.flip(players.claimDailyBonus(id))
        expect(rejected).toMatchObject({ _tag: "DailyBonusAlreadyClaimed", retryAfter: Duration.hours(23) })
        expect(yield* players.getUserBalance(id)).toBe(PlayerService.dailyBonus)

        yield* TestClock.adjust("23 hours")
        expect(yield* players.claimDailyBonus(id)).toBe(2 * PlayerService.dailyBonus)
        expect(yield* players.getUserBalance(id)).toBe(2 * PlayerService.dailyBonus)
      })
    )
  )

  it.effect("records a game: statistics are read anew and the score is on the leaderboard", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { players } = world
        const id = yield* newUser(players, "ada")
        yield* players.getUserStats(id)
        yield* players.recordGame(id, { won: true, score: 70 })
        yield* whole(world)
        expect(yield* players.recordGame(id, { won: false, score: 20 })).toMatchObject({ gamesPlayed: 2, gamesWon: 1 })
        expect(yield* players.getUserStats(id)).toMatchObject({ gamesPlayed: 2, bestScore: 70, totalScore: 90 })
        expect(yield* players.getLeaderboardRank(id)).toEqual({ rank: 0, userId: id, score: 70 })
      })
    )
  )

  it.effect("warms profile, balance and statistics, and forgets all three", () =>
    withWorld(({ players }) =>
      Effect.gen(function* () {
        const id = yield* newUser(players, "ada")
        const sources = Effect.map(
          Effect.all([players.readUserProfile(id), players.readUserBalance(id), players.readUserStats(id)]),
          (reads) => reads.map(({ source }) => source)
        )
        expect(yield* players.warmUserCache(id)).toBe(3)
        expect(yield* sources).toEqual(["Redis", "Redis", "Redis"])
        expect(yield* players.invalidateUser(id)).toBe(true)
        expect(yield* sources).toEqual(["Lookup", "Lookup", "Lookup"])
        expect((yield* Effect.flip(players.warmUserCache(UserId.make("nobody"))))._tag).toBe("UserNotFound")
      })
    )
  )
})

describe("a game", () => {
  it.effect("is cached from its start to its end, and counted", () =>
    withWorld(({ players, cache }) =>
      Effect.gen(function* () {
        const ada = yield* newUser(players, "ada")
        const game = yield* players.startGame([ada])
        expect(yield* cache.getActiveGames).toBe(1)
        expect(yield* players.readGame(game.id)).toMatchObject({ value: game, source: "Redis" })
        yield* players.endGame(game.id)
        expect(yield* cache.getActiveGames).toBe(0)
        expect((yield* Effect.flip(players.readGame(game.id)))._tag).toBe("GameNotFound")
        expect((yield* Effect.flip(players.endGame(game.id)))._tag).toBe("GameNotFound")
        expect(yield* cache.getActiveGames).toBe(0)
      })
    )
  )
})
