/**
 * Scripts that read a board, and the one that repairs it after another program has changed it or a key was lost.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { RedisReply } from "../../redis/RedisConnection.js"
import * as RedisScript from "../../redis/RedisScript.js"
import * as BoardKeys from "./BoardKeys.js"
import { luaBoard, memberFrom, type Order, onBoard, signOf } from "./BoardScript.js"

/**
 * The first part of a reading script's reply.
 *
 * @since 0.1.0
 * @category constants
 */
export const states = {
  /** the sizes of the three keys differ */
  inconsistent: -1,
  absent: 0,
  found: 1
} as const

// members and scores alternate; some servers pair them
const luaRead = `
local function isInconsistent()
  local entries = redis.call("ZCARD", KEYS[2])
  return redis.call("ZCARD", KEYS[1]) ~= entries or arrived() ~= entries
end
local function size() return math.floor(redis.call("ZCARD", KEYS[2])) end
local function rows(first, last)
  local read = {}
  local function row(entry, score)
    read[#read + 1] = string.sub(entry, ${memberFrom})
    read[#read + 1] = text(score)
  end
  local found = redis.call("ZREVRANGE", KEYS[2], string.format("%.0f", first), string.format("%.0f", last), "WITHSCORES")
  if type(found[1]) == "table" then
    for _, pair in ipairs(found) do row(pair[1], pair[2]) end
  else
    for i = 1, #found, 2 do row(found[i], found[i + 1]) end
  end
  return read
end
local function metadata(rows)
  local read = {}
  if not KEYS[4] then return read end
  for i = 1, #rows, 2 do
    local value = redis.call("HGET", KEYS[4], field(rows[i]))
    read[#read + 1] = value and "=" .. value or ""
  end
  return read
end
local function found(first, last)
  local read = rows(first, last)
  return {${states.found}, math.floor(first), size(), read, metadata(read)}
end
`

const onRanked = (context: RedisScript.ScriptContext) => {
  const on = onBoard(context)
  const [, ranked = ""] = context.keys
  const rowsOf = (first: number, last: number): ReadonlyArray<string> =>
    on
      .texts(context.call("ZREVRANGE", ranked, first, last, "WITHSCORES"))
      .map((text, i) => (i % 2 === 0 ? on.memberOf(text) : text))
  return {
    ...on,
    isInconsistent: () => {
      const entries = on.entries()
      return on.members() !== entries || on.arrived() !== entries
    },
    found: (first: number, last: number) => {
      const rows = rowsOf(first, last)
      const members = rows.filter((_, i) => i % 2 === 0)
      return [states.found, first, on.entries(), rows, on.metadataOf(members)]
    },
    rankOf: (entry: string): RedisReply => context.call("ZREVRANK", ranked, entry)
  }
}

/** The state, the rank of the first row, the size of the board, rows of a member and its score, and the metadata of each. */
const Reply = Schema.Tuple(
  Schema.Literal(states.inconsistent, states.absent, states.found),
  Schema.NonNegativeInt,
  Schema.NonNegativeInt,
  Schema.Array(Schema.String).pipe(
    Schema.filter((rows) => rows.length % 2 === 0, { message: () => "a member without its score" })
  ),
  Schema.Array(Schema.String)
)

interface BoardQuery {
  readonly keys: BoardKeys.BoardKeys
  /** reads also a board whose keys disagree, as far as they go */
  readonly anyway: boolean
}

const anyway = (input: BoardQuery) => (input.anyway ? 1 : 0)

/**
 * Reads rows by rank.
 *
 * @since 0.1.0
 * @category scripts
 */
export const page = RedisScript.make({
  name: "leaderboard.page",
  idempotent: true,
  keys: ({ keys }: BoardQuery & { readonly offset: number; readonly limit: number }) => BoardKeys.list(keys),
  args: (input) => [anyway(input), input.offset, input.limit],
  lua: `${luaBoard}${luaRead}
    if ARGV[1] == "0" and isInconsistent() then return {${states.inconsistent}, 0, 0, {}, {}} end
    local first = tonumber(ARGV[2])
    return found(first, first + tonumber(ARGV[3]) - 1)
  `,
  reply: Reply,
  model: (context) => {
    const {
      args: [anyway, offset, limit]
    } = context
    const on = onRanked(context)
    if (anyway === "0" && on.isInconsistent()) return [states.inconsistent, 0, 0, [], []]
    const first = Number(offset)
    return on.found(first, first + Number(limit) - 1)
  }
})

/**
 * Reads the rows around a member: up to `above` before it, itself, and up to `below` after it.
 *
 * @since 0.1.0
 * @category scripts
 */
