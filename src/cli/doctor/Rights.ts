/**
 * Which commands the user may run. Each is tried on keys of the check's own, since ACL GETUSER and ACL DRYRUN need rights that a
 * user of an application has not. A reply that is no refusal, such as MOVED or OOM, shows the right.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisArgument } from "../../redis/RedisConnection.js"
import type { RedisAuthError, RedisError } from "../../redis/RedisError.js"
import type { Finding } from "./Finding.js"
import type { Server } from "./Server.js"

type Words = readonly [command: string, ...args: ReadonlyArray<RedisArgument>]

/** What is lost where one of some commands is refused, as docs/servers.md says it. */
interface Purpose {
  readonly level: "warning" | "error"
  readonly lost: string
  readonly tries: ReadonlyArray<Words>
}

/** Nothing that a check leaves behind lives longer, in milliseconds. */
const kept = 10_000

/** The hash of no script: NOSCRIPT shows the right to EVALSHA. */
const noScript = "0".repeat(40)

const purposes = (key: (kind: string) => string, isCluster: boolean): ReadonlyArray<Purpose> => {
  const [text, hash, set] = [key("text"), key("hash"), key("set")]
  return [
    {
      level: "error",
      lost: "what needs them fails: caches, locks, limits, boards or presence",
      tries: [
        ["SET", text, "1", "PX", kept],
        ["GET", text],
        ["MGET", text],
        ["INCR", text],
        ["INCRBY", text, 1],
        ["DECR", text],
        ["DECRBY", text, 1],
        ["PEXPIREAT", text, 99_999_999_999_999],
        ["PEXPIRE", text, kept],
        ["PTTL", text],
        ["TYPE", text],
        ["HSET", hash, "field", "1"],
        ["PEXPIRE", hash, kept],
        ["HGET", hash, "field"],
        ["HLEN", hash],
        ["HDEL", hash, "field"],
        ["ZADD", set, 1, "member"],
        ["PEXPIRE", set, kept],
        ["ZINCRBY", set, 1, "member"],
        ["ZCARD", set],
        ["ZCOUNT", set, 0, 1],
        ["ZSCORE", set, "member"],
        ["ZRANGE", set, 0, 0],
        ["ZRANGEBYSCORE", set, 0, 1],
        ["ZREVRANGE", set, 0, 0],
        ["ZREVRANGEBYSCORE", set, 1, 0],
        ["ZREVRANK", set, "member"],
        ["ZREM", set, "member"],
        ["ZREMRANGEBYSCORE", set, 0, 1]
      ]
    },
    {
      level: "error",
      lost: "caches store nothing and look everything up, and locks and limits fail, unless another user has loaded the scripts",
      tries: [
        ["EVAL", "return 1", 1, text],
        ["EVALSHA", noScript, 1, text]
      ]
    },
    {
      level: "error",
      lost: "caches store nothing and look everything up; locks, semaphores, presence and most limits fail",
      tries: [["TIME"]]
    },
    {
      level: "error",
      lost: "there is no connection to the cluster",
      tries: isCluster
        ? [
            ["CLUSTER", "SLOTS"],
            ["CLUSTER", "INFO"]
          ]
        : []
    },
    {
      level: "warning",
      lost: "a key of a slot that is moving is unavailable until the slot has moved",
      tries: isCluster ? [["ASKING"]] : []
    },
    {
      level: "warning",
      lost: "settings at run time are not applied, listed or changed",
      tries: [["HGETALL", hash]]
    },
    {
      level: "warning",
      lost: "other processes serve an old value until the local time to live is over",
      tries: [["PUBLISH", key("channel"), ""]]
    },
    {
      level: "warning",
      lost: "the status does not know the server and its role, or connections have no name and an abandoned one stays",
      tries: [
        ["CLIENT", "ID"],
        ["CLIENT", "KILL", "ID", 0],
        ["CLIENT", "SETNAME", "effect-cache"],
        ["INFO", "server"],
        ["ROLE"]
      ]
    },
    {
      level: "warning",
      lost: "delPattern fails, and so do `effect-cache tags`, `locks` and `limits`, which list keys",
      tries: [
        ["SCAN", "0", "MATCH", text, "COUNT", 1],
        ["DBSIZE"],
        ["DEL", text, hash, set],
        ["UNLINK", text, hash, set]
      ]
    }
  ]
}

type Refusal = "command" | "key" | "channel" | "unknown"

const kindOf = ({ detail }: RedisAuthError): Refusal =>
  /channel/i.test(detail) ? "channel" : /\bkeys?\b/i.test(detail) ? "key" : "command"

