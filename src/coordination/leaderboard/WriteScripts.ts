/**
 * Scripts that change a board. Each one leaves the board, the ranked set and the arrivals in agreement.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as RedisScript from "../../redis/RedisScript.js"
import { luaMicros, micros } from "../../redis/ServerTime.js"
import * as BoardKeys from "./BoardKeys.js"
import { luaBoard, type Order, onBoard, ScoreText, signOf } from "./BoardScript.js"

/**
 * How long a board is kept: `timeToLiveMillis` after a submission, or until `expiresAt`, in milliseconds of the server's time.
 * 0 stands for no bound.
 *
 * @since 0.1.0
 * @category models
 */
export interface Keeping {
  readonly timeToLiveMillis: number
  readonly expiresAt: number
}

/**
 * When a board takes submissions, in milliseconds of the server's time: `opens` is included, `closes` is not.
 *
 * @since 0.1.0
 * @category models
 */
export interface Opening {
  readonly opens: number
  readonly closes: number
}

/**
 * What a submission is given.
 *
 * @since 0.1.0
 * @category models
 */
export interface SubmitInput extends Keeping {
  readonly keys: BoardKeys.BoardKeys
  readonly member: string
  readonly score: number
  /** an order of arrival that is kept elsewhere, an integer of at least 0; the next one when absent */
  readonly arrival: number | undefined
  readonly opening: Opening | undefined
  /** which score ranks first: default the highest */
  readonly order?: Order | undefined
  /** what stands beside the member, on a board that has metadata */
  readonly metadata?: string | undefined
  /** the server's time in milliseconds, for tests */
  readonly now?: number | undefined
}

/**
 * The first part of the reply to a submission that was rejected.
 *
 * @since 0.1.0
 * @category constants
 */
export const rejections = {
  /** the second part is the server's time */
  notOpen: -1,
  notFinite: -2
} as const

/**
 * Which of a member's scores the board keeps: the best one, the last one, or the sum of all.
 *
 * @since 0.1.0
 * @category models
 */
export type Policy = "best" | "last" | "sum"

const submitting = <P extends Policy>(name: string, idempotent: boolean) =>
  RedisScript.make({
    name,
    idempotent,
    keys: ({ keys }: SubmitInput & { readonly policy: P }) => BoardKeys.list(keys),
    args: ({
      arrival,
      expiresAt,
      member,
      metadata,
      now,
      opening,
      order = "highest",
      policy,
      score,
      timeToLiveMillis
    }) => [
      member,
      score + 0,
      policy,
      arrival ?? "",
      timeToLiveMillis,
      expiresAt,
      opening?.opens ?? "",
      opening?.closes ?? "",
      now === undefined ? "" : now * 1000,
      signOf(order),
      metadata ?? ""
    ],
    lua: `${luaMicros}${luaBoard}
      if ARGV[7] ~= "" then
        local now = math.floor(micros(ARGV[9]) / 1000)
        if now < tonumber(ARGV[7]) or now >= tonumber(ARGV[8]) then return {${rejections.notOpen}, now, "0"} end
      end
      local member, policy, given, sign = ARGV[1], ARGV[3], ARGV[4], tonumber(ARGV[10])
      local before = redis.call("ZSCORE", KEYS[1], member)
      local score = number(ARGV[2])
      if before and policy == "sum" then score = number(before) + score end
      if score == math.huge or score == -math.huge then return {${rejections.notFinite}, 0, "0"} end
      if not before and redis.call("ZCARD", KEYS[1]) == 0 then redis.call("UNLINK", unpack(KEYS, 2)) end
      local moves = not before or sign * score > sign * number(before) or (policy ~= "best" and score ~= number(before))
      local arrival = arrivalOf(member)
      local ranked = arrival and redis.call("ZSCORE", KEYS[2], arrival .. member)
      local isSettled = not moves and ranked and number(ranked) == sign * number(before)
      local corrects = given ~= "" and before and number(before) == score and arrival ~= encoded(tonumber(given))
      if not isSettled or corrects then
        if ranked then redis.call("ZREM", KEYS[2], arrival .. member) end
        if moves then redis.call("ZADD", KEYS[1], text(score), member) end
        place(member, signed(moves and score or before, sign), arrive(given))
      end
      if KEYS[4] and (moves or policy ~= "best") then redis.call("HSET", KEYS[4], field(member), ARGV[11]) end
      for _, key in ipairs(KEYS) do
        if ARGV[5] ~= "0" then redis.call("PEXPIRE", key, ARGV[5]) end
        if ARGV[6] ~= "0" then redis.call("PEXPIREAT", key, ARGV[6]) end
      end
      return {before and 0 or 1, moves and 1 or 0, text(moves and score or before)}
    `,
    reply: Schema.Tuple(
      Schema.Literal(rejections.notFinite, rejections.notOpen, 0, 1),
      Schema.NonNegativeInt,
      ScoreText
    ),
    model: (context) => {
      const {
        args: [
          member = "",
          submitted = "",
          policy = "",
          given = "",
          timeToLiveMillis = "0",
          expiresAt = "0",
          opens = "",
          closes = "",
          at,
          sign,
          metadata = ""
        ],
        call,
        keys
      } = context
      const on = onBoard(context)
      if (opens !== "") {
        const now = Math.floor(micros(context, at) / 1000)
        if (now < Number(opens) || now >= Number(closes)) return [rejections.notOpen, now, "0"]
      }
      const stored = on.scoreOf(member)
      const before = stored === null ? undefined : on.number(stored)
      const score = Number(submitted) + (policy === "sum" ? (before ?? 0) : 0)
      if (!Number.isFinite(score)) return [rejections.notFinite, 0, "0"]
      if (before === undefined && on.members() === 0) {
        on.startOver()
        on.forgetAll()
      }
      const moves =
        before === undefined || Number(sign) * score > Number(sign) * before || (policy !== "best" && score !== before)
      const arrival = on.arrivalOf(member)
      const ranked = arrival === undefined ? null : on.rankedScoreOf(arrival + member)
      const isSettled = !moves && ranked !== null && on.number(ranked) === Number(sign) * (before ?? 0)
      const corrects = given !== "" && before === score && arrival !== on.encoded(Number(given))
      const kept = moves ? String(score) : String(stored)
      if (!isSettled || corrects) {
        if (ranked !== null) on.displace(arrival + member)
        if (moves) call("ZADD", keys[0] ?? "", score, member)
        on.place(member, on.signed(kept, Number(sign)), on.arrive(given))
      }
      if (moves || policy !== "best") on.describe(member, metadata)
      for (const key of keys) {
        if (timeToLiveMillis !== "0") call("PEXPIRE", key, timeToLiveMillis)
        if (expiresAt !== "0") call("PEXPIREAT", key, expiresAt)
      }
      return [before === undefined ? 1 : 0, moves ? 1 : 0, kept]
    }
  })

