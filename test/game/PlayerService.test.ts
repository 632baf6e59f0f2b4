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
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import * as CacheService from "../../src/game/CacheService.js"
import { Database } from "../../src/game/Database.js"
import * as MemoryDatabase from "../../src/game/database/MemoryDatabase.js"
import { GameId, UserId } from "../../src/game/Player.js"
import * as PlayerService from "../../src/game/PlayerService.js"
import * as MemoryRedis from "../../src/redis/driver/MemoryRedis.js"
import { layerOff, RedisClient } from "../../src/redis/RedisClient.js"
import { RedisTimeout, RedisUnavailable } from "../../src/redis/RedisError.js"
import * as FailingRedis from "../support/FailingRedis.js"

interface World {
  readonly players: PlayerService.PlayerService.Service
  readonly cache: CacheService.CacheService.Service
  readonly database: Database.Service
  readonly redis: RedisClient.Service
}

/** Runs a test on memory layers; `spy` may replace operations of the database as the player service sees it. */
const withWorld = <A, E>(
  body: (world: World) => Effect.Effect<A, E>,
  options: {
    readonly redis?: Layer.Layer<RedisClient>
    readonly spy?: (database: Database.Service) => Partial<Database.Service>
  } = {}
) =>
  Effect.gen(function* () {
    const database = yield* Database
    const spied = Layer.succeed(Database, { ...database, ...options.spy?.(database) })
    const layers = PlayerService.layer.pipe(
      Layer.provideMerge(CacheService.layer),
      Layer.provideMerge(options.redis ?? MemoryRedis.layer),
      Layer.provide(spied)
    )
    return yield* Effect.gen(function* () {
      const players = yield* PlayerService.PlayerService
      const cache = yield* CacheService.CacheService
      const redis = yield* RedisClient
      return yield* body({ players, cache, database, redis })
    }).pipe(Effect.provide(layers))
  }).pipe(Effect.provide(MemoryDatabase.layer))

const newUser = (players: PlayerService.PlayerService.Service, username: string) =>
  Effect.map(players.createUser({ username, displayName: username, email: `${username}@example.org` }), ({ id }) => id)

const page = { offset: 0, limit: 10 }

/** Lets the fiber that builds the leaderboard run until a condition holds. */
const until = <E>(condition: Effect.Effect<boolean, E>) =>
  Effect.repeat(Effect.zipRight(Effect.yieldNow(), condition), { until: (holds) => holds })

const whole = ({ players, redis }: World) =>
  Effect.zipRight(
    players.readLeaderboard({ offset: 0, limit: 1 }),
    until(Effect.map(redis.get("{leaderboard:global}:whole"), Option.contains("whole")))
  )

describe("reading a player", () => {
  it.effect("asks the database once and then the cache", () =>
    Effect.gen(function* () {
      const loads = yield* Ref.make(0)
      yield* withWorld(
        ({ players }) =>
          Effect.gen(function* () {
            const id = yield* newUser(players, "ada")
            const cold = yield* players.readUserProfile(id)
            expect(cold.source).toEqual({ _tag: "Miss" })
            const warm = yield* players.readUserProfile(id)
            expect(warm).toMatchObject({ value: cold.value, source: { _tag: "Hit", value: cold.value } })
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
        expect(yield* players.readUserBalance(id)).toMatchObject({ value: 0, source: { _tag: "Hit" } })
      })
    )
  )

  it.effect("answers an unknown player, and an id that cannot be one, by their errors", () =>
    withWorld(({ players, redis }) =>
      Effect.gen(function* () {
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
        expect(yield* redis.send("DBSIZE")).toBe(0)
      })
    )
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
        expect(yield* players.readUserBalance(id)).toMatchObject({ value: 500, source: { _tag: "Hit" } })
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
        Effect.map(RedisClient, (client) => ({
          ...client,
          set: (...args: Parameters<typeof client.set>) =>
            Effect.if(Ref.get(full), {
              onTrue: () => Effect.fail(new RedisTimeout({ command: "SET", waitedMillis: 1 })),
              onFalse: () => client.set(...args)
            })
        }))
      ).pipe(Layer.provide(MemoryRedis.layer))
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
          source: { _tag: "Hit" }
        })

        yield* redis.flushDb
        yield* TestClock.adjust("1 hour")
        const refused = yield* Effect.flip(players.claimDailyBonus(id))
        expect(refused).toMatchObject({ _tag: "DailyBonusAlreadyClaimed", retryAfter: Duration.hours(23) })
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
          (reads) => reads.map(({ source }) => source._tag)
        )
        expect(yield* players.warmUserCache(id)).toBe(3)
        expect(yield* sources).toEqual(["Hit", "Hit", "Hit"])
        expect(yield* players.invalidateUser(id)).toBe(true)
        expect(yield* sources).toEqual(["Miss", "Miss", "Miss"])
        expect((yield* Effect.flip(players.warmUserCache(UserId.make("nobody"))))._tag).toBe("UserNotFound")
      })
    )
  )
})

