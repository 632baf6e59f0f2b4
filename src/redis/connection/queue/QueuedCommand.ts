/**
 * A command with its caller, from its call to its answer.
 *
 * @internal
 */
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"
import type { RedisArgument, RedisReply } from "../../RedisConnection.js"
import type { RedisError } from "../../RedisError.js"
import type { WithGeneration } from "../../RedisExecutor.js"

/** The fiber that waits: what it no longer wants is not sent. */
export type Caller = Pick<Fiber.RuntimeFiber<unknown, unknown>, "unsafePoll">

/** Wakes the caller with its answer. Kept in this one form, since a closure more per command is felt. */
export type Resume = (exit: Exit.Exit<never, RedisError> | Exit.Exit<Answer>) => void

/** What a caller of each kind is answered with. */
export type Answer = Option.Option<string | Uint8Array> | WithGeneration<RedisReply>

/** A command with its caller. */
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
    /** of a read the key alone; of a late command the function that computes them */
    readonly args: string | ReadonlyArray<RedisArgument> | (() => ReadonlyArray<RedisArgument>),
    readonly deadline: number,
    readonly resume: Resume,
    /** undefined of a read, which needs no withdrawing */
    readonly caller: Caller | undefined
  ) {}

  /** whether nobody wants it any more */
  get isAbandoned(): boolean {
    return this.settled || (this.caller !== undefined && this.caller.unsafePoll() !== null)
  }
}

export const keyOf = ({ args }: QueuedCommand): string => (typeof args === "string" ? args : "")

export const argumentsOf = ({ args }: QueuedCommand): ReadonlyArray<RedisArgument> =>
  typeof args === "string" ? [args] : typeof args === "function" ? args() : args
