/**
 * Random programs of commands, scripts and time, run on the model and on a real server so that every reply can be
 * compared. A server's clock cannot be moved: there, time passes by shortening what is left of every key's life.
 */
import { isDeepStrictEqual } from "node:util"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Keyspace from "../../../src/redis/memory/Keyspace.js"
import * as RedisConfig from "../../../src/redis/RedisConfig.js"
import type { RedisArgument, RedisConnection } from "../../../src/redis/RedisConnection.js"
import type { RedisScript } from "../../../src/redis/RedisScript.js"
import * as RejectionCode from "../../../src/redis/RejectionCode.js"
import { driverUnderTest } from "../server/drivers.js"
import * as RedisServer from "../server/RedisServer.js"
import * as ServerKinds from "../server/ServerKinds.js"

/** An absolute time, so many milliseconds from the moment the command runs, in units of milliseconds. */
export class Instant {
  constructor(
    readonly inMillis: number,
    readonly unit: 1 | 1000
  ) {}
}

export type Step =
  | { readonly _tag: "Command"; readonly command: string; readonly args: ReadonlyArray<RedisArgument | Instant> }
  | { readonly _tag: "GetBytes"; readonly key: string }
  | { readonly _tag: "Advance"; readonly millis: number }
  | {
      readonly _tag: "Script"
      readonly script: Pick<RedisScript<never, unknown>, "name" | "lua" | "model">
      readonly keys: ReadonlyArray<string>
      /** `now` is the time of the model, for scripts that take the time as an argument */
      readonly args: (now: number) => ReadonlyArray<RedisArgument>
      /** makes a reply comparable that tells a time which passes on a server */
      readonly comparable: (reply: unknown) => unknown
    }

export type Program = ReadonlyArray<Step>

export const command = (name: string, ...args: ReadonlyArray<RedisArgument | Instant>): Step =>
  printedAs({ _tag: "Command", command: name, args }, () => [name, ...args.map((arg) => fc.stringify(arg))].join(" "))

export const advance = (millis: number): Step => printedAs({ _tag: "Advance", millis }, () => `${millis} ms pass`)

/** How a step reads in a counterexample. */
const printedAs = (step: Step, print: () => string): Step => Object.assign(step, { [fc.toStringMethod]: print })

/** A step that runs a script, whose input may depend on the time. The keys must not. */
export const script = <Input, Output>(
  script: RedisScript<Input, Output>,
  input: Input | ((now: number) => Input),
  comparable: (reply: unknown) => unknown = (reply) => reply
): Step => {
  const inputAt = (now: number): Input => (input instanceof Function ? input(now) : input)
  return printedAs(
    { _tag: "Script", script, keys: script.keys(inputAt(start)), args: (now) => script.args(inputAt(now)), comparable },
    () => `${script.name} ${fc.stringify(inputAt(start))}`
  )
}

/** Everything that can be read of some keys, so that what a program leaves behind is compared too. */
export const dump = (keys: ReadonlyArray<string>): Program =>
  keys.flatMap((key) => [
    command("TYPE", key),
    command("PTTL", key),
    command("GET", key),
    command("ZRANGE", key, 0, -1, "WITHSCORES"),
    command("HGETALL", key),
    command("SMEMBERS", key)
  ])

/** When the time of the model begins. */
const start = 1_800_000_000_000

/** The reply of each step, made comparable. */
const runOnModel = (program: Program): ReadonlyArray<unknown> => {
  let keyspace = Keyspace.make()
  let now = start
  const run = (step: Step): unknown => {
    const environment = { now, publish: () => 0 }
    if (step._tag === "Advance") {
      now += step.millis
      return null
    }
    if (step._tag === "GetBytes") {
      const { bytes } = Keyspace.getBytes(keyspace, now, step.key)
      return bytes instanceof Uint8Array ? Array.from(bytes) : bytes
    }
    const outcome =
      step._tag === "Command"
        ? Keyspace.execute(keyspace, environment, step.command, argumentsAt(step.args, now))
        : Keyspace.runScript(keyspace, environment, step.script, step.keys, step.args(now))
    keyspace = outcome.keyspace
    return outcome.reply
  }
  return program.map((step) => normalize(step, run(step)))
}

/** Lets every key that it is given grow older. Dragonfly runs no script on keys that are not declared. */
const age = `
  for _, key in ipairs(KEYS) do
    local left = redis.call("PTTL", key)
    if left >= 0 then
      if left > tonumber(ARGV[1]) then redis.call("PEXPIRE", key, left - ARGV[1]) else redis.call("DEL", key) end
    end
  end`

/** All that may be a key of a program, each only once: every argument of a command is taken for one. */
const possibleKeys = (program: Program): ReadonlyArray<RedisArgument> => {
  const keys = program.flatMap((step): ReadonlyArray<RedisArgument | Instant> => {
    if (step._tag === "Advance") return []
    if (step._tag === "GetBytes") return [step.key]
    return step._tag === "Command" ? step.args : step.keys
  })
  const byBytes = new Map<string, RedisArgument>()
  for (const key of keys) {
    if (key instanceof Instant) continue
    byBytes.set(Buffer.from(typeof key === "number" ? String(key) : key).toString("latin1"), key)
  }
  return Array.from(byBytes.values())
}

