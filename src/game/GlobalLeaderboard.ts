/**
 * Keeps the board `leaderboard:global` in Redis: a copy of the best scores in the database, shown only while it is
 * complete.
 *
 * A restarted or flushed server has an empty board, which later holds only the players since then. A mark beside the
 * sorted set therefore records that the board was built from the whole database, and from how many scores. No player
 * leaves the board. Without the mark, or with fewer members than it records, reads answer none. The reader then asks
 * the database and starts a rebuild.
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
 * The rank and score of a player.
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
 * A score to submit, with its arrival if that is known.
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
 * None of these operations fails while Redis is unavailable; `CacheService` documents their answers.
 *
 * @since 0.1.0
 * @category models
 */
export interface GlobalLeaderboard {
  readonly submit: (score: Score) => Effect.Effect<boolean>
  /** None while the board is incomplete. */
  readonly top: (page: Page) => Effect.Effect<Option.Option<ReadonlyArray<LeaderboardRow>>>
  /** None for an absent player, too. */
  readonly rankOf: (userId: UserId) => Effect.Effect<Option.Option<LeaderboardRow>>
  readonly rebuild: <E>(scores: Stream.Stream<Score, E>) => Effect.Effect<boolean, E>
}

/**
 * The key of the sorted set. Its cached pages have keys below it.
 *
 * @since 0.1.0
 * @category constants
 */
export const boardKey = "leaderboard:global"

const boardName = "global"

const wholeKey = RedisKey.auxiliary(boardKey, "whole")

/** The mark during a rebuild; afterwards it is the number of scores. */
const building = "building"

/** Bounds how long the board may lack a score whose process died before it submitted the score again. */
const wholeFor: Duration.DurationInput = "1 hour"

/** The page size of a rebuild. */
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

    /**
     * Answers a read of the board, none while it is incomplete. The mark is read last, so that it holds for the board
     * that was read.
     */
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
        // before the first score is read: the mark does not cover a submission that fails from here on
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
        // a flush during the rebuild deletes the mark too
        return entered.all && (yield* setMark(String(entered.count), "XX"))
      })

    return { submit, top, rankOf, rebuild }
  })

/** How soon another process may rebuild the board after the death of one that was rebuilding. */
const buildingLock = { timeToLive: "30 seconds" } as const

/**
 * Starts a rebuild of the board in the background, unless one is running in any process or Redis is unavailable. It
 * ends with the scope.
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
    // in the context of construction, not in the transaction of the caller that finds the board incomplete
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
        // the next reader of the incomplete board starts again
        LockLost: () => Effect.void
      }),
      one.withPermitsIfAvailable(1)
    )
    const start = Effect.sync(() => fork(Effect.interruptible(rebuild)))
    return Effect.asVoid(Effect.whenEffect(start, redis.isAvailable))
  })
