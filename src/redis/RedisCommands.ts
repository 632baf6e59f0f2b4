/**
 * The typed commands of `RedisClient`, built on any executor: what they send, and what they make of the reply.
 *
 * @since 0.1.0
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as CompiledDecoder from "../internal/CompiledDecoder.js"
import * as MonotonicClock from "../internal/MonotonicClock.js"
import { malformed } from "./CommandRefusal.js"
import type { DelPatternOptions, RedisClient, ScoredMember, SetOptions, WithGeneration } from "./RedisClient.js"
import type { RedisArgument, RedisReply } from "./RedisConnection.js"
import { type RedisError, RedisProtocolError, RedisServerError } from "./RedisError.js"
import type { RedisExecutor } from "./RedisExecutor.js"
import type { RedisScript } from "./RedisScript.js"

/**
 * The longest time to live that every server keeps; Dragonfly shortens longer ones silently.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxTimeToLive: Duration.Duration = Duration.seconds(268_435_455)

/** Keys in one MGET, UNLINK or SCAN: large enough to amortise the round trip, small enough not to stall the server. */
const chunkSize = 512

/** Rounds of SCAN that no database is too small for: eight million places of a table. */
const surelyEnoughRounds = 16_384

/** Rounds of SCAN that no database is large enough for. */
const maxRounds = 10_000_000

interface ScanPage {
  readonly cursor: string
  readonly keys: ReadonlyArray<string>
}

/** Commands that would change the shared connection for its other users, or block it. */
const refused: ReadonlySet<string> = new Set(
  (
    "MULTI EXEC DISCARD WATCH UNWATCH SELECT HELLO AUTH RESET QUIT MONITOR SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE " +
    "SSUBSCRIBE SUNSUBSCRIBE BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF SYNC PSYNC SHUTDOWN"
  ).split(" ")
)

const blocksOrTakesOver = (command: string, args: ReadonlyArray<RedisArgument>): boolean => {
  const name = command.toUpperCase()
  if (refused.has(name)) return true
  const first = String(args[0] ?? "").toUpperCase()
  if (name === "CLIENT") return first === "REPLY" || first === "TRACKING" || first === "NO-EVICT"
  return (name === "XREAD" || name === "XREADGROUP") && args.some((arg) => String(arg).toUpperCase() === "BLOCK")
}

const rejected = (command: string, detail: string): Effect.Effect<never, RedisServerError> =>
  Effect.fail(new RedisServerError({ command, code: "ERR", detail }))

const isWellFormed = (arg: RedisArgument): boolean => typeof arg !== "string" || arg.isWellFormed()

const unexpected = (command: string, expected: string, reply: unknown): RedisProtocolError =>
  new RedisProtocolError({ command, detail: `expected ${expected}, got ${reply === null ? "nothing" : typeof reply}` })

const endless = (detail: string): RedisProtocolError => new RedisProtocolError({ command: "SCAN", detail })

const millisOf = (command: string, ttl: Duration.DurationInput): Effect.Effect<number, RedisServerError> => {
  const millis = Math.ceil(Duration.toMillis(ttl))
  return millis >= 1 && millis <= Duration.toMillis(maxTimeToLive)
    ? Effect.succeed(millis)
    : rejected(command, `a time to live is between 1 ms and ${Duration.toSeconds(maxTimeToLive)} s`)
}

const scoredMembers = (command: string, reply: RedisReply): Effect.Effect<ReadonlyArray<ScoredMember>, RedisError> => {
  if (!Array.isArray(reply)) return Effect.fail(unexpected(command, "a list", reply))
  const members: Array<ScoredMember> = []
  for (const pair of reply as ReadonlyArray<RedisReply>) {
    if (!Array.isArray(pair) || typeof pair[0] !== "string" || typeof pair[1] !== "number") {
      return Effect.fail(unexpected(command, "members with scores", pair))
    }
    members.push({ member: pair[0], score: pair[1] })
  }
  return Effect.succeed(members)
}

