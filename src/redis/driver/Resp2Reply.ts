/**
 * Gives the replies of RESP2 the shapes of RESP3, which `RedisReply` promises. RESP2 delivers scores as texts, and pairs and
 * maps as flat lists. Only the command shows which of them a list is.
 *
 * Covered are the commands of Redis 7 that a client may send on a shared connection, but for the introspection of modules and
 * functions. The replies of scripts are the same in both protocols, unless a script asks for RESP3 by `redis.setresp(3)`.
 *
 * @since 0.2.0
 */
import type { RedisArgument, RedisReply } from "../RedisConnection.js"

type Shape = (reply: RedisReply) => RedisReply

const isList = (reply: RedisReply | undefined): reply is ReadonlyArray<RedisReply> => Array.isArray(reply)

/** A score is a text; nothing in the place of one stays nothing. */
const score: Shape = (reply) => {
  if (typeof reply !== "string") return reply
  if (/^[+-]?inf/i.test(reply)) return reply.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return Number(reply)
}

const listOf =
  (shape: Shape): Shape =>
  (reply) =>
    isList(reply) ? reply.map(shape) : reply

/** Each two elements of a list, with a shape for the second of them. */
const pairs =
  (second: Shape): Shape =>
  (reply) => {
    if (!isList(reply)) return reply
    const paired: Array<ReadonlyArray<RedisReply>> = []
    for (let i = 0; i + 1 < reply.length; i += 2) paired.push([reply[i] ?? null, second(reply[i + 1] ?? null)])
    return paired
  }

const same: Shape = (reply) => reply

const entries = (list: ReadonlyArray<RedisReply>): RedisReply =>
  Object.fromEntries(
    list.map((entry) => (isList(entry) ? [String(entry[0]), entry[1] ?? null] : [String(entry), null]))
  )

const map: Shape = (reply) => (isList(reply) ? entries(pairs(same)(reply) as ReadonlyArray<RedisReply>) : reply)

/** A list of names with their values, each a list of two. */
const mapOfEntries: Shape = (reply) => (isList(reply) ? entries(reply) : reply)

/** A list whose second element has a shape. */
const secondOf =
  (shape: Shape): Shape =>
  (reply) =>
    isList(reply) && reply.length === 2 ? [reply[0] ?? null, shape(reply[1] ?? null)] : reply

const scored = pairs(score)

const hasWord = (args: ReadonlyArray<RedisArgument>, word: string): boolean =>
  args.some((arg) => typeof arg === "string" && arg.toUpperCase() === word)

/** The shape where an argument is among the others. */
const withWord =
  (word: string, shape: Shape) =>
  (args: ReadonlyArray<RedisArgument>): Shape | undefined =>
    hasWord(args, word) ? shape : undefined

/** The shape where the first argument is one of these. */
const subcommand =
  (...words: ReadonlyArray<string>) =>
  (shape: Shape) =>
  (args: ReadonlyArray<RedisArgument>): Shape | undefined =>
    words.includes(String(args[0]).toUpperCase()) ? shape : undefined

const always = (shape: Shape) => () => shape

const withScores = withWord("WITHSCORES", scored)
/** Without a count, the one member and its score are a flat list in RESP3 too. */
const popped = (args: ReadonlyArray<RedisArgument>): Shape => (args.length > 1 ? scored : secondOf(score))
const rank = withWord("WITHSCORE", secondOf(score))

const shapes: ReadonlyMap<string, (args: ReadonlyArray<RedisArgument>) => Shape | undefined> = new Map([
  ["ZSCORE", always(score)],
  ["ZINCRBY", always(score)],
  ["ZADD", withWord("INCR", score)],
  ["ZMSCORE", always(listOf(score))],
  ["ZRANGE", withScores],
  ["ZREVRANGE", withScores],
  ["ZRANGEBYSCORE", withScores],
  ["ZREVRANGEBYSCORE", withScores],
  ["ZRANDMEMBER", withScores],
  ["ZUNION", withScores],
  ["ZINTER", withScores],
  ["ZDIFF", withScores],
  ["ZRANK", rank],
  ["ZREVRANK", rank],
  ["ZPOPMIN", popped],
  ["ZPOPMAX", popped],
  ["ZMPOP", always(secondOf(listOf(secondOf(score))))],
  ["HGETALL", always(map)],
  ["HRANDFIELD", withWord("WITHVALUES", pairs(same))],
  ["CONFIG", subcommand("GET")(map)],
  ["MEMORY", subcommand("STATS")(map)],
  ["LCS", withWord("IDX", map)],
  ["XREAD", always(mapOfEntries)],
  ["XREADGROUP", always(mapOfEntries)],
  ["XINFO", (args) => subcommand("STREAM")(map)(args) ?? subcommand("GROUPS", "CONSUMERS")(listOf(map))(args)]
])

/**
 * Returns the function that gives the reply to a command its shape of RESP3; undefined where RESP2 has the same shape.
 *
 * @since 0.2.0
 * @category decoding
 */
export const shapeOf = (
  command: string,
  args: ReadonlyArray<RedisArgument>
): ((reply: RedisReply) => RedisReply) | undefined => shapes.get(command.toUpperCase())?.(args)
