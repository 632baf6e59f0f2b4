/**
 * Members ranked by their best score, in one sorted set.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisScript from "../redis/RedisScript.js"
import { finite, wholeMillis } from "./arguments.js"

/**
 * A member's place: ranks count from 0, the highest score first.
 *
 * @since 0.1.0
 * @category models
 */
export interface Standing {
  readonly rank: number
  readonly score: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RankedMember extends Standing {
  readonly member: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Submission {
  /** the score that the board keeps: the best one submitted */
  readonly score: number
  /** whether the member was not on the board before */
  readonly isNew: boolean
  /** whether the score submitted is the one kept because it beat the former, or is the member's first */
  readonly isBest: boolean
}

/**
 * A board. Scores are doubles: integers are exact up to 2^53. Equal scores rank by the bytes of the member, the last
 * first.
 *
 * @since 0.1.0
 * @category models
 */
export interface Leaderboard {
  /**
   * Enters a score, of which the best is kept. Repeating it after an unknown outcome does no harm, but `isNew` and
   * `isBest` may then be false for a score that the first call entered. Fails with `RedisServerError`, code `ERR`, when
   * the score is infinite or NaN.
   */
  readonly submit: (member: string, score: number) => Effect.Effect<Submission, RedisError>
  /** The members from rank `offset` on, at most `limit` of them; none when `limit` is not positive. */
  readonly top: (page: {
    readonly offset: number
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<RankedMember>, RedisError>
  /** Rank and score as they were at one moment; none when the member is not on the board. */
  readonly rankOf: (member: string) => Effect.Effect<Option.Option<Standing>, RedisError>
  /** Takes a member off the board and says whether it was there. */
  readonly remove: (member: string) => Effect.Effect<boolean, RedisError>
}

/** A score as scripts reply it: the text that Redis gives for a double, which spells the infinite ones its own way. */
const ScoreText = Schema.transform(Schema.String, Schema.Number, {
  strict: true,
  decode: (text) => (text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text)),
  encode: String
})

/** A score is a string on one server and a double on another, where `tostring` would keep only 14 digits. */
const scoreTextLua = `
    local function text(score)
      if type(score) == "number" then return string.format("%.17g", score) end
      return score
    end
`

/**
 * Keeps the better of the old and the new score. The reply is whether the member is new, whether the score was taken, and
 * the score kept. A `ttlMillis` of 0 leaves the key's time to live as it is.
 *
 * @since 0.1.0
 * @category scripts
 */
export const submitScript = RedisScript.make({
  name: "leaderboard.submit",
  idempotent: true,
  keys: (input: {
    readonly key: string
    readonly member: string
    readonly score: number
    readonly ttlMillis: number
  }) => [input.key],
  args: (input) => [input.member, input.score, input.ttlMillis],
  lua: `
    ${scoreTextLua}
    local before = redis.call("ZSCORE", KEYS[1], ARGV[1])
    local changed = redis.call("ZADD", KEYS[1], "GT", "CH", ARGV[2], ARGV[1])
    if tonumber(ARGV[3]) > 0 then redis.call("PEXPIRE", KEYS[1], ARGV[3]) end
    return {before and 0 or 1, math.floor(changed), text(redis.call("ZSCORE", KEYS[1], ARGV[1]))}
  `,
  reply: Schema.Tuple(Schema.Int, Schema.Int, ScoreText),
  model: ({ keys: [key = ""], args: [member = "", score = "", ttl = ""], call }) => {
    const before = call("ZSCORE", key, member)
    const changed = call("ZADD", key, "GT", "CH", score, member)
    if (Number(ttl) > 0) call("PEXPIRE", key, ttl)
    return [before === null ? 1 : 0, changed, call("ZSCORE", key, member)]
  }
})

/**
 * A member's rank from the highest score, and the score; null when the member is not on the board.
 *
 * @since 0.1.0
 * @category scripts
 */
export const rankOfScript = RedisScript.make({
  name: "leaderboard.rankOf",
  idempotent: true,
  keys: (input: { readonly key: string; readonly member: string }) => [input.key],
  args: (input) => [input.member],
  lua: `
    ${scoreTextLua}
    local rank = redis.call("ZREVRANK", KEYS[1], ARGV[1])
    if not rank then return false end
    return {math.floor(rank), text(redis.call("ZSCORE", KEYS[1], ARGV[1]))}
  `,
  reply: Schema.NullOr(Schema.Tuple(Schema.Int, ScoreText)),
  model: ({ keys: [key = ""], args: [member = ""], call }) => {
    const rank = call("ZREVRANK", key, member)
    return rank === null ? null : [rank, call("ZSCORE", key, member)]
  }
})

/**
 * A board under `key`. Without `timeToLive` it is permanent; with it the board is forgotten when nothing was submitted
 * for so long. A time that is not positive or longer than a server keeps makes every submission fail with
 * `RedisServerError`, code `ERR`, before anything is sent.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { Leaderboard } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const board = yield* Leaderboard.make({ key: "leaderboard:global" })
 *   yield* board.submit("ada", 1200)
 *   return yield* board.top({ offset: 0, limit: 10 })
 * })
 */
export const make = (options: {
  readonly key: string
  /** default: permanent */
  readonly timeToLive?: Duration.DurationInput | undefined
}): Effect.Effect<Leaderboard, never, RedisClient> =>
  Effect.map(RedisClient, (client) => {
    const { key, timeToLive } = options
    const runSubmit = client.run(submitScript)
    const runRankOf = client.run(rankOfScript)
    const ttl =
      timeToLive === undefined ? Effect.succeed(0) : wholeMillis(submitScript.name, "the time to live", timeToLive)

    return {
      submit: Effect.fnUntraced(function* (member, score) {
        yield* finite(submitScript.name, "a score", score)
        const ttlMillis = yield* ttl
        const [isNew, isBest, kept] = yield* runSubmit({ key, member, score, ttlMillis })
        return { score: kept, isNew: isNew === 1, isBest: isBest === 1 }
      }),
      top: ({ offset, limit }) => {
        const first = Math.max(offset, 0)
        return limit <= 0
          ? Effect.succeed([])
          : Effect.map(client.zrevrangeWithScores(key, first, first + limit - 1), (members) =>
              members.map(({ member, score }, index) => ({ rank: first + index, member, score }))
            )
      },
      rankOf: (member) =>
        Effect.map(runRankOf({ key, member }), (reply) =>
          Option.map(Option.fromNullable(reply), ([rank, score]) => ({ rank, score }))
        ),
      remove: (member) => client.zrem(key, member)
    }
  })