/**
 * Submits a score to a board that keeps the best or the last one. Replies whether the member is new, whether the score
 * changed, and the kept score; or one of `rejections`.
 *
 * @since 0.1.0
 * @category scripts
 */
export const submit = submitting<"best" | "last">("leaderboard.submit", true)

/**
 * Like `submit`, for a board that keeps sums.
 *
 * @since 0.1.0
 * @category scripts
 */
export const add = submitting<"sum">("leaderboard.add", false)

/**
 * Removes a member and replies whether it was on the board.
 *
 * @since 0.1.0
 * @category scripts
 */
export const remove = RedisScript.make({
  name: "leaderboard.remove",
  idempotent: true,
  keys: ({ keys }: { readonly keys: BoardKeys.BoardKeys; readonly member: string }) => BoardKeys.list(keys),
  args: ({ member }) => [member],
  lua: `${luaBoard}
    local removed = redis.call("ZREM", KEYS[1], ARGV[1])
    local arrival = arrivalOf(ARGV[1])
    if arrival then
      redis.call("ZREM", KEYS[2], arrival .. ARGV[1])
    end
    forget(ARGV[1])
    if redis.call("ZCARD", KEYS[1]) == 0 then redis.call("UNLINK", unpack(KEYS, 2)) end
    return math.floor(removed)
  `,
  reply: Schema.Literal(0, 1),
  model: (context) => {
    const {
      args: [member = ""],
      call,
      keys: [board = ""]
    } = context
    const on = onBoard(context)
    const removed = call("ZREM", board, member)
    const arrival = on.arrivalOf(member)
    if (arrival !== undefined) on.displace(arrival + member)
    on.forget(member)
    if (on.members() === 0) {
      on.startOver()
      on.forgetAll()
    }
    return removed
  }
})

/**
 * Replaces the metadata of a member, and replies whether it is on the board.
 *
 * @since 0.2.0
 * @category scripts
 */
export const describe = RedisScript.make({
  name: "leaderboard.describe",
  idempotent: true,
  keys: ({ keys }: { readonly keys: BoardKeys.BoardKeys; readonly member: string; readonly metadata: string }) =>
    BoardKeys.list(keys),
  args: ({ member, metadata }) => [member, metadata],
  lua: `${luaBoard}
    if not redis.call("ZSCORE", KEYS[1], ARGV[1]) then return 0 end
    redis.call("HSET", KEYS[4], field(ARGV[1]), ARGV[2])
    local left = redis.call("PTTL", KEYS[1])
    if left > 0 then redis.call("PEXPIRE", KEYS[4], left) end
    return 1
  `,
  reply: Schema.Literal(0, 1),
  model: (context) => {
    const {
      args: [member = "", value = ""],
      call,
      keys: [board = "", , , metadata = ""]
    } = context
    const on = onBoard(context)
    if (on.scoreOf(member) === null) return 0
    on.describe(member, value)
    const left = Number(call("PTTL", board))
    if (left > 0) call("PEXPIRE", metadata, left)
    return 1
  }
})
