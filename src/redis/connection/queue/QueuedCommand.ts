/**
 * A command and its caller, from the call to the answer.
 *
 * @internal
 */
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"
import type { RedisArgument, RedisReply } from "../../RedisConnection.js"
import type { RedisError } from "../../RedisError.js"
import type { WithGeneration } from "../../RedisExecutor.js"

/** The fiber that waits. A command is not sent once its fiber has ended. */
export type Caller = Pick<Fiber.RuntimeFiber<unknown, unknown>, "unsafePoll">

/** Resumes the caller with its answer. One form for all kinds: another closure for each command is measurable. */
export type ResumeCaller = (exit: Exit.Exit<never, RedisError> | Exit.Exit<CommandAnswer>) => void

/** The answer to a read, or to another command. */
export type CommandAnswer = Option.Option<string | Uint8Array> | WithGeneration<RedisReply>

export class QueuedCommand {
  /** handed to the connection, alone or with other reads as one MGET */
  sent = false
  /** the caller has its answer */
  settled = false
  /** nothing more is expected: answered, or withdrawn before it was sent */
  done = false

  constructor(
    readonly kind: "Read" | "ReadBytes" | "Command",
    readonly command: string,
    /** the key of a read, the arguments of a command, or a function that computes them when the command is sent */
    readonly args: string | ReadonlyArray<RedisArgument> | (() => ReadonlyArray<RedisArgument>),
    readonly deadline: number,
    readonly resume: ResumeCaller,
    /** undefined for a read, which is sent even if its caller has ended */
    readonly caller: Caller | undefined
  ) {}

  /** whether no caller waits for the answer */
  get isAbandoned(): boolean {
    return this.settled || (this.caller !== undefined && this.caller.unsafePoll() !== null)
  }
}

export const keyOf = ({ args }: QueuedCommand): string => (typeof args === "string" ? args : "")

export const argumentsOf = ({ args }: QueuedCommand): ReadonlyArray<RedisArgument> =>
  typeof args === "string" ? [args] : typeof args === "function" ? args() : args
