/**
 * The board `leaderboard:global` in Redis: a copy of the database's best scores, of which only a whole one is shown.
 *
 * A server that was restarted or flushed holds no board, and then one of the players since. So a mark beside the
 * sorted set says that it was built from the whole database, and from how many scores. Without the mark, or with fewer
 * members than it says, since nobody leaves the board, it answers nothing, and a reader asks the database and
 * rebuilds it.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as DistributedLock from "../coordination/DistributedLock.js"
import * as Leaderboard from "../coordination/Leaderboard.js"
import { RedisClient } from "../redis/RedisClient.js"
import * as RedisKey from "../redis/RedisKey.js"
import type { BestEffort } from "./BestEffort.js"
import { Database, type DatabaseError } from "./Database.js"
import { UserId } from "./Player.js"

/**
 * A player's place on a leaderboard.
 *
 * @since 0.1.0
 * @category models
 */
export interface LeaderboardRow {
  /** from 0 */
  readonly rank: number
  readonly userId: UserId
  readonly score: number
}

/**
 * Rows from rank `offset` on, at most `limit` of them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Page {
  readonly offset: number
  readonly limit: number
}

/**
 * A score to enter, with the order of its arrival where that is known.
 *
 * @since 0.1.0
 * @category models
 */
export interface Score {
  readonly userId: UserId
  readonly score: number
  readonly arrival?: number | undefined
}

/**
 * Nothing here fails while Redis is away; see `CacheService` for what is answered then.
 *
 * @since 0.1.0
 * @category models
 */
export interface GlobalLeaderboard {
  readonly submit: (score: Score) => Effect.Effect<boolean>
  /** None when the board is not whole. */
  readonly top: (page: Page) => Effect.Effect<Option.Option<ReadonlyArray<LeaderboardRow>>>
  /** None also for a player that is not on it. */
  readonly rankOf: (userId: UserId) => Effect.Effect<Option.Option<LeaderboardRow>>
  readonly rebuild: <E>(scores: Stream.Stream<Score, E>) => Effect.Effect<boolean, E>
}

/**
 * The sorted set's key; its cached pages are under it.
 *
 * @since 0.1.0
 * @category constants
 */
export const boardKey = "leaderboard:global"

const boardName = "global"

const wholeKey = RedisKey.auxiliary(boardKey, "whole")

/** The mark while the board is being built; afterwards it is the number of scores. */
const building = "building"

/** Bounds how long a board can lack what a process could not submit and did not live to make good. */
const wholeFor: Duration.DurationInput = "1 hour"

/** Scores read from the database at a time while the board is built. */
const rebuildPage = 500

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ attempt }: BestEffort): Effect.Effect<GlobalLeaderboard, never, RedisClient> =>
  Effect.gen(function* () {
    const redis = yield* RedisClient
    const board = yield* Leaderboard.make({ key: boardName })
    const lostSubmission = yield* Ref.make(false)

    const submit = ({ arrival, score, userId }: Score) =>
      Either.isLeft(RedisKey.make(boardKey, userId))
        ? Effect.succeed(false)
        : Effect.flatMap(attempt(board.submit(userId, score, { arrival })), (answer) =>
            Either.isRight(answer) ? Effect.succeed(true) : Effect.as(Ref.set(lostSubmission, true), false)
          )

    /** What the board says, none when it is not whole. The mark is read after it: it then holds for what was read. */
    const ifWhole = <A, E>(read: Effect.Effect<A, E>) =>
      Effect.gen(function* () {
        const value = yield* read
        const [mark, members] = yield* Effect.zip(redis.get(wholeKey), redis.zcard(boardKey), { concurrent: true })
        const isComplete = Option.exists(mark, (text) => text !== building && members >= Number(text))
        return isComplete && !(yield* Ref.get(lostSubmission)) ? Option.some(value) : Option.none()
      })

    const top = (page: Page) =>
      Effect.map(attempt(ifWhole(board.top(page))), (answer) =>
        Option.map(Option.flatten(Option.getRight(answer)), (rows) =>
          rows.map(({ member, rank, score }): LeaderboardRow => ({ rank, userId: UserId.make(member), score }))
        )
      )

    const rankOf = (userId: UserId) =>
      Either.isLeft(RedisKey.make(boardKey, userId))
        ? Effect.succeedNone
        : Effect.map(attempt(ifWhole(board.rankOf(userId))), (answer) =>
            Option.getRight(answer).pipe(
              Option.flatten,
              Option.flatten,
              Option.map(({ rank, score }) => ({ rank, userId, score }))
            )
          )

    const setMark = (text: string, condition?: "XX") =>
      Effect.map(
        attempt(redis.set(wholeKey, text, { timeToLive: wholeFor, condition })),
        Either.getOrElse(() => false)
      )

    const rebuild = <E>(scores: Stream.Stream<Score, E>): Effect.Effect<boolean, E> =>
      Effect.gen(function* () {
        // before the first score is read: what is lost from here on, the mark below does not cover
        yield* Ref.set(lostSubmission, false)
        if (!(yield* setMark(building))) return false
        const entered = yield* scores.pipe(
          Stream.mapEffect(submit, { concurrency: 64, unordered: true }),
          Stream.takeUntil((accepted) => !accepted),
          Stream.runFold({ all: true, count: 0 }, ({ all, count }, accepted) => ({
            all: all && accepted,
            count: count + 1
          }))
        )
        // a flush meanwhile took the first scores away, and the mark with them
        return entered.all && (yield* setMark(String(entered.count), "XX"))
      })

    return { submit, top, rankOf, rebuild }
  })

/** How long after a process that died while it built the board another one may begin. */
const buildingLock = { timeToLive: "30 seconds" } as const

/**
 * Starts building the board from the database in the background, unless that is under way, here or in another process, or
 * Redis is away. It ends with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeRebuild = (
  board: GlobalLeaderboard,
  { attempt }: BestEffort
): Effect.Effect<Effect.Effect<void>, never, Database | RedisClient | Scope.Scope> =>
  Effect.gen(function* () {
    const database = yield* Database
    const redis = yield* RedisClient
    // as the board was made, and not in the transaction of the caller that finds it unbuilt
    const fork = yield* FiberSet.makeRuntime<never>()
    const lock = yield* DistributedLock.make
    const one = yield* Effect.makeSemaphore(1)
    const scores: Stream.Stream<Score, DatabaseError> = Stream.paginateChunkEffect(0, (offset) =>
      Effect.map(database.topScores({ offset, limit: rebuildPage }), (rows) => [
        Chunk.fromIterable(rows),
        rows.length < rebuildPage ? Option.none() : Option.some(offset + rebuildPage)
      ])
    )
    const acquire = attempt(
      lock.tryAcquire(`rebuild:${boardKey}`, buildingLock).pipe(Effect.catchTag("InvalidKey", Effect.die))
    )
    const rebuild = acquire.pipe(
      Effect.flatMap((lease) =>
        Effect.transposeMapOption(Option.flatten(Option.getRight(lease)), ({ whileHeld }) =>
          whileHeld(board.rebuild(scores))
        )
      ),
      Effect.scoped,
      Effect.catchTags({
        DatabaseError: (error) => Effect.logWarning(`the cached leaderboard was not built: ${error.message}`),
        // the next caller that finds it unbuilt begins again
        LockLost: () => Effect.void
      }),
      one.withPermitsIfAvailable(1)
    )
    const start = Effect.sync(() => fork(Effect.interruptible(rebuild)))
    return Effect.asVoid(Effect.whenEffect(start, redis.isAvailable))
  })
