/**
 * Checks that a reply has the shape that its command promises.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RedisReply } from "../RedisConnection.js"
import { RedisProtocolError } from "../RedisError.js"

/** The error for a reply of another shape. It names the type of the reply and never its content. */
export const unexpected = (command: string, expected: string, reply: unknown): RedisProtocolError =>
  new RedisProtocolError({ command, detail: `expected ${expected}, got ${reply === null ? "nothing" : typeof reply}` })

/** The texts that an MGET answered. What is no text reads as missing. */
export const texts = (
  reply: RedisReply,
  keys: ReadonlyArray<string>
): Exit.Exit<ReadonlyArray<string | undefined>, RedisProtocolError> =>
  Array.isArray(reply) && reply.length === keys.length
    ? Exit.succeed(reply.map((item) => (typeof item === "string" ? item : undefined)))
    : Exit.fail(unexpected("MGET", "one value per key", reply))

/** Members with their scores, which RESP3 delivers as pairs. */
export const scoredMembers = (
  command: string,
  reply: RedisReply
): Effect.Effect<ReadonlyArray<{ readonly member: string; readonly score: number }>, RedisProtocolError> => {
  if (!Array.isArray(reply)) return Effect.fail(unexpected(command, "a list", reply))
  const members: Array<{ readonly member: string; readonly score: number }> = []
  for (const pair of reply as ReadonlyArray<RedisReply>) {
    if (!Array.isArray(pair) || typeof pair[0] !== "string" || typeof pair[1] !== "number") {
      return Effect.fail(unexpected(command, "members with scores", pair))
    }
    members.push({ member: pair[0], score: pair[1] })
  }
  return Effect.succeed(members)
}
