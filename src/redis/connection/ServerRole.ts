/**
 * Finds out whether a server is a replica: by ROLE, or by INFO where ROLE is forbidden or unknown.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { RedisArgument } from "../RedisConnection.js"
import type { RedisError } from "../RedisError.js"

const questions: ReadonlyArray<readonly [command: string, args: ReadonlyArray<RedisArgument>]> = [
  ["ROLE", []],
  ["INFO", ["replication"]]
]

/** Of a reply to one of the questions; undefined when it does not say. Dragonfly says "replica" where Redis says "slave". */
const isReplicaReply = (reply: unknown): boolean | undefined => {
  const role: unknown = Array.isArray(reply) ? reply[0] : /^role:(\w+)/m.exec(String(reply))?.[1]
  return typeof role === "string" ? role === "slave" || role === "replica" : undefined
}

const isRejected = (error: RedisError): boolean =>
  error._tag === "RedisAuthError" || (error._tag === "RedisServerError" && error.code === "ERR")

/**
 * Asks one connection, each time the effect is run, by the first question that it has not rejected. False when there is no
 * answer: a server that does not report its role counts as a primary until it replies `READONLY`.
 */
export const make = (
  send: (command: string, args: ReadonlyArray<RedisArgument>) => Effect.Effect<unknown, RedisError>
): Effect.Effect<boolean> => {
  let next = 0
  const isReplica: Effect.Effect<boolean> = Effect.suspend(() => {
    const question = questions[next]
    if (question === undefined) return Effect.succeed(false)
    const otherwise = Effect.suspend(() => {
      next++
      return isReplica
    })
    return Effect.matchEffect(send(...question), {
      onSuccess: (reply) => {
        const answer = isReplicaReply(reply)
        return answer === undefined ? otherwise : Effect.succeed(answer)
      },
      onFailure: (error) => (isRejected(error) ? otherwise : Effect.succeed(false))
    })
  })
  return isReplica
}