/** Whether the server has refused the words for lack of a right. Any other outcome says that the right is there. */
const refusalOf = (outcome: Either.Either<unknown, RedisError>): Refusal | undefined => {
  if (Either.isRight(outcome)) return undefined
  const error = outcome.left
  if (error._tag === "RedisAuthError") return error.reason === "NoPermission" ? kindOf(error) : undefined
  return error._tag === "RedisServerError" && /unknown command|NOSCRIPTING/i.test(`${error.code} ${error.detail}`)
    ? "unknown"
    : undefined
}

/** Subcommands have rights of their own. */
const nameOf = ([command, first]: Words): string =>
  command === "CLIENT" || command === "CLUSTER" ? `${command} ${String(first)}` : command

const grant = (name: string): string => `+${name.toLowerCase().replace(" ", "|")}`

const findingOf = (
  server: string | undefined,
  { level, lost }: Pick<Purpose, "level" | "lost">,
  refusal: Refusal,
  names: ReadonlyArray<string>
): Finding => {
  const finding = { check: "rights", level, server } as const
  const commands = names.join(", ")
  switch (refusal) {
    case "command":
      return {
        ...finding,
        message: `the user may not run ${commands}: ${lost}`,
        remedy: `ACL SETUSER <user> ${names.map(grant).join(" ")} (docs/servers.md has the whole line)`
      }
    case "key":
      return {
        ...finding,
        message: `the user's key patterns refuse the keys of the check to ${commands}: ${lost}`,
        remedy:
          "ACL SETUSER <user> ~*; with REDIS_KEY_PREFIX=shop: the patterns ~shop:* and ~{shop:* are enough (docs/keys.md)"
      }
    case "channel":
      return {
        ...finding,
        message: `the user's channel patterns refuse ${commands}: ${lost}`,
        remedy: "ACL SETUSER <user> &*; with REDIS_KEY_PREFIX=shop: the pattern &shop:* is enough (docs/keys.md)"
      }
    case "unknown":
      return {
        ...finding,
        message: `the server does not know ${commands}: ${lost}`,
        remedy: "undo rename-command in its configuration, load its Lua module, or use another server or proxy"
      }
  }
}

const ofPurpose = (server: Server, purpose: Purpose): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.gen(function* () {
    const refused = new Map<Refusal, Set<string>>()
    for (const words of purpose.tries) {
      const [command, ...args] = words
      const refusal = refusalOf(yield* Effect.either(server.send(command, ...args)))
      if (refusal === undefined) continue
      refused.set(refusal, (refused.get(refusal) ?? new Set()).add(nameOf(words)))
    }
    return Array.from(refused, ([refusal, names]) => findingOf(server.address, purpose, refusal, [...names]))
  })

/** The right to listen, by a subscription of a moment. A server that is slow to grant it is no refusal. */
export const subscription = (client: RedisClient.Service, channel: string): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(Effect.either(Effect.timeoutOption(Stream.runHead(client.subscribe(channel)), "3 seconds")), (outcome) => {
    const refusal = refusalOf(Either.map(outcome, Option.isSome))
    const lost =
      "this process hears no invalidation of others, and serves old values until the local time to live is over"
    return refusal === undefined ? [] : [findingOf(undefined, { level: "warning", lost }, refusal, ["SUBSCRIBE"])]
  })

/** `key` names keys of the check's own, which share a slot. */
export const findings = (
  server: Server,
  key: (kind: string) => string,
  isCluster: boolean
): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(
    Effect.forEach(purposes(key, isCluster), (purpose) => ofPurpose(server, purpose)),
    (each) => {
      const found = each.flat()
      return found.length > 0
        ? found
        : [
            {
              check: "rights",
              level: "ok",
              server: server.address,
              message: "the user may run every command that the toolkit needs (FLUSHDB was not tried)"
            }
          ]
    }
  )

/** Which Lua runs the scripts. Nothing where the rights already say that none does. */
export const lua = ({ address, send }: Server): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(Effect.either(send("EVAL", "return _VERSION", 0)), (outcome): ReadonlyArray<Finding> => {
    if (refusalOf(outcome) !== undefined) return []
    return [
      Either.isRight(outcome)
        ? { check: "lua", level: "ok", server: address, message: String(outcome.right) }
        : {
            check: "lua",
            level: "error",
            server: address,
            message: `a script has failed: ${outcome.left.message}`,
            remedy: "look at the server's log; a script that never ends is ended by SCRIPT KILL"
          }
    ]
  })