/** A score as the protocol wants it: `inf` and `-inf` for the infinite ones. */
const scoreText = (score: number): string =>
  score === Infinity ? "inf" : score === -Infinity ? "-inf" : Object.is(score, -0) ? "-0" : String(score)

/** Made once for each script, since scripts are named anew for each run. */
const replyDecoders = new WeakMap<object, (reply: unknown) => unknown>()

const replyDecoder = <Input, Output>(
  script: RedisScript<Input, Output>
): ((reply: unknown) => Output | typeof CompiledDecoder.undecided) => {
  const known = replyDecoders.get(script)
  if (known !== undefined) return known as (reply: unknown) => Output | typeof CompiledDecoder.undecided
  const decode = CompiledDecoder.make(script.reply)
  replyDecoders.set(script, decode)
  return decode
}

/**
 * The typed commands on an executor.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromExecutor = (executor: RedisExecutor): RedisClient.Service => {
  const reading = { idempotent: true } as const
  const counting = { idempotent: false } as const

  /** A command all of whose arguments are checked. */
  const send = (command: string, args: ReadonlyArray<RedisArgument>, options: { readonly idempotent: boolean }) =>
    args.every(isWellFormed) ? executor.command(command, args, options) : malformed(command)

  const integer = (command: string, args: ReadonlyArray<RedisArgument>, options: { readonly idempotent: boolean }) =>
    Effect.flatMap(send(command, args, options), ({ value }) =>
      typeof value === "number" ? Effect.succeed(value) : Effect.fail(unexpected(command, "an integer", value))
    )

  const optionalNumber = (command: string, args: ReadonlyArray<RedisArgument>) =>
    Effect.flatMap(send(command, args, reading), ({ value }) =>
      value === null || typeof value === "number"
        ? Effect.succeed(Option.fromNullable(value))
        : Effect.fail(unexpected(command, "a number", value))
    )

  const store = (key: string, value: string | Uint8Array, options: SetOptions = {}) =>
    Effect.gen(function* () {
      if (!key.isWellFormed()) return yield* malformed("SET")
      const args: Array<RedisArgument> = [key, value]
      if (options.ttl !== undefined && options.keepTtl === true) {
        return yield* rejected("SET", "ttl and keepTtl exclude each other")
      }
      if (options.ttl !== undefined) args.push("PX", yield* millisOf("SET", options.ttl))
      if (options.keepTtl === true) args.push("KEEPTTL")
      if (options.condition !== undefined) args.push(options.condition)
      const { value: reply } = yield* executor.command("SET", args, { idempotent: options.condition === undefined })
      return reply !== null
    })

  const texts = (
    reply: RedisReply,
    keys: ReadonlyArray<string>
  ): Either.Either<ReadonlyArray<RedisReply>, RedisProtocolError> =>
    Array.isArray(reply) && reply.length === keys.length
      ? Either.right(reply)
      : Either.left(unexpected("MGET", "one value per key", reply))

  const readChunk = (keys: ReadonlyArray<string>) =>
    Effect.flatMap(send("MGET", keys, reading), ({ value }) =>
      Either.map(texts(value, keys), (items) =>
        items.map((item) => (typeof item === "string" ? Option.some(item) : Option.none()))
      )
    )

  const mget = (keys: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Option.Option<string>>, RedisError> => {
    if (keys.length === 0) return Effect.succeed([])
    if (keys.length <= chunkSize) return readChunk(keys)
    const chunks: Array<ReadonlyArray<string>> = []
    for (let i = 0; i < keys.length; i += chunkSize) chunks.push(keys.slice(i, i + chunkSize))
    return Effect.map(Effect.forEach(chunks, readChunk, { concurrency: "unbounded" }), (parts) => parts.flat())
  }

  const unsafeMget: RedisClient.Service["unsafeMget"] = (keys, answered) => {
    let asked: ReadonlyArray<string> = []
    executor.unsafeMget(
      () => {
        asked = keys()
        return asked
      },
      (exit) => {
        if (Exit.isFailure(exit)) return answered(Exit.failCause(exit.cause))
        const { generation, value } = exit.value
        const items = texts(value, asked)
        if (Either.isLeft(items)) return answered(Exit.fail(items.left))
        // another program's nested reply, where a text should be, is none
        const read = items.right.map((item) => (typeof item === "string" ? item : undefined))
        answered(Exit.succeed({ value: read, generation }))
      }
    )
  }

  const decoded = <Input, Output>(
    script: RedisScript<Input, Output>,
    { generation, value }: WithGeneration<RedisReply>
  ): Exit.Exit<WithGeneration<Output>, RedisProtocolError> => {
    const output = replyDecoder(script)(value)
    if (output !== CompiledDecoder.undecided) return Exit.succeed({ value: output, generation })
    const failed = (detail: string) => Exit.fail(new RedisProtocolError({ command: script.name, detail }))
    try {
      return Either.match(Schema.decodeUnknownEither(script.reply)(value), {
        onRight: (value) => Exit.succeed({ value, generation }),
        onLeft: (error) => failed(ParseResult.TreeFormatter.formatErrorSync(error))
      })
    } catch (thrown) {
      // thrown on, the caller would wait for ever
      return failed(`the schema of the reply throws: ${String(thrown)}`)
    }
  }

  const runStamped =
    <Input, Output>(script: RedisScript<Input, Output>) =>
    (input: Input): Effect.Effect<WithGeneration<Output>, RedisError> =>
      Effect.flatMap(executor.script(script, input), (reply) => decoded(script, reply))

  const unsafeRun: RedisClient.Service["unsafeRun"] = (script) => (input, answered) =>
    executor.unsafeScript(script, input, (exit) =>
      answered(Exit.isSuccess(exit) ? decoded(script, exit.value) : Exit.failCause(exit.cause))
    )

  /** The cursor and the keys of a SCAN that began at `from`. */
  const scanned = (reply: RedisReply, from: string): Effect.Effect<ScanPage, RedisProtocolError> => {
    if (!Array.isArray(reply) || reply.length !== 2) return Effect.fail(unexpected("SCAN", "a cursor and keys", reply))
    const [cursor, keys] = reply as ReadonlyArray<RedisReply>
    const next = String(cursor)
    if (!/^\d{1,20}$/.test(next)) return Effect.fail(unexpected("SCAN", "a cursor", cursor))
    if (next === from && next !== "0") return Effect.fail(endless("the cursor stands still"))
    return Array.isArray(keys) && keys.every((key) => typeof key === "string")
      ? Effect.succeed({ cursor: next, keys })
      : Effect.fail(unexpected("SCAN", "a list of keys", keys))
  }

  /** How many rounds a SCAN may need: many more than the database has keys for, since its table may be sparse. */
  const mostRounds = integer("DBSIZE", [], reading).pipe(
    Effect.orElseSucceed(() => Number.POSITIVE_INFINITY),
    Effect.map((keys) => Math.min(surelyEnoughRounds + keys / 8, maxRounds))
  )

  const delPattern = (pattern: string, { type, where = () => true }: DelPatternOptions = {}) =>
    Effect.gen(function* () {
      let deleted = 0
      let cursor = "0"
      let most = surelyEnoughRounds
      for (let round = 1; ; round++) {
        const { value: reply } = yield* send(
          "SCAN",
          [cursor, "MATCH", pattern, "COUNT", chunkSize, ...(type === undefined ? [] : ["TYPE", type])],
          reading
        )
        const page = yield* scanned(reply, cursor)
        const keys = page.keys.filter(where)
        if (keys.length > 0) deleted += yield* integer("UNLINK", keys, reading)
        if (page.cursor === "0") return deleted
        cursor = page.cursor
        if (round === surelyEnoughRounds) most = yield* mostRounds
        if (round >= most) return yield* Effect.fail(endless(`the cursor has not come to its end in ${round} rounds`))
      }
    })

  return {
    get: executor.get,
    mget,
    unsafeMget,
    getBuffer: executor.getBuffer,
    set: store,
    setBuffer: store,
    del: (...keys) => (keys.length === 0 ? Effect.succeed(0) : integer("DEL", keys, reading)),
    delPattern,
    incr: (key) => integer("INCR", [key], counting),
    decr: (key) => integer("DECR", [key], counting),
    expire: (key, ttl) =>
      Effect.flatMap(millisOf("PEXPIRE", ttl), (millis) =>
        Effect.map(integer("PEXPIRE", [key, millis], reading), (reply) => reply === 1)
      ),
    ttl: (key) =>
      Effect.map(integer("PTTL", [key], reading), (millis) =>
        millis === -2 ? Option.none() : Option.some(millis === -1 ? Duration.infinity : Duration.millis(millis))
      ),
    zadd: (key, score, member) =>
      Effect.map(integer("ZADD", [key, scoreText(score), member], reading), (added) => added === 1),
    zincrby: (key, increment, member) =>
      Effect.flatMap(send("ZINCRBY", [key, scoreText(increment), member], counting), ({ value }) =>
        typeof value === "number" ? Effect.succeed(value) : Effect.fail(unexpected("ZINCRBY", "a score", value))
      ),
    zrem: (key, member) => Effect.map(integer("ZREM", [key, member], reading), (removed) => removed === 1),
    zcard: (key) => integer("ZCARD", [key], reading),
    zrevrange: (key, start, stop) =>
      Effect.flatMap(send("ZREVRANGE", [key, start, stop], reading), ({ value }) =>
        Array.isArray(value)
          ? Effect.succeed((value as ReadonlyArray<RedisReply>).map(String))
          : Effect.fail(unexpected("ZREVRANGE", "a list", value))
      ),
    zrevrangeWithScores: (key, start, stop) =>
      Effect.flatMap(send("ZREVRANGE", [key, start, stop, "WITHSCORES"], reading), ({ value }) =>
        scoredMembers("ZREVRANGE", value)
      ),
    zrevrangebyscore: (key, max, min, options) =>
      Effect.flatMap(
        send(
          "ZREVRANGEBYSCORE",
          [
            key,
            scoreText(max),
            scoreText(min),
            "WITHSCORES",
            ...(options === undefined ? [] : ["LIMIT", options.offset, options.count])
          ],
          reading
        ),
        ({ value }) => scoredMembers("ZREVRANGEBYSCORE", value)
      ),
    zrevrank: (key, member) => optionalNumber("ZREVRANK", [key, member]),
    zscore: (key, member) => optionalNumber("ZSCORE", [key, member]),
    publish: (channel, message) =>
      channel.isWellFormed()
        ? Effect.flatMap(executor.command("PUBLISH", [channel, message], counting), ({ value }) =>
            typeof value === "number" ? Effect.succeed(value) : Effect.fail(unexpected("PUBLISH", "an integer", value))
          )
        : malformed("PUBLISH"),
    subscribe: (channel) =>
      channel.isWellFormed() ? executor.subscribe(channel) : Stream.fromEffect(malformed("SUBSCRIBE")),
    listen: (channel, heard) => (channel.isWellFormed() ? executor.listen(channel, heard) : malformed("SUBSCRIBE")),
    runStamped,
    unsafeRun,
    run: (script) => {
      const run = runStamped(script)
      return (input) => Effect.map(run(input), ({ value }) => value)
    },
    send: (command, ...args) =>
      blocksOrTakesOver(command, args)
        ? rejected(command, `${command} would change or block the connection that all callers share; use a script`)
        : Effect.map(send(command.toUpperCase(), args, counting), ({ value }) => value),
    flushDb: Effect.asVoid(executor.command("FLUSHDB", [], reading)),
    isAvailable: Effect.map(executor.getStatus, (status) => status.connected && status.circuit === "Closed"),
    serverTime: Effect.map(MonotonicClock.millis, (now) => now + executor.clockOffsetMillis()),
    clockOffsetMillis: executor.clockOffsetMillis,
    getStatus: executor.getStatus,
    statusChanges: executor.statusChanges,
    circuitChanges: executor.circuitChanges,
    close: executor.close
  }
}
