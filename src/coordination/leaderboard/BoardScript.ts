/**
 * The Lua functions that the scripts of boards share, and their model.
 *
 * A sorted set orders equal scores by the bytes of their members. In the ranked set, sixteen digits precede each member; later
 * arrivals have smaller digits. Read from the highest score down, equal scores are then ordered by arrival. A rank costs the
 * logarithm of the size, and a page its length, as in any sorted set.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { RedisReply } from "../../redis/RedisConnection.js"
import type { ScriptContext } from "../../redis/RedisScript.js"

/**
 * A score as scripts reply it: the text of a double. Redis writes infinity as `inf`. Negative zero is zero.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ScoreText = Schema.transform(Schema.String, Schema.Number, {
  strict: true,
  decode: (text) => numberOf(text) + 0,
  encode: String
})

const numberOf = (text: string): number => (text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text))

const textOf = (score: number): string => (score === Infinity ? "inf" : score === -Infinity ? "-inf" : String(score))

/**
 * Which score ranks first.
 *
 * @since 0.2.0
 * @category models
 */
export type Order = "highest" | "lowest"

/**
 * What scores of the board are multiplied by in the ranked set, which is always read from its highest score down.
 *
 * @since 0.2.0
 * @category getters
 */
export const signOf = (order: Order): 1 | -1 => (order === "lowest" ? -1 : 1)

/** the digits of 2^53 - 1 */
const arrivalDigits = 16

/**
 * Works on KEYS of the board, the ranked set and the arrivals, and of the metadata where the board has them.
 *
 * Some servers give scripts a score as a string, others as a double. `tostring` would keep only 14 digits of a double. `+ 0.0`
 * keeps the number a double in Lua 5.4, whose integers wrap around.
 *
 * @since 0.1.0
 * @category constants
 */
export const luaBoard = `
local unpack = table.unpack or unpack
local function text(score)
  if type(score) == "number" then return string.format("%.17g", score) end
  return score
end
local function number(score)
  if score == "inf" then return math.huge end
  if score == "-inf" then return -math.huge end
  return tonumber(score) + 0.0
end
local function field(member) return ":" .. member end
local function signed(score, sign)
  if sign == 1 then return text(score) end
  return text(0 - number(score))
end
local function forget(member)
  redis.call("HDEL", KEYS[3], field(member))
  if KEYS[4] then redis.call("HDEL", KEYS[4], field(member)) end
end
local function arrivalOf(member) return redis.call("HGET", KEYS[3], field(member)) end
local function encoded(arrival) return string.format("%0${arrivalDigits}.0f", ${Number.MAX_SAFE_INTEGER} - arrival) end
local function arrive(given)
  local last = tonumber(redis.call("HGET", KEYS[3], "last") or "0")
  local arrival = given == "" and math.min(last + 1, ${Number.MAX_SAFE_INTEGER}) or tonumber(given)
  if arrival > last then redis.call("HSET", KEYS[3], "last", string.format("%.0f", arrival)) end
  return encoded(arrival)
end
local function place(member, score, arrival)
  redis.call("ZADD", KEYS[2], score, arrival .. member)
  redis.call("HSET", KEYS[3], field(member), arrival)
end
local function arrived()
  return math.max(redis.call("HLEN", KEYS[3]) - 1, 0)
end
`

/**
 * Models `luaBoard`.
 *
 * @since 0.1.0
 * @category models
 */
export const onBoard = ({ call, keys: [board = "", ranked = "", arrivals = "", metadata] }: ScriptContext) => {
  const text = (reply: RedisReply): string => (typeof reply === "string" ? reply : "")
  const field = (member: string) => `:${member}`
  const encoded = (arrival: number) => String(Number.MAX_SAFE_INTEGER - arrival).padStart(arrivalDigits, "0")
  const size = (key: string, command: string) => Number(call(command, key))
  return {
    number: (score: RedisReply) => numberOf(text(score)),
    encoded,
    scoreOf: (member: string) => call("ZSCORE", board, member),
    arrivalOf: (member: string): string | undefined => {
      const arrival = call("HGET", arrivals, field(member))
      return typeof arrival === "string" ? arrival : undefined
    },
    arrive: (given: string): string => {
      const last = Number(call("HGET", arrivals, "last") ?? "0")
      const arrival = given === "" ? Math.min(last + 1, Number.MAX_SAFE_INTEGER) : Number(given)
      if (arrival > last) call("HSET", arrivals, "last", String(arrival))
      return encoded(arrival)
    },
    rankedScoreOf: (entry: string) => call("ZSCORE", ranked, entry),
    place: (member: string, score: string, arrival: string) => {
      call("ZADD", ranked, score, arrival + member)
      call("HSET", arrivals, field(member), arrival)
    },
    /** removes an entry from the ranked set and leaves the board as it is */
    displace: (entry: string) => call("ZREM", ranked, entry),
    forget: (member: string) => {
      call("HDEL", arrivals, field(member))
      if (metadata !== undefined) call("HDEL", metadata, field(member))
    },
    describe: (member: string, value: string) => {
      if (metadata !== undefined) call("HSET", metadata, field(member), value)
    },
    forgetAll: () => {
      if (metadata !== undefined) call("UNLINK", metadata)
    },
    /** "=" before each text, or an empty text where a member has none */
    metadataOf: (members: ReadonlyArray<string>): ReadonlyArray<string> =>
      metadata === undefined
        ? []
        : members.map((member) => {
            const value = call("HGET", metadata, field(member))
            return typeof value === "string" ? `=${value}` : ""
          }),
    signed: (score: string, sign: number) => (sign === 1 ? score : textOf(0 - numberOf(score))),
    startOver: () => call("UNLINK", ranked, arrivals),
    members: () => size(board, "ZCARD"),
    entries: () => size(ranked, "ZCARD"),
    arrived: () => Math.max(size(arrivals, "HLEN") - 1, 0),
    memberOf: (entry: string) => entry.slice(arrivalDigits),
    texts: (reply: RedisReply): ReadonlyArray<string> => (Array.isArray(reply) ? reply.map(text) : [])
  }
}

/**
 * The position of the member in an entry of the ranked set, counted from 1 as Lua does.
 *
 * @since 0.1.0
 * @category constants
 */
export const memberFrom = arrivalDigits + 1
