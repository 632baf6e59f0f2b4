/**
 * Stands between callers and one connection. It admits commands within bounds, settles each caller once, and reports to the
 * circuit breaker. `CommandFlusher` sends the commands, `CommandDeadlines` ends those that are not answered in time.
 *
 * Order: commands are sent in the order of their calls, except that the reads of a turn leave after its other commands.
 * A read can so never overtake an earlier write of its caller, and a write cannot be overtaken by a later one.
 *
 * @since 0.1.0
 */

import * as Cause from "effect/Cause"
import type * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Callback from "../../../internal/effect/Callback.js"
import * as MonotonicClock from "../../../internal/MonotonicClock.js"
import { tracing } from "../../../internal/Tracing.js"
import { malformed } from "../../ArgumentCheck.js"
import { isNotReady, rejected, type ShutReason, unavailable } from "../../CommandRejection.js"
import type { RedisArgument, RedisConnection, RedisReply } from "../../RedisConnection.js"
import { RedisConnectionLost, type RedisError, RedisProtocolError, RedisTimeout } from "../../RedisError.js"
import type { OnReply, RedisExecutor, WithGeneration } from "../../RedisExecutor.js"
import * as RetryPolicy from "../../RetryPolicy.js"
import type { CircuitBreaker } from "../CircuitBreaker.js"
import * as Liveness from "../Liveness.js"
import { observedConnections, unnamed } from "../ObservedConnections.js"
import { CommandDeadlines } from "./CommandDeadlines.js"
import { CommandFlusher } from "./CommandFlusher.js"
import { type Caller, QueuedCommand, type ResumeCaller } from "./QueuedCommand.js"
import { script } from "./RunningScript.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface CommandQueueOptions {
  /** from the call to the reply, waiting included */
  readonly commandTimeout: Duration.Duration
  /** commands sent and not answered */
  readonly maxInFlight: number
  /** commands accepted beyond those; one more is `RedisUnavailable` with reason `Overloaded` */
  readonly maxWaiting: number
  /** keys in one MGET */
  readonly maxKeysPerRead: number
  /** rounds of timeouts without a sign of life between them, after which the connection is given up */
  readonly timeoutsToGiveUp: number
  readonly toError: (command: string, cause: unknown) => RedisError
  /** where the connection leads, for the listener */
  readonly address?: (() => string) | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CommandQueue extends Pick<RedisExecutor, "get" | "getBuffer" | "command"> {
  /** Like `command`, but also while the circuit is open, and never repeated: for heartbeats and probes. */
  readonly probe: (
    command: string,
    args: ReadonlyArray<RedisArgument>
  ) => Effect.Effect<WithGeneration<RedisReply>, RedisError>
  /**
   * Like `command`, but calls `onReply` in the turn of the reply, or at once when the command is rejected. Never repeated.
   * The arguments are computed when the command is sent. A command whose caller was interrupted is never sent. A command
   * with `inOneGo` keeps the commands that wait with it from leaving in two halves.
   */
  readonly late: (
    command: string,
    args: () => ReadonlyArray<RedisArgument>,
    onReply: OnReply<RedisReply>,
    caller?: Caller,
    inOneGo?: boolean
  ) => void
  /** Ends the span of a command with its answer, for a caller whose command is sent with that of another. */
  readonly traced: (command: string, onReply: OnReply<RedisReply>) => OnReply<RedisReply>
  /** Like `get`, but calls `onReply` instead of suspending a fiber. Never repeated. */
  readonly lateGet: (key: string, onReply: OnRead<string>) => void
  /** Like `lateGet`, for the stored bytes. */
  readonly lateGetBuffer: (key: string, onReply: OnRead<Uint8Array>) => void
  /** Sends commands on this connection from now on. The deferred completes when the queue gives the connection up. */
  readonly open: (connection: RedisConnection, generation: number) => Effect.Effect<Deferred.Deferred<RedisError>>
  /** Fails sent commands with an unknown outcome, and waiting and later ones with `reason`: the connection has ended. */
  readonly shut: (reason: ShutReason) => Effect.Effect<void>
  /** whether there is a connection */
  readonly isOpen: () => boolean
  readonly inFlight: () => number
  readonly waiting: () => number
}