/** As `runOnModel`, in one pipeline on an emptied database. */
const runOnServer = async (connection: RedisConnection, program: Program): Promise<ReadonlyArray<unknown>> => {
  let now = start
  const keys = possibleKeys(program)
  // a whole second, so that times in seconds and in milliseconds compare as they do on the model
  const realNow = Math.floor(Date.now() / 1000) * 1000
  const run = (step: Step): Promise<unknown> => {
    if (step._tag === "Advance") {
      now += step.millis
      return connection.send("EVAL", [age, keys.length, ...keys, step.millis])
    }
    if (step._tag === "GetBytes") return connection.sendBuffer(step.key).then((bytes) => bytes && Array.from(bytes))
    return step._tag === "Command"
      ? connection.send(step.command, argumentsAt(step.args, realNow))
      : connection.send("EVAL", [step.script.lua, step.keys.length, ...step.keys, ...step.args(now)])
  }
  const [, ...settled] = await Promise.allSettled([connection.send("FLUSHDB", []), ...program.map(run)])
  return settled.map((reply, i) =>
    normalize(program[i] ?? advance(0), reply.status === "fulfilled" ? reply.value : failed(reply.reason))
  )
}

/**
 * Runs random programs on the model and on a server, and dies with the first reply that differs, the shortest program that
 * shows it, and the seed that finds it again. `observe` adds the steps that look at what a program left.
 *
 * The model words errors as Redis 7.0 does. Of the errors of other servers only the code is compared.
 */
export const compare = (options: {
  readonly programs: fc.Arbitrary<Program>
  readonly observe: (program: Program) => Program
  readonly numRuns: number
}): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const url = yield* RedisServer.givenOrStarted
    const address = yield* Effect.orDie(RedisConfig.fromUrl(Redacted.make(url)))
    const connection = yield* Effect.orDie(driverUnderTest.driver(address).connect)
    const info = String(yield* Effect.promise(() => connection.send("INFO", ["server"])))
    const isRedis70 = ServerKinds.ofInfo(info) === ServerKinds.redis && /^redis_version:7\.0\./m.test(info)
    const comparable = isRedis70 ? (reply: unknown) => reply : likeOtherServers
    const agrees = fc.asyncProperty(options.programs, async (steps) => {
      const program = [...steps, ...options.observe(steps)]
      const [onModel, onServer] = [runOnModel(program), await runOnServer(connection, program)]
      const compared = (replies: ReadonlyArray<unknown>) => replies.map((reply, i) => comparable(reply, program[i]))
      assertSameReplies(program, compared(onModel), compared(onServer))
    })
    yield* Effect.promise(() => fc.assert(agrees, { numRuns: options.numRuns }))
  })

const assertSameReplies = (
  program: Program,
  onModel: ReadonlyArray<unknown>,
  onServer: ReadonlyArray<unknown>
): void => {
  const i = program.findIndex((_, i) => !isDeepStrictEqual(onModel[i], onServer[i]))
  if (i < 0) return
  const [step, model, server] = [program[i], onModel[i], onServer[i]].map((part) => fc.stringify(part))
  throw new Error(`${step} is answered with ${model} by the model and with ${server} by the server`)
}

const argumentsAt = (args: ReadonlyArray<RedisArgument | Instant>, now: number): ReadonlyArray<RedisArgument> =>
  args.map((arg) => (arg instanceof Instant ? String((now + arg.inMillis) / arg.unit) : arg))

const isErrorReply = (reply: unknown): reply is { readonly error: string } =>
  typeof reply === "object" && reply !== null && Object.keys(reply).join() === "error"

/** What servers other than Redis 7.0 promise too: the codes of errors. Valkey takes no empty cursor. */
const likeOtherServers = (reply: unknown, step: Step | undefined): unknown => {
  if (step?._tag === "Command" && step.command.toUpperCase() === "SCAN" && step.args[0] === "") return "not compared"
  return isErrorReply(reply) ? { error: RejectionCode.of("", reply.error) } : reply
}

/** The error of a script without the place that a server adds: the script's hash and a line. */
const failed = (error: unknown): { readonly error: string } => ({
  error: (error instanceof Error ? error.message : String(error)).replace(/ script: .*$/s, "")
})

/** Makes comparable what a server may answer in more than one way: orders that are not promised, and time. */
const normalize = (step: Step, reply: unknown): unknown => {
  if (reply instanceof Keyspace.ErrorReply) return failed(reply)
  if (step._tag === "Script" && !isErrorReply(reply)) return step.comparable(Object.is(reply, -0) ? 0 : reply)
  if (step._tag !== "Command" || isErrorReply(reply)) return Object.is(reply, -0) ? 0 : reply
  switch (step.command.toUpperCase()) {
    case "SMEMBERS":
      return Array.isArray(reply) ? [...reply].sort() : reply
    case "SCAN":
      return Array.isArray(reply) ? [reply[0], [...reply[1]].sort()] : reply
    case "HGETALL":
      return Object.entries(reply ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
    case "PTTL":
      return coarse(reply, 5000)
    case "TTL":
      return coarse(reply, 5)
    case "TIME":
      return Array.isArray(reply) ? reply.map((part) => typeof part) : reply
    default:
      return Object.is(reply, -0) ? 0 : reply
  }
}

/** A time in units that a run does not come near to: those of the times to live in programs. */
export const coarse = (time: unknown, unit: number): unknown =>
  typeof time === "number" && time > 0 ? Math.round(time / unit) : time
