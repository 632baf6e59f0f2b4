/**
 * Builds the commands of a `RedisClient` on an executor: each checks its arguments, sends a command and decodes its reply.
 *
 * @since 0.1.0
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Num from "effect/Number"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as MonotonicClock from "../internal/MonotonicClock.js"
import { integer as integerArgument, longestSeconds, malformed, reject, timeToLiveMillis } from "./ArgumentCheck.js"
import * as PatternDeletion from "./commands/PatternDeletion.js"
import * as ReplyShape from "./commands/ReplyShape.js"
import * as ScriptReply from "./commands/ScriptReply.js"
import type { RedisArgument, RedisReply } from "./RedisConnection.js"
import type { InvalidArgument, RedisError } from "./RedisError.js"
import * as RedisExecutor from "./RedisExecutor.js"
import type { RedisScript } from "./RedisScript.js"
import type { CircuitState, ConnectionState, RedisStatus } from "./RedisStatus.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface SetOptions {
  /**
   * When the key expires: above zero and at most 268,435,455 s, the longest that Dragonfly keeps. Fails with `InvalidArgument`
   * otherwise. Default: never
   */
  readonly timeToLive?: Duration.DurationInput | undefined
  /** `NX`: only when the key does not exist; `XX`: only when it does. Default: in both cases */
  readonly condition?: "NX" | "XX" | undefined
  /** Keeps the time to live that the key has. Excludes `timeToLive`. Default false */
  readonly keepTimeToLive?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ScoredMember {
  readonly member: string
  readonly score: number
}

/**
 * Which of the keys that match a pattern are deleted: all of them by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface DelPatternOptions {
  /** only keys that hold a value of this type, as TYPE names it: default of any type */
  readonly type?: "string" | "list" | "set" | "zset" | "hash" | "stream" | undefined
  /** only keys of which this is true: default all */
  readonly where?: ((key: string) => boolean) | undefined
}

/**
 * Commands on one supervised connection. Every command answers within its timeout; see `RedisError` for what a failure
 * lets you conclude. "May be repeated" below means: repeated by `withRetry` also when the outcome is unknown.
 *
 * A key, member, pattern, channel or argument of `send` with a lone surrogate fails with `InvalidArgument`. It would be sent
 * as U+FFFD, and so could name another key. In a value of `set`, U+FFFD takes its place.
 *
 * @since 0.2.0
 * @category models
 */
