/** What the demo shows on whatever Redis it is given: each step is checked, and a step that goes wrong ends the demo. */

import { Array, Console, Data, Duration, Effect, Option, Schedule, Stream } from "effect"
import { RedisClient, RedisKey, type RedisStatus } from "effect-cache-toolkit"
import { CacheService, Database, type Player, PlayerService } from "effect-cache-toolkit/game"
import {
  allFrom,
  type DemoPlayer,
  type PlayerRead,
  readAll,
  readAllCold,
  rehearse,
  rounds,
  sameValues
} from "./Reads.js"
import * as Table from "./Table.js"

export class DemoFailed extends Data.TaggedError("DemoFailed")<{ readonly message: string }> {}

const expect = (holds: boolean, message: string) => (holds ? Effect.void : Effect.fail(new DemoFailed({ message })))

const cast = [
  { name: "Ada", games: [1180, 2040] },
  { name: "Alan", games: [1720] },
  { name: "Barbara", games: [640, 990, 1310] },
  { name: "Edsger", games: [1500] },
  { name: "Grace", games: [2200, 800] },
  { name: "Katherine", games: [1960] }
]

const newPlayer = (name: string, games: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const database = yield* Database.Database
    const username = name.toLowerCase()
    const { id } = yield* database.createUser({ username, displayName: name, email: `${username}@example.com` })
    yield* database.updateBalance(id, 100)
    yield* Effect.forEach(games, (score) => database.recordGame(id, { won: score > 1000, score }), { discard: true })
    return { id, name } satisfies DemoPlayer
  })

const coldAndWarm = (players: ReadonlyArray<DemoPlayer>) =>
  Effect.gen(function* () {
    const cold = yield* readAllCold(players)
    const warm = yield* readAll(players)
    yield* expect(allFrom(cold, "Lookup"), "the first reads should have missed the cache")
    yield* expect(allFrom(warm, "Redis"), "the second reads should have hit the cache")
    yield* expect(sameValues(cold, warm), "the cache answered something else than the database")
    yield* Console.log(
      Table.table(
        [
          { title: "player" },
          { title: "cold" },
          { title: "time", align: "right" },
          { title: "warm" },
          { title: "time", align: "right" }
        ],
        [
          ...players.map(({ name }, index) => [
            name,
            Table.yellow("miss"),
            Table.millis(cold[index]?.time ?? Duration.zero),
            Table.green("hit"),
            Table.millis(warm[index]?.time ?? Duration.zero)
          ]),
          [
            Table.bold("median"),
            "",
            Table.bold(Table.millis(Table.median(cold.map(({ time }) => time)))),
            "",
            Table.bold(Table.millis(Table.median(warm.map(({ time }) => time))))
          ]
        ]
      )
    )
    yield* Console.log(
      Table.dim(
        `  Profile, balance and statistics of a player, the median of ${rounds} rounds. SQLite answers inside this process:\n` +
          "  a database across a network adds its round trips to each miss.\n"
      )
    )
  })

const writes = (player: DemoPlayer) =>
  Effect.gen(function* () {
    const cache = yield* CacheService.CacheService
    const players = yield* PlayerService.PlayerService

    yield* players.updateUserBalance(player.id, 250)
    const balance = yield* cache.getUserBalanceResult(player.id)
    yield* expect(
      Option.exists(balance, ({ value }) => value === 250),
      "the write should have gone through to the cache"
    )
    const left = Option.match(balance, {
      onNone: () => 0,
      onSome: ({ timeLeft }) => Math.ceil(Duration.toSeconds(timeLeft))
    })

    yield* players.updateUserProfile(player.id, { displayName: `${player.name} the First` })
    const dropped = yield* cache.getUserProfileResult(player.id)
    const reloaded = yield* players.readUserProfile(player.id)
    yield* expect(Option.isNone(dropped), "the profile should have left the cache")
    yield* expect(reloaded.value.displayName === `${player.name} the First`, "the old profile was served")

    const granted = yield* players.claimDailyBonus(player.id)
    const rejected = yield* Effect.option(Effect.flip(players.claimDailyBonus(player.id)))
    const wait = rejected.pipe(
      Option.filter((error) => error._tag === "DailyBonusAlreadyClaimed"),
      Option.map((error) => Duration.format(Duration.seconds(Math.round(Duration.toSeconds(error.retryAfter)))))
    )
    yield* expect(granted === 350 && Option.isSome(wait), "the daily bonus should have been granted once")

    yield* Console.log(
      Table.list([
        ["write-through", `${player.name}'s balance set to 250: the cache holds ${Table.green("250")} for ${left} s`],
        [
          "invalidation",
          `${player.name} renamed: ${Table.yellow("miss")}, then "${reloaded.value.displayName}" from the database`
        ],
        ["daily bonus", `first claim ${Table.green("granted")}, the balance is ${granted}`],
        ["", `second claim ${Table.yellow("rejected")}, the next one in ${Option.getOrElse(wait, () => "?")}`]
      ])
    )
    yield* Console.log("")
  })

const page = { offset: 0, limit: 5 }
const boardKey = "leaderboard:global"
const boardKeys = [
  boardKey,
  ...["ranked", "arrivals", "whole"].map((suffix) => RedisKey.auxiliary(boardKey, suffix)),
  RedisKey.auxiliary(`lock:rebuild:${boardKey}`, "fence"),
  `${boardKey}:top:${page.offset}%3A${page.limit}`
]

