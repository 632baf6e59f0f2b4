/**
 * What a prefix makes of a command: which arguments get it, what of the reply loses it, and which commands cannot have one.
 *
 * @internal
 */
import * as Either from "effect/Either"
import * as CommandKeys from "../commands/CommandKeys.js"
import type { RedisArgument, RedisReply } from "../RedisConnection.js"
import { InvalidArgument } from "../RedisError.js"
import { type KeyPrefix, type PrefixedPattern, textOf } from "./KeyPrefix.js"

export interface PrefixedCommand {
  readonly args: ReadonlyArray<RedisArgument>
  /** Takes the prefix from the reply. Absent where the reply names no key. */
  readonly reply?: ((reply: RedisReply) => RedisReply) | undefined
}

/** Commands that reach the keys or channels of others, whatever their arguments. */
const reachingOthers: ReadonlySet<string> = new Set("FLUSHALL FLUSHDB SWAPDB RANDOMKEY PUBSUB".split(" "))

const isArray = (reply: unknown): reply is ReadonlyArray<RedisReply> => Array.isArray(reply)

const word = (argument: RedisArgument | undefined): string =>
  argument === undefined ? "" : textOf(argument).toUpperCase()

/** SORT reads the keys that the patterns behind BY and GET name. */
const readsOtherKeys = (args: ReadonlyArray<RedisArgument>): boolean =>
  args.some((_, place) => {
    const pattern = place > 1 ? textOf(args[place] ?? "") : ""
    const before = word(args[place - 1])
    return (before === "BY" && pattern.includes("*")) || (before === "GET" && pattern !== "#")
  })

/** The keys of others are left out, as are those that only the wider pattern of the server has found. */
const ownKeys = (prefix: KeyPrefix, { matches }: PrefixedPattern, keys: RedisReply): RedisReply =>
  isArray(keys)
    ? keys.flatMap((key) => {
        const own = typeof key === "string" ? prefix.withoutPrefix(key) : undefined
        return own !== undefined && matches(own) ? [own] : []
      })
    : keys

/** SCAN with its pattern. It may stand at any place behind the cursor, and the last one counts. */
const scan = (prefix: KeyPrefix, args: ReadonlyArray<RedisArgument>): PrefixedCommand => {
  let pattern = prefix.pattern("*")
  const sent = [...args]
  for (let place = 1; place + 1 < args.length; place += 2) {
    const value = args[place + 1]
    if (value === undefined || word(args[place]) !== "MATCH") continue
    pattern = prefix.pattern(textOf(value))
    sent[place + 1] = pattern.sent
  }
  if (args.length > 0 && sent.every((_, place) => place === 0 || word(args[place]) !== "MATCH")) {
    sent.push("MATCH", pattern.sent)
  }
  return {
    args: sent,
    reply: (reply) =>
      isArray(reply) && reply.length === 2 ? [reply[0] ?? null, ownKeys(prefix, pattern, reply[1] ?? null)] : reply
  }
}

const withoutPrefix = (prefix: KeyPrefix, key: RedisReply): RedisReply =>
  typeof key === "string" ? (prefix.withoutPrefix(key) ?? key) : key

/** A reply that begins with the key of which it speaks. */
const keyFirst =
  (prefix: KeyPrefix) =>
  (reply: RedisReply): RedisReply =>
    isArray(reply) && reply.length > 0 ? [withoutPrefix(prefix, reply[0] ?? null), ...reply.slice(1)] : reply

/** Streams by their keys: a map of RESP3, or pairs. */
const byKey =
  (prefix: KeyPrefix) =>
  (reply: RedisReply): RedisReply => {
    if (isArray(reply)) return reply.map(keyFirst(prefix))
    if (typeof reply !== "object" || reply === null) return reply
    return Object.fromEntries(Object.entries(reply).map(([key, value]) => [prefix.withoutPrefix(key) ?? key, value]))
  }

/** The commands whose replies name keys. */
const replies: ReadonlyMap<string, (prefix: KeyPrefix) => (reply: RedisReply) => RedisReply> = new Map([
  ["LMPOP", keyFirst],
  ["ZMPOP", keyFirst],
  ["XREAD", byKey],
  ["XREADGROUP", byKey]
])

const rejected = (command: string, allowed: string): Either.Either<never, InvalidArgument> =>
  Either.left(new InvalidArgument({ command, argument: "command", value: command, allowed }))

/** The command, given in capitals, as it is sent under the prefix. */
export const of = (
  prefix: KeyPrefix,
  command: string,
  args: ReadonlyArray<RedisArgument>
): Either.Either<PrefixedCommand, InvalidArgument> => {
  if (reachingOthers.has(command)) {
    return rejected(command, "a command that reaches no keys or channels outside of the key prefix; see flushDb")
  }
  if (command === "PUBLISH" || command === "SPUBLISH") {
    return Either.right({ args: args.map((arg, place) => (place === 0 ? prefix.channelArgument(arg) : arg)) })
  }
  if (command === "SCAN") return Either.right(scan(prefix, args))
  if (command === "KEYS") {
    const pattern = prefix.pattern(textOf(args[0] ?? ""))
    return Either.right({
      args: args.map((arg, place) => (place === 0 ? pattern.sent : arg)),
      reply: (reply) => ownKeys(prefix, pattern, reply)
    })
  }
  if (command.startsWith("SORT") && readsOtherKeys(args)) {
    return rejected(command, "a command without BY or GET patterns, which name keys outside of the key prefix")
  }
  const places = CommandKeys.placesOf(command, args)
  if (places === undefined) {
    return args.length === 0
      ? Either.right({ args })
      : rejected(command, "a command whose keys are known, so that they get the key prefix; use a script")
  }
  const sent = [...args]
  for (const place of places) {
    const key = args[place]
    if (key !== undefined) sent[place] = prefix.keyArgument(key)
  }
  return Either.right({ args: sent, reply: replies.get(command)?.(prefix) })
}
