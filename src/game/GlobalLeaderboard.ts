/**
 * The board `leaderboard:global` in Redis: a copy of the database's best scores, of which only a whole one is shown.
 *
 * A server that was restarted or flushed holds no board, and then one of those who played since. So a mark beside the
 * sorted set says that it was built from the whole database; without the mark the board answers nothing, and whoever
 * reads it asks the database and builds it again.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as CacheCodec from "../cache/CacheCodec.js"
import { bypassReason, type Lookup, type ValueCache } from "../cache/ValueCache.js"
import * as Leaderboard from "../coordination/Leaderboard.js"
import { RedisClient } from "../redis/RedisClient.js"
import * as RedisKey from "../redis/RedisKey.js"
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
 * @since 0.1.0
 * @category models
 */
export interface BestScore {
  readonly userId: UserId
  readonly score: number
}

/**
 * Nothing here fails while Redis is away; see `CacheService` for what is answered then.
 *
 * @since 0.1.0
 * @category models
 */
export interface GlobalLeaderboard {
  readonly submit: (userId: UserId, score: number) => Effect.Effect<boolean>
  readonly lookup: (page: Page) => Effect.Effect<Lookup<ReadonlyArray<LeaderboardRow>>>
  readonly store: (page: Page, rows: ReadonlyArray<LeaderboardRow>) => Effect.Effect<boolean>
  readonly rankOf: (userId: UserId) => Effect.Effect<Option.Option<LeaderboardRow>>
  readonly rebuild: <E>(scores: Stream.Stream<BestScore, E>) => Effect.Effect<boolean, E>
}

const boardKey = "leaderboard:global"
const wholeKey = RedisKey.auxiliary(boardKey, "whole")

/** Bounds how long a board can lack what a process could not submit and did not live to make good. */
const wholeFor: Duration.DurationInput = "1 hour"

const rowsCodec = CacheCodec.make(
  Schema.Array(Schema.Struct({ rank: Schema.NonNegativeInt, userId: UserId, score: Schema.Finite }))
)

const pageKey = ({ limit, offset }: Page) => RedisKey.make(`${boardKey}:top`, `${offset}:${limit}`)

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  cache: ValueCache,
  pageTtl: Duration.Duration
): Effect.Effect<GlobalLeaderboard, never, RedisClient> =>
  Effect.gen(function* () {
    const redis = yield* RedisClient
    const board = yield* Leaderboard.make({ key: boardKey })
    const lostSubmission = yield* Ref.make(false)

    const submit = (userId: UserId, score: number) =>
      Either.isLeft(RedisKey.make(boardKey, userId))
        ? Effect.succeed(false)
        : Effect.flatMap(cache.attempt(board.submit(userId, score)), (answer) =>
            Either.isRight(answer) ? Effect.succeed(true) : Effect.as(Ref.set(lostSubmission, true), false)
          )

    /** What the board says, none when it is not whole. The mark is read after it: it then holds for what was read. */
    const ifWhole = <A, E>(read: Effect.Effect<A, E>) =>
      Effect.gen(function* () {
        const value = yield* read
        const mark = yield* redis.get(wholeKey)
        const isWhole = Option.contains(mark, "whole") && !(yield* Ref.get(lostSubmission))
        return isWhole ? Option.some(value) : Option.none()
      })

    const store = (page: Page, rows: ReadonlyArray<LeaderboardRow>) =>
      cache.set(pageKey(page), rowsCodec, rows, pageTtl)

    const lookup = (page: Page): Effect.Effect<Lookup<ReadonlyArray<LeaderboardRow>>> =>
      Effect.gen(function* () {
        const found = yield* cache.lookup(pageKey(page), rowsCodec)
        if (found._tag !== "Miss") return found
        const answer = yield* cache.attempt(ifWhole(board.top(page)))
        if (Either.isLeft(answer)) return { _tag: "Bypass", reason: bypassReason(answer.left) }
        if (Option.isNone(answer.right)) return found
        const rows = answer.right.value.map(({ member, rank, score }) => ({ rank, userId: UserId.make(member), score }))
        yield* store(page, rows)
        return { _tag: "Hit", value: rows, ttl: pageTtl }
      })

    const rankOf = (userId: UserId) =>
      Either.isLeft(RedisKey.make(boardKey, userId))
        ? Effect.succeedNone
        : Effect.map(cache.attempt(ifWhole(board.rankOf(userId))), (answer) =>
            Option.getRight(answer).pipe(
              Option.flatten,
              Option.flatten,
              Option.map(({ rank, score }) => ({ rank, userId, score }))
            )
          )

    const setMark = (text: "building" | "whole", condition?: "XX") =>
      Effect.map(
        cache.attempt(redis.set(wholeKey, text, { ttl: wholeFor, condition })),
        Either.getOrElse(() => false)
      )

    const rebuild = <E>(scores: Stream.Stream<BestScore, E>): Effect.Effect<boolean, E> =>
      Effect.gen(function* () {
        // before the first score is read: what is lost from here on, the mark below does not cover
        yield* Ref.set(lostSubmission, false)
        if (!(yield* setMark("building"))) return false
        const stored = yield* scores.pipe(
          Stream.mapEffect(({ score, userId }) => submit(userId, score), { concurrency: 64, unordered: true }),
          Stream.takeUntil((accepted) => !accepted),
          Stream.runFold(true, (all, accepted) => all && accepted)
        )
        // a flush meanwhile took the first scores away, and the mark with them
        return stored && (yield* setMark("whole", "XX"))
      })

    return { submit, lookup, store, rankOf, rebuild }
  })
