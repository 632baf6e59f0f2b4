/**
 * The one failure of every command: a sentence for the operator, and the exit code.
 *
 * @internal
 */
import type * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import type { RedisError } from "../../redis/RedisError.js"
import * as ExitCode from "./ExitCode.js"

export class CommandFailed extends Data.TaggedError("CommandFailed")<{
  readonly exitCode: number
  /** what happened, with which value, and what to do; empty where the command has printed it */
  readonly message: string
}> {}

export const usage = (message: string): CommandFailed => new CommandFailed({ exitCode: ExitCode.usage, message })

export const failed = (message: string): CommandFailed => new CommandFailed({ exitCode: ExitCode.failed, message })

export const unreachable = (message: string): CommandFailed =>
  new CommandFailed({ exitCode: ExitCode.unreachable, message })

/** The command has printed its findings, and one of them is an error. */
export const found: CommandFailed = failed("")

/** A command that Redis failed. One that was never sent means that no server is reached. */
export const ofRedis = (error: RedisError): CommandFailed =>
  error._tag === "RedisUnavailable" ? unreachable(error.message) : failed(error.message)

/** The sentences of a `ConfigError`, each with its variable. */
const sentencesOf = (error: ConfigError.ConfigError): ReadonlyArray<string> =>
  error._op === "And" || error._op === "Or"
    ? [...sentencesOf(error.left), ...sentencesOf(error.right)]
    : [`${error.path.join("_")} ${error.message}`]

/** The advice of the layers is for a program, which may choose a client in memory. */
const unset =
  "no server is named: set REDIS_URL, REDIS_HOST, REDIS_SENTINELS with REDIS_SENTINEL_MASTER, or REDIS_CLUSTER_NODES"

export const ofConfig = (error: ConfigError.ConfigError): CommandFailed =>
  usage(error._op === "MissingData" ? unset : sentencesOf(error).join("; "))