export interface RedisCommands {
  /** What the commands are built on. `RedisExecutor.of` reads it. */
  readonly [RedisExecutor.ExecutorTypeId]: RedisExecutor.RedisExecutor
  /**
   * The text under a key. A key that holds another type reads as absent, since concurrent reads travel as one MGET.
   * May be repeated.
   */
  readonly get: (key: string) => Effect.Effect<Option.Option<string>, RedisError>
  /** The texts under several keys, in their order, by one MGET per chunk. May be repeated. */
  readonly mget: (keys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Option.Option<string>>, RedisError>
  /** The stored bytes. May be repeated. */
  readonly getBuffer: (key: string) => Effect.Effect<Option.Option<Uint8Array>, RedisError>
  /** Stores a text and says whether it did (always `true` without a condition). May be repeated unless `NX` or `XX`. */
  readonly set: (key: string, value: string, options?: SetOptions) => Effect.Effect<boolean, RedisError>
  /** As `set`, for bytes. */
  readonly setBuffer: (key: string, value: Uint8Array, options?: SetOptions) => Effect.Effect<boolean, RedisError>
  /** Deletes keys and says how many existed. May be repeated. */
  readonly del: (...keys: ReadonlyArray<string>) => Effect.Effect<number, RedisError>
  /**
   * Deletes the keys that match a glob pattern, by SCAN and UNLINK in batches, and says how many. Never build the
   * pattern from user input without `RedisKey.escapeGlob`. Fails with `RedisProtocolError` where the server's cursor does not
   * come to its end. May be repeated.
   */
  readonly delPattern: (pattern: string, options?: DelPatternOptions) => Effect.Effect<number, RedisError>
  /** Adds one and answers the new value. Never repeated after an unknown outcome. */
  readonly incr: (key: string) => Effect.Effect<number, RedisError>
  /** Subtracts one and answers the new value. Never repeated after an unknown outcome. */
  readonly decr: (key: string) => Effect.Effect<number, RedisError>
  /** Sets the time to live and says whether the key exists. May be repeated. */
  readonly expire: (key: string, timeToLive: Duration.DurationInput) => Effect.Effect<boolean, RedisError>
  /** The remaining time: none when the key does not exist, infinity when it never expires. May be repeated. */
  readonly ttl: (key: string) => Effect.Effect<Option.Option<Duration.Duration>, RedisError>
  /** Adds or moves a member and says whether it is new. May be repeated. */
  readonly zadd: (key: string, score: number, member: string) => Effect.Effect<boolean, RedisError>
  /** Adds to a member's score and answers the new one. Never repeated after an unknown outcome. */
  readonly zincrby: (key: string, increment: number, member: string) => Effect.Effect<number, RedisError>
  /** Removes a member and says whether it was there. May be repeated. */
  readonly zrem: (key: string, member: string) => Effect.Effect<boolean, RedisError>
  /** The number of members. May be repeated. */
  readonly zcard: (key: string) => Effect.Effect<number, RedisError>
  /** Members from the highest score down, by rank, both ends included, negative from the end. May be repeated. */
  readonly zrevrange: (key: string, start: number, stop: number) => Effect.Effect<ReadonlyArray<string>, RedisError>
  /** As `zrevrange`, with scores. */
  readonly zrevrangeWithScores: (
    key: string,
    start: number,
    stop: number
  ) => Effect.Effect<ReadonlyArray<ScoredMember>, RedisError>
  /** Members with scores from `max` down to `min`, both included. May be repeated. */
  readonly zrevrangebyscore: (
    key: string,
    max: number,
    min: number,
    options?: { readonly offset: number; readonly count: number }
  ) => Effect.Effect<ReadonlyArray<ScoredMember>, RedisError>
  /** The rank from the highest score, counted from 0. May be repeated. */
  readonly zrevrank: (key: string, member: string) => Effect.Effect<Option.Option<number>, RedisError>
  /** The score of a member. May be repeated. */
  readonly zscore: (key: string, member: string) => Effect.Effect<Option.Option<number>, RedisError>
  /** Sends a message to a channel and says how many received it. Never repeated after an unknown outcome. */
  readonly publish: (channel: string, message: string) => Effect.Effect<number, RedisError>
  /**
   * The messages of a channel, and the gaps between them. The stream outlives disconnections. It fails with
   * `RedisUnavailable`, reason `Disabled`, when the client is off or closed. It fails with `RedisAuthError` when the user
   * has no right to the channel.
   */
  readonly subscribe: (channel: string) => Stream.Stream<RedisExecutor.SubscriptionEvent, RedisError>
  /** Runs a script. Repeated after an unknown outcome only when the script is declared idempotent. */
  readonly run: <Input, Output>(
    script: RedisScript<Input, Output>
  ) => (input: Input) => Effect.Effect<Output, RedisError>
  /**
   * Any other command. Rejected without sending: commands that change the shared connection for other callers
   * (MULTI, WATCH, SELECT, SUBSCRIBE, blocking commands, …). Never repeated after an unknown outcome.
   */
  readonly send: (command: string, ...args: ReadonlyArray<RedisArgument>) => Effect.Effect<RedisReply, RedisError>
  /** Deletes every key of the database; with a key prefix, the keys under that prefix, by SCAN and UNLINK. */
  readonly flushDb: Effect.Effect<void, RedisError>
  /** Whether commands are accepted at this moment. */
  readonly isAvailable: Effect.Effect<boolean>
  /**
   * What the server's clock shows, as last learned, in milliseconds; nothing is sent. Setting this machine's clock does
   * not change it. In a cluster it is the clock of the server that holds slot 0.
   */
  readonly serverTime: Effect.Effect<number>
  readonly getStatus: Effect.Effect<RedisStatus>
  /** The connection state now and each change of it. */
  readonly statusChanges: Stream.Stream<ConnectionState>
  /** The state of the circuit breaker now and each change of it. */
  readonly circuitChanges: Stream.Stream<CircuitState>
  /** Closes the connection for good; every later call fails with `RedisUnavailable`, reason `Disabled`. */
  readonly close: Effect.Effect<void>
}

/**
 * The longest time to live that every server keeps; Dragonfly shortens longer ones silently.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxTimeToLive: Duration.Duration = Duration.seconds(longestSeconds)

/** Keys in one MGET: large enough to amortise the round trip, small enough not to stall the server. */
const chunkSize = 512

/** Commands that would change the shared connection for its other users, or block it. */
const rejected: ReadonlySet<string> = new Set(
  (
    "MULTI EXEC DISCARD WATCH UNWATCH SELECT HELLO AUTH RESET QUIT MONITOR SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE " +
    "SSUBSCRIBE SUNSUBSCRIBE BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF SYNC PSYNC SHUTDOWN"
  ).split(" ")
)

const blocksOrTakesOver = (command: string, args: ReadonlyArray<RedisArgument>): boolean => {
  const name = command.toUpperCase()
  if (rejected.has(name)) return true
  const first = String(args[0] ?? "").toUpperCase()
  if (name === "CLIENT") return first === "REPLY" || first === "TRACKING" || first === "NO-EVICT"
  return (name === "XREAD" || name === "XREADGROUP") && args.some((arg) => String(arg).toUpperCase() === "BLOCK")
}

/** Finds the argument that is not well-formed Unicode. */
const malformedOf = (args: ReadonlyArray<RedisArgument>): string | undefined => {
  for (const arg of args) if (typeof arg === "string" && !arg.isWellFormed()) return arg
  return undefined
}

/** A score as the protocol wants it: `inf` and `-inf` for the infinite ones. */
const scoreText = (command: string, argument: string, score: number): Effect.Effect<string, InvalidArgument> =>
  Number.isNaN(score)
    ? reject(command, argument, score, "a number")
    : Exit.succeed(
        score === Infinity ? "inf" : score === -Infinity ? "-inf" : Object.is(score, -0) ? "-0" : String(score)
      )

/**
 * The typed commands on an executor.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromExecutor = (executor: RedisExecutor.RedisExecutor): RedisCommands => {
  const reading = { idempotent: true } as const
  const counting = { idempotent: false } as const

  /** A command all of whose arguments are checked. */
  const send = (command: string, args: ReadonlyArray<RedisArgument>, options: { readonly idempotent: boolean }) => {
    const odd = malformedOf(args)
    return odd === undefined ? executor.command(command, args, options) : malformed(command, odd, "key, member or text")
  }

