/**
 * The reply of a command in one form, which is converted for a RESP3 client and for a script.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { RedisReply } from "../../RedisConnection.js"
import * as ByteString from "../store/ByteString.js"

/**
 * An error reply: its first word is the kind. Also what `call` throws inside a script.
 *
 * @since 0.1.0
 * @category models
 */
export class ErrorReply extends Data.TaggedError("ErrorReply")<{ readonly message: string }> {}

/**
 * A score: a number for a client, its text inside a script.
 *
 * @since 0.1.0
 * @category models
 */
export class Score extends Data.Class<{ readonly score: number }> {}

/**
 * Members with scores: pairs for a client, one flat list inside a script.
 *
 * @since 0.1.0
 * @category models
 */
export class ScoredMembers extends Data.Class<{
  readonly members: ReadonlyArray<{ readonly member: string; readonly score: number }>
}> {}

/**
 * Fields with values: an object for a client, one flat list inside a script.
 *
 * @since 0.1.0
 * @category models
 */
export class Fields extends Data.Class<{ readonly fields: ReadonlyArray<readonly [field: string, value: string]> }> {}

/**
 * Texts are byte strings (see `ByteString`).
 *
 * @since 0.1.0
 * @category models
 */
export type Reply = null | string | number | Score | ScoredMembers | Fields | ErrorReply | ReadonlyArray<Reply>

/**
 * @since 0.1.0
 * @category guards
 */
export const isError = (u: unknown): u is ErrorReply => u instanceof ErrorReply

/**
 * @since 0.1.0
 * @category errors
 */
export const wrongType = (): ErrorReply =>
  new ErrorReply({ message: "WRONGTYPE Operation against a key holding the wrong kind of value" })

/**
 * @since 0.1.0
 * @category errors
 */
export const syntaxError = (): ErrorReply => error("syntax error")

/**
 * @since 0.1.0
 * @category errors
 */
export const notAnInteger = (): ErrorReply => error("value is not an integer or out of range")

/**
 * @since 0.1.0
 * @category errors
 */
export const wrongArity = (command: string): ErrorReply =>
  error(`wrong number of arguments for '${command.toLowerCase()}' command`)

/**
 * An error of the general kind `ERR`.
 *
 * @since 0.1.0
 * @category errors
 */
export const error = (message: string): ErrorReply => new ErrorReply({ message: `ERR ${message}` })

/**
 * The reply as Bun's RESP3 client delivers it. An error reply at the top must have been handled.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toClient = (reply: Exclude<Reply, ErrorReply>): RedisReply => {
  if (typeof reply === "string") return ByteString.toText(reply)
  if (reply === null || typeof reply === "number") return reply
  if (reply instanceof Score) return reply.score
  if (reply instanceof ScoredMembers) {
    return reply.members.map(({ member, score }) => [ByteString.toText(member), score])
  }
  if (reply instanceof Fields) {
    // without a prototype, so that a field named __proto__ is one like any other
    const object: { [field: string]: RedisReply } = Object.create(null)
    for (const [field, value] of reply.fields) object[ByteString.toText(field)] = ByteString.toText(value)
    return object
  }
  return reply.map((item) => (isError(item) ? item.message : toClient(item)))
}

/**
 * The reply as a script sees it, which is RESP2: texts exact (see `ByteString`), scores as text, pairs flattened, null for
 * what is absent. An error reply at the top must have been thrown.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toScript = (reply: Exclude<Reply, ErrorReply>): RedisReply => {
  if (reply === null || typeof reply === "string" || typeof reply === "number") return reply
  if (reply instanceof Score) return formatScore(reply.score)
  if (reply instanceof ScoredMembers) return reply.members.flatMap(({ member, score }) => [member, formatScore(score)])
  if (reply instanceof Fields) return reply.fields.flat()
  return reply.map((item) => (isError(item) ? item.message : toScript(item)))
}

const formatScore = (score: number): string =>
  score === Infinity ? "inf" : score === -Infinity ? "-inf" : String(score)

/**
 * Converts the reply of a script as a server converts the values of Lua: numbers lose their fraction, `true` is 1 and
 * `false` is null.
 *
 * @since 0.1.0
 * @category conversions
 */
export const fromScript = (reply: RedisReply): RedisReply => {
  if (typeof reply === "string") return ByteString.toText(reply)
  if (typeof reply === "number") return Math.trunc(reply)
  if (typeof reply === "boolean") return reply ? 1 : null
  if (Array.isArray(reply)) return reply.map(fromScript)
  return reply
}