/** Receives the answer to a read of one key. */
export type OnRead<in A> = (exit: Exit.Exit<Option.Option<A>, RedisError>) => void

interface RepeatableCommand {
  readonly command: string
  readonly args: ReadonlyArray<RedisArgument>
  readonly idempotent: boolean
}

/**
 * Makes a queue without a connection: until `open`, every command fails with `RedisUnavailable`, reason `Connecting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: CommandQueueOptions,
  breaker: Pick<CircuitBreaker, "state" | "succeeded" | "failed">
): Effect.Effect<CommandQueue, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const scope = yield* Effect.scope
    const fork = Runtime.runFork(yield* Effect.runtime<never>())
    const timeoutMillis = Duration.toMillis(options.commandTimeout)
    let shutReason: ShutReason = "Connecting"

    const { address = () => unnamed } = options

    /** Reports how long commands took, before their callers resume. */
    const observe = (commands: ReadonlyArray<QueuedCommand>, error?: RedisError) => {
      const { listener } = observedConnections
      if (listener === undefined) return
      const startOfTimeout = MonotonicClock.unsafeMillis(clock) + timeoutMillis
      for (const { command, deadline } of commands) {
        listener.onCommand(address(), command, startOfTimeout - deadline, error?._tag)
      }
    }

    const reject = (reason: keyof typeof rejected, resume: ResumeCaller) => {
      observedConnections.listener?.onRejection(address(), reason)
      resume(rejected[reason])
    }

    const liveness = new Liveness.Liveness({
      clock,
      timeoutMillis,
      timeoutsToGiveUp: options.timeoutsToGiveUp,
      fork: (effect) => void fork(Effect.forkIn(effect, scope))
    })
    const flusher = new CommandFlusher({
      ...options,
      clock,
      liveness,
      onReply: (commands, reply, generation) => {
        deadlines.remove(commands)
        breaker.succeeded(commands.length)
        observe(commands)
        succeedAll(commands, reply, generation)
      },
      onFailure: (commands, error) => {
        deadlines.remove(commands)
        if (error._tag === "RedisConnectionLost" || isNotReady(error)) breaker.failed(commands.length)
        else breaker.succeeded(commands.length)
        observe(commands, error)
        failAll(commands, error)
      }
    })
    const deadlines = new CommandDeadlines({
      clock,
      timeoutMillis,
      news: liveness.news,
      lastStalledAt: flusher.lastStalledAt,
      onExpired: (commands) => {
        // counted even when the caller was interrupted: the server owes the reply all the same
        const sent = commands.filter((command) => command.sent)
        // callers resume within this call, and see the state of the breaker
        if (sent.length > 0) {
          breaker.failed(sent.length)
          liveness.timedOut()
        }
        for (const command of sent) {
          const timeout = new RedisTimeout({ command: command.command, waitedMillis: timeoutMillis })
          observe([command], timeout)
          fail(command, timeout)
        }
        for (const command of commands) if (!command.sent) fail(command, unavailable.Overloaded)
        flusher.dropSettled()
      }
    })

    /** Contains what a callback throws: other callers still get their answers, and deadlines still end commands. */
    const settle = (command: QueuedCommand, exit: Parameters<ResumeCaller>[0]) => {
      if (command.settled) return
      command.settled = true
      try {
        command.resume(exit)
      } catch (defect) {
        fork(Effect.logError(`a callback of ${command.command} has thrown`, Cause.die(defect)))
      }
    }

    const fail = (command: QueuedCommand, error: RedisError) => settle(command, Exit.fail(error))

    const failAll = (commands: ReadonlyArray<QueuedCommand>, error: RedisError) => {
      for (const command of commands) {
        fail(
          command,
          error._tag === "RedisConnectionLost" ? new RedisConnectionLost({ command: command.command }) : error
        )
      }
    }

    const succeed = (command: QueuedCommand, reply: RedisReply | Uint8Array, generation: number) => {
      if (command.settled) return
      settle(
        command,
        Exit.succeed(
          command.kind === "Command"
            ? { value: reply as RedisReply, generation }
            : Option.fromNullable(reply as string | Uint8Array | null)
        )
      )
    }

    const succeedAll = (commands: ReadonlyArray<QueuedCommand>, reply: RedisReply | Uint8Array, generation: number) => {
      const [first] = commands
      if (first !== undefined && commands.length === 1) return succeed(first, reply, generation)
      if (!Array.isArray(reply) || reply.length !== commands.length) {
        return failAll(commands, new RedisProtocolError({ command: "MGET", detail: "not one value per key" }))
      }
      for (const [i, command] of commands.entries()) succeed(command, reply[i], generation)
    }

    const shut = (reason: ShutReason) => {
      shutReason = reason
      liveness.shut()
      flusher.shut()
      const owed = deadlines.takeAll()
      const lost = owed.filter(({ sent }) => sent).length
      if (lost > 0) breaker.failed(lost)
      for (const command of owed) {
        const error = command.sent ? new RedisConnectionLost({ command: command.command }) : unavailable[reason]
        observe([command], error)
        fail(command, error)
      }
    }

    yield* Effect.forkScoped(deadlines.run)
    yield* Effect.addFinalizer(() => Effect.sync(() => shut("Disabled")))

    const submit = (
      kind: QueuedCommand["kind"],
      command: string,
      args: QueuedCommand["args"],
      resume: ResumeCaller,
      caller?: Caller
    ): void => {
      if (!flusher.isOpen) return void reject(shutReason, resume)
      if (flusher.inFlight + flusher.waiting >= options.maxInFlight + options.maxWaiting) {
        return void reject("Overloaded", resume)
      }
      const queued = new QueuedCommand(kind, command, args, flusher.schedule() + timeoutMillis, resume, caller)
      flusher.push(queued)
      deadlines.add(queued)
    }

    /** Rejects a command while the circuit is open. */
    const admit: typeof submit = (kind, command, args, resume, caller) => {
      const answer = tracing.listener === undefined ? resume : traced(command, resume)
      if (flusher.isOpen && breaker.state() !== "Closed") reject("CircuitOpen", answer)
      else submit(kind, command, args, answer, caller)
    }

    /** Ends the span of the command with its answer, where the fiber that calls it is traced. */
    const traced = (command: string, resume: ResumeCaller): ResumeCaller => {
      const end = tracing.listener?.command(command, address(), command.startsWith("EVAL") ? script.name : undefined)
      if (end === undefined) return resume
      return (exit) => {
        end(exit)
        resume(exit)
      }
    }

    const lateRead =
      <A extends string | Uint8Array>(kind: "Read" | "ReadBytes") =>
      (key: string, onReply: OnRead<A>): void =>
        key.isWellFormed() ? admit(kind, "GET", key, onReply as ResumeCaller) : onReply(malformed("GET", key))
    const lateGet = lateRead<string>("Read")
    const lateGetBuffer = lateRead<Uint8Array>("ReadBytes")

    const read = <A>(late: (key: string, onReply: OnRead<A>) => void) =>
      RetryPolicy.repeating<string, Option.Option<A>>(
        (resume, _caller, key) => late(key, resume),
        () => true
      )

    const run = RetryPolicy.repeating<RepeatableCommand, WithGeneration<RedisReply>>(
      (resume, caller, { args, command }) => admit("Command", command, args, resume as ResumeCaller, caller),
      ({ idempotent }) => idempotent
    )

    return {
      get: read(lateGet),
      getBuffer: read(lateGetBuffer),
      command: (command, args, { idempotent }) => run({ command, args, idempotent }),
      probe: (command, args) => Callback.make((resume) => submit("Command", command, args, resume as ResumeCaller)),
      late: (command, args, onReply, caller, inOneGo = false) => {
        if (inOneGo) flusher.flushWhole()
        admit("Command", command, args, onReply as ResumeCaller, caller)
      },
      traced: (command, onReply) =>
        tracing.listener === undefined ? onReply : (traced(command, onReply as ResumeCaller) as typeof onReply),
      open: (connection, generation) =>
        Effect.sync(() => {
          flusher.open(connection, generation)
          return liveness.open(connection)
        }),
      lateGet,
      lateGetBuffer,
      isOpen: () => flusher.isOpen,
      shut: (reason) => Effect.sync(() => shut(reason)),
      inFlight: () => flusher.inFlight,
      waiting: () => flusher.waiting
    }
  })