  const integer = (command: string, args: ReadonlyArray<RedisArgument>, options: { readonly idempotent: boolean }) =>
    Effect.flatMap(send(command, args, options), ({ value }) =>
      typeof value === "number"
        ? Effect.succeed(value)
        : Effect.fail(ReplyShape.unexpected(command, "an integer", value))
    )

  const optionalNumber = (command: string, args: ReadonlyArray<RedisArgument>) =>
    Effect.flatMap(send(command, args, reading), ({ value }) =>
      value === null || typeof value === "number"
        ? Effect.succeed(Option.fromNullable(value))
        : Effect.fail(ReplyShape.unexpected(command, "a number", value))
    )

  const byRank = (key: string, start: number, stop: number, ...rest: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const first = yield* integerArgument("ZREVRANGE", "start", start)
      return yield* send("ZREVRANGE", [key, first, yield* integerArgument("ZREVRANGE", "stop", stop), ...rest], reading)
    })

  const isStored = ({ value }: RedisExecutor.WithGeneration<RedisReply>): boolean => value !== null

  const sendSet = (args: ReadonlyArray<RedisArgument>, condition: SetOptions["condition"]) =>
    Effect.map(executor.command("SET", args, condition === undefined ? reading : counting), isStored)

  // without a generator, which would cost as much as the command itself
  const store = (key: string, value: string | Uint8Array, options: SetOptions = {}) => {
    if (!key.isWellFormed()) return malformed("SET", key)
    const { condition, keepTimeToLive, timeToLive } = options
    const args: Array<RedisArgument> = [key, value]
    if (timeToLive !== undefined) {
      if (keepTimeToLive === true) {
        return reject("SET", "keepTimeToLive", true, "absent where `timeToLive` is given")
      }
      const millis = timeToLiveMillis("SET", "timeToLive", timeToLive)
      if (Exit.isFailure(millis)) return Exit.failCause(millis.cause)
      args.push("PX", millis.value)
    }
    if (keepTimeToLive === true) args.push("KEEPTTL")
    if (condition !== undefined) args.push(condition)
    return sendSet(args, condition)
  }

  const readChunk = (keys: ReadonlyArray<string>) =>
    Effect.flatMap(send("MGET", keys, reading), ({ value }) =>
      Exit.map(ReplyShape.texts(value, keys), (texts) => texts.map(Option.fromNullable))
    )

  const mget = (keys: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Option.Option<string>>, RedisError> => {
    if (keys.length === 0) return Effect.succeed([])
    if (keys.length <= chunkSize) return readChunk(keys)
    const chunks: Array<ReadonlyArray<string>> = []
    for (let i = 0; i < keys.length; i += chunkSize) chunks.push(keys.slice(i, i + chunkSize))
    return Effect.map(Effect.forEach(chunks, readChunk, { concurrency: "unbounded" }), (parts) => parts.flat())
  }

  const delPattern: RedisCommands["delPattern"] = (pattern, options = {}) => {
    const malformedPattern = malformedOf([pattern])
    if (malformedPattern !== undefined) return malformed("SCAN", pattern, "pattern")
    const unlink = (keys: ReadonlyArray<string>) => integer("UNLINK", keys, reading)
    const perNode = Effect.forEach(
      RedisExecutor.nodesOf(executor).current(),
      (node) =>
        PatternDeletion.run(
          (command, args) => Effect.map(node.command(command, args, reading), ({ value }) => value),
          unlink,
          pattern,
          options
        ),
      { concurrency: "unbounded" }
    )
    return Effect.map(perNode, Num.sumAll)
  }

  return {
    [RedisExecutor.ExecutorTypeId]: executor,
    get: executor.get,
    mget,
    getBuffer: executor.getBuffer,
    set: store,
    setBuffer: store,
    del: (...keys) => (keys.length === 0 ? Effect.succeed(0) : integer("DEL", keys, reading)),
    delPattern,
    incr: (key) => integer("INCR", [key], counting),
    decr: (key) => integer("DECR", [key], counting),
    expire: (key, timeToLive) =>
      Effect.flatMap(timeToLiveMillis("PEXPIRE", "timeToLive", timeToLive), (millis) =>
        Effect.map(integer("PEXPIRE", [key, millis], reading), (reply) => reply === 1)
      ),
    ttl: (key) =>
      Effect.map(integer("PTTL", [key], reading), (millis) =>
        millis === -2 ? Option.none() : Option.some(millis === -1 ? Duration.infinity : Duration.millis(millis))
      ),
    zadd: (key, score, member) =>
      Effect.flatMap(scoreText("ZADD", "score", score), (text) =>
        Effect.map(integer("ZADD", [key, text, member], reading), (added) => added === 1)
      ),
    zincrby: (key, increment, member) =>
      Effect.flatMap(scoreText("ZINCRBY", "increment", increment), (text) =>
        Effect.flatMap(send("ZINCRBY", [key, text, member], counting), ({ value }) =>
          typeof value === "number"
            ? Effect.succeed(value)
            : Effect.fail(ReplyShape.unexpected("ZINCRBY", "a score", value))
        )
      ),
    zrem: (key, member) => Effect.map(integer("ZREM", [key, member], reading), (removed) => removed === 1),
    zcard: (key) => integer("ZCARD", [key], reading),
    zrevrange: (key, start, stop) =>
      Effect.flatMap(byRank(key, start, stop), ({ value }) =>
        Array.isArray(value)
          ? Effect.succeed((value as ReadonlyArray<RedisReply>).map(String))
          : Effect.fail(ReplyShape.unexpected("ZREVRANGE", "a list", value))
      ),
    zrevrangeWithScores: (key, start, stop) =>
      Effect.flatMap(byRank(key, start, stop, "WITHSCORES"), ({ value }) =>
        ReplyShape.scoredMembers("ZREVRANGE", value)
      ),
    zrevrangebyscore: (key, max, min, options) =>
      Effect.gen(function* () {
        const command = "ZREVRANGEBYSCORE"
        const args: Array<RedisArgument> = [key]
        args.push(yield* scoreText(command, "max", max), yield* scoreText(command, "min", min), "WITHSCORES")
        if (options !== undefined) {
          args.push("LIMIT", yield* integerArgument(command, "offset", options.offset))
          args.push(yield* integerArgument(command, "count", options.count))
        }
        const { value } = yield* send(command, args, reading)
        return yield* ReplyShape.scoredMembers(command, value)
      }),
    zrevrank: (key, member) => optionalNumber("ZREVRANK", [key, member]),
    zscore: (key, member) => optionalNumber("ZSCORE", [key, member]),
    publish: (channel, message) =>
      channel.isWellFormed()
        ? Effect.flatMap(executor.command("PUBLISH", [channel, message], counting), ({ value }) =>
            typeof value === "number"
              ? Effect.succeed(value)
              : Effect.fail(ReplyShape.unexpected("PUBLISH", "an integer", value))
          )
        : malformed("PUBLISH", channel, "channel"),
    subscribe: (channel) =>
      channel.isWellFormed()
        ? executor.subscribe(channel)
        : Stream.fromEffect(malformed("SUBSCRIBE", channel, "channel")),
    run: (script) => (input) =>
      Effect.flatMap(executor.script(script, input), ({ value }) => ScriptReply.output(script, value)),
    send: (command, ...args) =>
      blocksOrTakesOver(command, args)
        ? reject(
            command,
            "command",
            command,
            "a command that neither changes nor blocks the connection of all callers; use a script"
          )
        : Effect.map(send(command.toUpperCase(), args, counting), ({ value }) => value),
    // FLUSHDB would delete the keys of other prefixes too
    flushDb:
      executor.keyPrefix === undefined
        ? Effect.asVoid(executor.command("FLUSHDB", [], reading))
        : Effect.asVoid(delPattern("*")),
    isAvailable: Effect.map(executor.getStatus, (status) => status.connected && status.circuit === "Closed"),
    serverTime: Effect.map(MonotonicClock.millis, (now) => now + executor.clockOffsetMillis()),
    getStatus: executor.getStatus,
    statusChanges: executor.statusChanges,
    circuitChanges: executor.circuitChanges,
    close: executor.close
  }
}