describe("a transfer", () => {
  const funded = (world: World) =>
    Effect.gen(function* () {
      const from = yield* newUser(world.players, "ada")
      const to = yield* newUser(world.players, "bob")
      yield* world.players.updateUserBalance(from, 100)
      yield* world.players.getUserBalance(to)
      return { from, to }
    })

  it.effect("moves the amount and leaves no old balance in the cache", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { from, to } = yield* funded(world)
        expect(yield* world.players.transfer(from, to, 30)).toEqual({ from: 70, to: 30 })
        expect(yield* world.players.getUserBalance(from)).toBe(70)
        expect(yield* world.players.getUserBalance(to)).toBe(30)
      })
    )
  )

  it.effect("moves nothing that is not there, and no amount that is none", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { from, to } = yield* funded(world)
        expect((yield* Effect.flip(world.players.transfer(from, to, 101)))._tag).toBe("InsufficientFunds")
        for (const amount of [0, -5, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
          expect((yield* Effect.flip(world.players.transfer(from, to, amount)))._tag).toBe("InvalidAmount")
        }
        expect(yield* world.players.getUserBalance(from)).toBe(100)
        expect(yield* world.players.getUserBalance(to)).toBe(0)
      })
    )
  )

  it.effect("to oneself changes nothing and does not wait for itself", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { from } = yield* funded(world)
        expect(yield* world.players.transfer(from, from, 30)).toEqual({ from: 100, to: 100 })
      })
    )
  )

  it.effect("waits for another of the same player, and is refused when that does not end", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { from, to } = yield* funded(world)
        const lock = yield* Effect.provideService(DistributedLock.make, RedisClient, world.redis)
        const token = Option.getOrThrow(yield* lock.acquireLock(`transfer:${to}`, "1 hour"))

        const refused = yield* Effect.fork(Effect.flip(world.players.transfer(from, to, 30)))
        yield* TestClock.adjust("1 minute")
        expect((yield* Fiber.join(refused))._tag).toBe("TransferBusy")
        expect(yield* world.players.getUserBalance(from)).toBe(100)

        const waiting = yield* Effect.fork(world.players.transfer(from, to, 30))
        yield* TestClock.adjust("1 second")
        yield* lock.releaseLock(`transfer:${to}`, token)
        yield* TestClock.adjust("1 second")
        expect(yield* Fiber.join(waiting)).toEqual({ from: 70, to: 30 })
      })
    )
  )

  it.effect("does not wait for one in the opposite direction that waits for it", () => {
    // other callers get their turn between any two commands, as they do with a server
    const redis = Layer.effect(
      RedisClient,
      Effect.map(RedisClient, (client) =>
        RedisClient.of({
          ...client,
          run: (script) => {
            const run = client.run(script)
            return (input) => Effect.zipRight(Effect.yieldNow(), run(input))
          }
        })
      )
    ).pipe(Layer.provide(MemoryRedis.layer))
    return withWorld(
      (world) =>
        Effect.gen(function* () {
          const { from, to } = yield* funded(world)
          yield* world.players.updateUserBalance(to, 100)
          const transfers = yield* Effect.fork(
            Effect.forEach(
              Array.from({ length: 20 }, (_, i) => i),
              (i) => (i % 2 === 0 ? world.players.transfer(from, to, 1) : world.players.transfer(to, from, 1)),
              { concurrency: "unbounded" }
            )
          )
          yield* Effect.repeatN(TestClock.adjust("10 millis"), 180)
          const outcome = yield* Fiber.poll(transfers)
          expect(Option.map(outcome, Exit.isSuccess)).toEqual(Option.some(true))
          expect(yield* world.players.getUserBalance(from)).toBe(100)
          expect(yield* world.players.getUserBalance(to)).toBe(100)
        }),
      { redis }
    )
  })

  it.effect("happens once, protected by the database alone, while Redis is away", () =>
    Effect.gen(function* () {
      const failure = yield* FailingRedis.failure
      const transfers = yield* Ref.make(0)
      yield* withWorld(
        (world) =>
          Effect.gen(function* () {
            const { from, to } = yield* funded(world)
            yield* Ref.set(failure, Option.some(new RedisUnavailable({ reason: "Disconnected" })))
            expect(yield* world.players.transfer(from, to, 30)).toEqual({ from: 70, to: 30 })
            expect(yield* Ref.get(transfers)).toBe(1)
          }),
        {
          redis: FailingRedis.layer(failure, MemoryRedis.layer),
          spy: (database) => ({
            transfer: (...args) =>
              Effect.zipRight(
                Ref.update(transfers, (n) => n + 1),
                database.transfer(...args)
              )
          })
        }
      )
    })
  )
})