export const around = RedisScript.make({
  name: "leaderboard.around",
  idempotent: true,
  keys: ({ keys }: BoardQuery & { readonly member: string; readonly above: number; readonly below: number }) =>
    BoardKeys.list(keys),
  args: (input) => [anyway(input), input.member, input.above, input.below],
  lua: `${luaBoard}${luaRead}
    if ARGV[1] == "0" and isInconsistent() then return {${states.inconsistent}, 0, 0, {}, {}} end
    local arrival = arrivalOf(ARGV[2])
    local rank = arrival and redis.call("ZREVRANK", KEYS[2], arrival .. ARGV[2])
    if not rank then return {${states.absent}, 0, size(), {}, {}} end
    local first = math.max(rank - tonumber(ARGV[3]), 0)
    return found(first, rank + tonumber(ARGV[4]))
  `,
  reply: Reply,
  model: (context) => {
    const {
      args: [anyway, member = "", above, below]
    } = context
    const on = onRanked(context)
    if (anyway === "0" && on.isInconsistent()) return [states.inconsistent, 0, 0, [], []]
    const arrival = on.arrivalOf(member)
    const rank = arrival === undefined ? null : on.rankOf(arrival + member)
    if (rank === null) return [states.absent, 0, on.entries(), [], []]
    const first = Math.max(Number(rank) - Number(above), 0)
    return on.found(first, Number(rank) + Number(below))
  }
})

/**
 * The most members that one run of `repair` examines.
 *
 * @since 0.1.0
 * @category constants
 */
export const repairedAtOnce = 500

/**
 * Makes the ranked set and the arrivals agree with the board, from a rank on. Members that another program added arrive now,
 * in the board's own order, and removed members leave. When a key was lost, both are built anew.
 *
 * Replies how many members it examined: less than `repairedAtOnce` at the end of the board.
 *
 * @since 0.1.0
 * @category scripts
 */
export const repair = RedisScript.make({
  name: "leaderboard.repair",
  idempotent: true,
  keys: ({ keys }: { readonly keys: BoardKeys.BoardKeys; readonly from: number; readonly order?: Order | undefined }) =>
    BoardKeys.list(keys),
  args: ({ from, order = "highest" }) => [from, from + repairedAtOnce - 1, signOf(order)],
  lua: `${luaBoard}
    if redis.call("ZCARD", KEYS[1]) == 0 or redis.call("ZCARD", KEYS[2]) ~= arrived() then
      redis.call("UNLINK", KEYS[2], KEYS[3])
    end
    if KEYS[4] and redis.call("ZCARD", KEYS[1]) == 0 then redis.call("UNLINK", KEYS[4]) end
    local members = redis.call("ZREVRANGE", KEYS[1], ARGV[1], ARGV[2])
    for _, member in ipairs(members) do
      local arrival = arrivalOf(member)
      if not arrival then place(member, signed(redis.call("ZSCORE", KEYS[1], member), tonumber(ARGV[3])), arrive("")) end
    end
    local entries = redis.call("ZREVRANGE", KEYS[2], ARGV[1], ARGV[2])
    for _, entry in ipairs(entries) do
      local member = string.sub(entry, ${memberFrom})
      if not redis.call("ZSCORE", KEYS[1], member) then
        redis.call("ZREM", KEYS[2], entry)
        forget(member)
      end
    end
    local left = redis.call("PTTL", KEYS[1])
    if left > 0 then
      redis.call("PEXPIRE", KEYS[2], left)
      redis.call("PEXPIRE", KEYS[3], left)
      if KEYS[4] then redis.call("PEXPIRE", KEYS[4], left) end
    end
    return math.max(#members, #entries)
  `,
  reply: Schema.NonNegativeInt,
  model: (context) => {
    const {
      args: [from = "", to = "", sign],
      call,
      keys: [board = "", ranked = "", arrivals = "", metadata]
    } = context
    const on = onBoard(context)
    if (on.members() === 0 || on.entries() !== on.arrived()) on.startOver()
    if (on.members() === 0) on.forgetAll()
    const members = on.texts(call("ZREVRANGE", board, from, to))
    for (const member of members) {
      if (on.arrivalOf(member) === undefined) {
        on.place(member, on.signed(String(on.scoreOf(member)), Number(sign)), on.arrive(""))
      }
    }
    const entries = on.texts(call("ZREVRANGE", ranked, from, to))
    for (const entry of entries) {
      const member = on.memberOf(entry)
      if (on.scoreOf(member) !== null) continue
      on.displace(entry)
      on.forget(member)
    }
    const left = Number(call("PTTL", board))
    if (left > 0) {
      call("PEXPIRE", ranked, left)
      call("PEXPIRE", arrivals, left)
      if (metadata !== undefined) call("PEXPIRE", metadata, left)
    }
    return Math.max(members.length, entries.length)
  }
})