const leaderboard = (players: ReadonlyArray<DemoPlayer>) =>
  Effect.gen(function* () {
    const service = yield* PlayerService.PlayerService
    const cache = yield* CacheService.CacheService
    const first = yield* service.readLeaderboard(page)
    const second = yield* service.readLeaderboard(page)
    yield* expect(first.source === "Lookup" && second.source === "Redis", "the leaderboard was not cached")
    const winner = first.value[0]
    yield* expect(winner?.score === 2200, "the leaderboard should be led by the best game")
    // the sorted set is filled in the background
    yield* Effect.transposeMapOption(Option.fromNullable(winner), ({ userId }) =>
      cache
        .getLeaderboardRank(userId)
        .pipe(
          Effect.repeat({ until: Option.isSome, schedule: Schedule.spaced("10 millis") }),
          Effect.timeout("5 seconds")
        )
    )
    const nameOf = (id: Player.UserId) => players.find((player) => player.id === id)?.name ?? id
    yield* Console.log(
      Table.table(
        [{ title: "leaderboard" }, { title: "best", align: "right" }, { title: "" }],
        second.value.map(({ rank, score, userId }) => [
          `${rank + 1}. ${nameOf(userId)}`,
          String(score),
          Table.bar(score / (winner?.score ?? score))
        ])
      )
    )
    yield* Console.log(
      Table.dim("  The first reader asked the database; the next ones read the sorted set or a cached page of it.\n")
    )
  }).pipe(Effect.ensuring(Effect.ignore(Effect.flatMap(RedisClient.RedisClient, (redis) => redis.del(...boardKeys)))))

/** Somebody else's board stays as it is. */
const leaderboardUnlessTaken = (players: ReadonlyArray<DemoPlayer>) =>
  Effect.flatMap(RedisClient.RedisClient, (redis) =>
    Effect.if(
      Effect.map(redis.send("EXISTS", ...boardKeys), (count) => count === 0),
      {
        onTrue: () => leaderboard(players),
        onFalse: () => Console.log(Table.dim(`  ${boardKey} exists on this server already, and is left alone.\n`))
      }
    )
  )

const reasonOf = (read: PlayerRead | undefined) => read?.sources.flatMap(({ reason }) => reason ?? [])[0] ?? ""

const away = (players: ReadonlyArray<DemoPlayer>, before: ReadonlyArray<PlayerRead>) =>
  Effect.gen(function* () {
    const reads = yield* readAll(players)
    yield* expect(allFrom(reads, "Degraded"), "the reads should have passed the cache by")
    yield* expect(sameValues(before, reads), "the database answered something else than the cache")
    yield* Console.log(
      Table.table(
        [{ title: "player" }, { title: "Redis is away" }, { title: "time", align: "right" }, { title: "answer" }],
        players.map(({ name }, index) => [
          name,
          Table.yellow(`bypass (${reasonOf(reads[index])})`),
          Table.millis(reads[index]?.time ?? Duration.zero),
          "the same, from the database"
        ])
      )
    )
  })

const awaitState = (holds: (state: RedisStatus.ConnectionState) => boolean) =>
  Effect.flatMap(RedisClient.RedisClient, (redis) =>
    redis.statusChanges.pipe(
      Stream.filter(holds),
      Stream.runHead,
      Effect.timeoutFail({
        duration: "10 seconds",
        onTimeout: () => new DemoFailed({ message: "the connection did not change in time" })
      })
    )
  )

/**
 * What was cached before the outage is looked up once more, since another process may have changed it unheard, and only
 * when the cache has taken note of the new connection.
 */
const backToHits = (players: ReadonlyArray<DemoPlayer>, before: ReadonlyArray<PlayerRead>) =>
  Effect.gen(function* () {
    const reads = yield* Effect.delay(readAll(players), "20 millis").pipe(
      Effect.tap((reads) => expect(sameValues(before, reads), "the cache came back with something else")),
      Effect.repeat({ until: (reads) => allFrom(reads, "Redis") }),
      Effect.timeoutFail({
        duration: "10 seconds",
        onTimeout: () => new DemoFailed({ message: "the cache is not used again" })
      })
    )
    const time = Table.median(reads.map(({ time }) => time))
    yield* Console.log(
      `\n  The connection is mended: each value was looked up once more and ${Table.green("hits the cache again")}, ${Table.millis(time)}.`
    )
  })

/** `takeAway` makes Redis unreachable; `bringBack`, where that is possible, undoes it. */
export const tell = (redis: {
  readonly takeAway: Effect.Effect<void, never, RedisClient.RedisClient>
  readonly bringBack: Option.Option<Effect.Effect<void>>
}) =>
  Effect.gen(function* () {
    const service = yield* PlayerService.PlayerService
    const understudy = yield* newPlayer("Understudy", [])
    const players = yield* Effect.forEach(cast, ({ games, name }) => newPlayer(name, games))
    const everyone = [understudy, ...players]

    yield* Effect.gen(function* () {
      yield* rehearse(understudy)
      yield* coldAndWarm(players)
      yield* Effect.transposeMapOption(Array.head(players), writes)
      yield* leaderboardUnlessTaken(players)

      const before = yield* readAll(players)
      yield* redis.takeAway
      yield* awaitState((state) => state._tag !== "Connected")
      yield* away(players, before)

      yield* Effect.transposeMapOption(redis.bringBack, (bringBack) =>
        Effect.gen(function* () {
          yield* bringBack
          yield* awaitState((state) => state._tag === "Connected")
          yield* backToHits(players, before)
        })
      )
    }).pipe(
      Effect.ensuring(
        Effect.ignore(Effect.forEach(everyone, ({ id }) => service.invalidateUser(id), { discard: true }))
      )
    )
  })