describe("the leaderboard", () => {
  const played = (players: PlayerService.PlayerService.Service) =>
    Effect.gen(function* () {
      const ids: Array<UserId> = []
      for (const [name, score] of [
        ["ada", 70],
        ["bob", 90],
        ["cid", 70]
      ] as const) {
        const id = yield* newUser(players, name)
        yield* players.recordGame(id, { won: true, score })
        ids.push(id)
      }
      return ids
    })

  it.effect("comes from the database first and from the cache once it is built", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { players, database } = world
        yield* played(players)
        const cold = yield* players.readLeaderboard(page)
        expect(cold.source._tag).toBe("Miss")
        expect(cold.value.map(({ rank }) => rank)).toEqual([0, 1, 2])
        expect(cold.value.map(({ userId, score }) => ({ userId, score }))).toEqual(yield* database.topScores(page))
        yield* whole(world)
        const fromSet = yield* players.readLeaderboard({ offset: 1, limit: 7 })
        expect(fromSet.source._tag).toBe("Hit")
        expect(fromSet.value).toEqual(cold.value.slice(1))
      })
    )
  )

  it.effect("is the same after a flush, with games played since", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { players, redis, database } = world
        const [ada = UserId.make("")] = yield* played(players)
        yield* whole(world)
        yield* redis.flushDb
        yield* players.recordGame(ada, { won: true, score: 80 })
        const { value } = yield* players.readLeaderboard(page)
        expect(value.map(({ userId, score }) => ({ userId, score }))).toEqual(yield* database.topScores(page))
        expect(yield* players.getLeaderboardRank(ada)).toEqual({ rank: 1, userId: ada, score: 80 })
        yield* whole(world)
        expect(yield* players.getLeaderboardRank(ada)).toEqual({ rank: 1, userId: ada, score: 80 })
      })
    )
  )

  it.effect("is built again when a rank is asked for that the cache does not know", () =>
    withWorld(({ players, cache, redis }) =>
      Effect.gen(function* () {
        const [ada = UserId.make("")] = yield* played(players)
        yield* redis.flushDb
        const { rank } = yield* players.getLeaderboardRank(ada)
        yield* until(Effect.map(cache.getLeaderboardRank(ada), Option.isSome))
        expect(Option.map(yield* cache.getLeaderboardRank(ada), (row) => row.rank)).toEqual(Option.some(rank))
        expect((yield* Effect.flip(players.getLeaderboardRank(UserId.make("nobody"))))._tag).toBe("UserNotFound")
      })
    )
  )

  it.effect("is built whole from more players than one statement reads", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { players, cache, database } = world
        for (let i = 0; i < 1001; i++) {
          const { id } = yield* database.createUser({ username: `u${i}`, displayName: "x", email: "x@example.org" })
          yield* database.recordGame(id, { won: false, score: i })
        }
        yield* players.readLeaderboard(page)
        yield* whole(world)
        const last = yield* cache.lookupLeaderboard({ offset: 1000, limit: 10 })
        expect(last).toMatchObject({ _tag: "Hit", value: [{ rank: 1000, score: 0 }] })
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
        expect(yield* players.readGame(game.id)).toMatchObject({ value: game, source: { _tag: "Hit" } })
        yield* players.endGame(game.id)
        expect(yield* cache.getActiveGames).toBe(0)
        expect((yield* Effect.flip(players.readGame(game.id)))._tag).toBe("GameNotFound")
        expect((yield* Effect.flip(players.endGame(game.id)))._tag).toBe("GameNotFound")
        expect(yield* cache.getActiveGames).toBe(0)
      })
    )
  )
})

describe("without Redis", () => {
  it.effect("every pattern works on the database alone and says that the cache was not used", () =>
    withWorld(
      ({ players }) =>
        Effect.gen(function* () {
          const bypass = { _tag: "Bypass", reason: "Disabled" }
          const ada = yield* newUser(players, "ada")
          const bob = yield* newUser(players, "bob")
          yield* players.updateUserProfile(ada, { displayName: "Countess" })
          expect(yield* players.readUserProfile(ada)).toMatchObject({
            value: { displayName: "Countess" },
            source: bypass
          })
          yield* players.updateUserBalance(ada, 100)
          expect(yield* players.transfer(ada, bob, 40)).toEqual({ from: 60, to: 40 })
          expect(yield* players.claimDailyBonus(ada)).toBe(60 + PlayerService.dailyBonus)
          expect((yield* Effect.flip(players.claimDailyBonus(ada)))._tag).toBe("DailyBonusAlreadyClaimed")
          expect(yield* players.readUserBalance(bob)).toEqual({ value: 40, source: bypass })
          yield* players.recordGame(ada, { won: true, score: 70 })
          expect(yield* players.readUserStats(ada)).toMatchObject({ value: { bestScore: 70 }, source: bypass })
          expect(yield* players.readLeaderboard(page)).toEqual({
            value: [{ rank: 0, userId: ada, score: 70 }],
            source: bypass
          })
          expect(yield* players.getLeaderboardRank(ada)).toEqual({ rank: 0, userId: ada, score: 70 })
          expect(yield* players.warmUserCache(ada)).toBe(0)
          expect(yield* players.invalidateUser(ada)).toBe(false)
          const game = yield* players.startGame([ada, bob])
          expect(yield* players.readGame(game.id)).toEqual({ value: game, source: bypass })
          yield* players.endGame(game.id)
        }),
      { redis: layerOff }
    )
  )
})
