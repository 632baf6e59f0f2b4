/**
 * What the toolkit needs and a server refuses, and what to do about it.
 *
 * @internal
 */
import * as Either from "effect/Either"
import type { RedisError } from "../RedisError.js"
import type { ServerLimitation } from "../RedisStatus.js"

const withoutTime = "cached reads go to their lookups, and locks, limits and presence fail"

const advice: Record<ServerLimitation["command"], Record<ServerLimitation["reason"], string>> = {
  EVAL: {
    Unknown:
      "the server runs no Lua scripts: caches, locks, limits, boards and presence do not work; load its Lua module, " +
      "or use another server",
    NoPermission:
      "the user may not run EVAL: scripts run only where another user has loaded them; " +
      "grant it (ACL SETUSER <user> +eval)"
  },
  TIME: {
    Unknown: `the server does not know TIME: ${withoutTime}; use another server, or no proxy that hides TIME`,
    NoPermission: `the user may not run TIME: ${withoutTime}; grant it (ACL SETUSER <user> +time)`
  }
}

const reasonOf = (error: RedisError): ServerLimitation["reason"] | undefined => {
  if (error._tag === "RedisAuthError") return error.reason === "NoPermission" ? "NoPermission" : undefined
  return error._tag === "RedisServerError" && /(unknown|unsupported|invalid) command/i.test(error.detail)
    ? "Unknown"
    : undefined
}

/** What a reply says of the command. Nothing for an answer, and for a refusal that passes, such as LOADING. */
export const of = (
  command: ServerLimitation["command"],
  reply: Either.Either<unknown, RedisError>
): ReadonlyArray<ServerLimitation> => {
  const reason = Either.isLeft(reply) ? reasonOf(reply.left) : undefined
  return reason === undefined ? [] : [{ command, reason, advice: advice[command][reason] }]
}
