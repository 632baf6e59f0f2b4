/**
 * Between callers and one connection: commands of one turn of the event loop leave together (while nothing is under way,
 * those of one drain of its microtasks, and many of them in two halves), concurrent reads of texts travel as one MGET, what
 * is in flight and what waits is bounded, and every command ends by its deadline.
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
import * as Callback from "../../../internal/Callback.js"
import { Fifo } from "../../../internal/Fifo.js"
import * as MonotonicClock from "../../../internal/MonotonicClock.js"
import * as Stall from "../../../internal/Stall.js"
import {
  isNotReady,
  isOfEveryRead,
  isOfOneKey,
  malformed,
  refused,
  type ShutReason,
  unavailable
} from "../../CommandRefusal.js"
import type { RedisArgument, RedisConnection, RedisReply } from "../../RedisConnection.js"
import { RedisConnectionLost, type RedisError, RedisProtocolError, RedisTimeout } from "../../RedisError.js"
import type { WithGeneration } from "../../RedisExecutor.js"
import * as RetryPolicy from "../../RetryPolicy.js"
import type { CircuitBreaker } from "../CircuitBreaker.js"
import * as Liveness from "../Liveness.js"
import { argumentsOf, type Caller, keyOf, QueuedCommand, type Resume } from "./QueuedCommand.js"

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
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CommandQueue {
  /** The text under a key; none when there is none or the key holds another type. */
  readonly get: (key: string) => Effect.Effect<Option.Option<string>, RedisError>
  readonly getBuffer: (key: string) => Effect.Effect<Option.Option<Uint8Array>, RedisError>
  readonly command: (
    command: string,
    args: ReadonlyArray<RedisArgument>,
    options: { readonly idempotent: boolean }
  ) => Effect.Effect<WithGeneration<RedisReply>, RedisError>
  /** As `command`, but past an open circuit, and never repeated: for heartbeats and probes. */
  readonly probe: (
    command: string,
    args: ReadonlyArray<RedisArgument>
  ) => Effect.Effect<WithGeneration<RedisReply>, RedisError>
  /**
   * Like `command`, but calls `answered` in the turn of the reply, or at once where the command is rejected. It is never
   * repeated. The arguments are computed when the command is sent. A command whose caller was interrupted is never sent.
   * With `inOneGo` the commands that wait with it are not sent in two halves.
   */
  readonly late: (
    command: string,
    args: () => ReadonlyArray<RedisArgument>,
    answered: (exit: Exit.Exit<WithGeneration<RedisReply>, RedisError>) => void,
    caller?: Caller,
    inOneGo?: boolean
  ) => void
  /** From now on commands go to this connection. The deferred is completed when the queue gives it up. */
  readonly open: (connection: RedisConnection, generation: number) => Effect.Effect<Deferred.Deferred<RedisError>>
  /** The connection ended: what was sent fails with an unknown outcome, what waits and comes now with `reason`. */
  readonly shut: (reason: ShutReason) => Effect.Effect<void>
  readonly inFlight: () => number
  readonly waiting: () => number
}

/**
 * From this number on commands leave in two halves while nothing is in flight: the callers of one half resume while the
 * server works on the other.
 */
const worthHalving = 16

interface Command {
  readonly command: string
  readonly args: ReadonlyArray<RedisArgument>
  readonly idempotent: boolean
}

/**
 * A queue without a connection: until `open`, every command is `RedisUnavailable` with reason `Connecting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: CommandQueueOptions,
  breaker: CircuitBreaker
): Effect.Effect<CommandQueue, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const fork = Runtime.runFork(yield* Effect.runtime<never>())
    const timeoutMillis = Duration.toMillis(options.commandTimeout)

    let connection: RedisConnection | undefined
    let generation = 0
    let shutReason: ShutReason = "Connecting"
    const scope = yield* Effect.scope
    const liveness = new Liveness.Liveness({
      clock,
      timeoutMillis,
      timeoutsToGiveUp: options.timeoutsToGiveUp,
      fork: (effect) => void fork(Effect.forkIn(effect, scope))
    })
    /** whether this connection takes MGET over any keys */
    let readsTogether = true

    const waiting = new Fifo<QueuedCommand>()
    /** what waits and what is in flight, in the order of the calls and so of the deadlines */
    const pending = new Fifo<QueuedCommand>()
    let inFlight = 0
    let flushScheduled = false
    /** whether the next flush is of all that waits: the second half is, and what leaves in one go */
    let flushesWhole = false
    let turnTime = 0
    let wakeSweeper: (() => void) | undefined
    /** when commands left last that a stall of the process had kept */
    let stalledAt = Number.NEGATIVE_INFINITY

    /** counts the connections that ended, which separates late replies of a dead one from those of a live one */
    let ended = 0

    const refusal = () =>
      connection === undefined ? refused[shutReason] : breaker.state() === "Closed" ? undefined : refused.CircuitOpen

    /** A callback that throws keeps no other caller from its answer, nor the deadlines from being kept. */
    const tell = (entry: QueuedCommand, exit: Parameters<Resume>[0]) => {
      entry.settled = true
      try {
        entry.resume(exit)
      } catch (defect) {
        fork(Effect.logError(`a callback of ${entry.command} has thrown`, Cause.die(defect)))
      }
    }

    const settle = (entry: QueuedCommand, error: RedisError) => {
      if (!entry.settled) tell(entry, Exit.fail(error))
    }

    const scheduleFlush = () => {
      if (flushScheduled) return
      flushScheduled = true
      // one reading of the clock serves all commands of a turn
      turnTime = MonotonicClock.unsafeMillis(clock)
      // with nothing under way a lone command need not wait for the turn to end; what comes later in the turn does
      if (inFlight === 0) queueMicrotask(flush)
      else setImmediate(flush)
    }

    const flush = () => {
      flushScheduled = false
      const open = connection
      if (open === undefined) return
      const now = MonotonicClock.unsafeMillis(clock)
      if (now - turnTime > Stall.stallMillis) stalledAt = now
      const reads: Array<QueuedCommand> = []
      const isHalf = !flushesWhole && inFlight === 0 && waiting.length >= worthHalving
      flushesWhole = isHalf
      for (let left = isHalf ? waiting.length >> 1 : waiting.length; left > 0; left--) {
        const entry = inFlight < options.maxInFlight ? waiting.shift() : undefined
        if (entry === undefined) break
        entry.done = entry.isAbandoned
        if (entry.done) continue
        inFlight++
        entry.sent = true
        if (entry.kind === "Read" && readsTogether) reads.push(entry)
        else dispatch(open, [entry])
      }
      if (isHalf) scheduleFlush()
      for (let i = 0; i < reads.length; i += options.maxKeysPerRead) {
        dispatch(open, reads.slice(i, i + options.maxKeysPerRead))
      }
    }

    /** Hands over one entry as it is, or several reads as one MGET. */
    const dispatch = (open: RedisConnection, entries: ReadonlyArray<QueuedCommand>) => {
      const from = generation
      const endedBefore = ended
      let size = 0
      const complete = (): boolean => {
        if (ended !== endedBefore) return false
        inFlight -= entries.length
        liveness.replied(size)
        if (waiting.length > 0) scheduleFlush()
        return true
      }
      const fail = (cause: unknown) => {
        if (complete()) rejected(open, entries, cause)
      }
      try {
        const args = entries[0]?.kind === "Command" ? argumentsOf(entries[0]) : undefined
        if (args !== undefined) size = Liveness.largeSize(args)
        liveness.sent(size)
        transmit(open, entries, args).then((reply) => {
          if (complete()) answered(entries, reply, from)
        }, fail)
      } catch (cause) {
        fail(cause)
      }
    }

    const transmit = (
      open: RedisConnection,
      entries: ReadonlyArray<QueuedCommand>,
      args: ReadonlyArray<RedisArgument> | undefined
    ): Promise<RedisReply | Uint8Array> => {
      const [first] = entries
      if (first === undefined || entries.length > 1) return open.send("MGET", entries.map(keyOf))
      return args === undefined && first.kind === "ReadBytes"
        ? open.sendBuffer(keyOf(first))
        : open.send(first.command, args ?? argumentsOf(first))
    }

    const answered = (entries: ReadonlyArray<QueuedCommand>, reply: RedisReply | Uint8Array, from: number) => {
      finish(entries)
      breaker.succeeded(entries.length)
      const [first] = entries
      if (first !== undefined && entries.length === 1) return succeed(first, reply, from)
      if (!Array.isArray(reply) || reply.length !== entries.length) {
        return fail(entries, new RedisProtocolError({ command: "MGET", detail: "not one value per key" }))
      }
      for (const [i, entry] of entries.entries()) succeed(entry, reply[i], from)
    }

    const rejected = (open: RedisConnection, entries: ReadonlyArray<QueuedCommand>, cause: unknown) => {
      const [first] = entries
      if (first !== undefined && entries.length === 1) {
        const error = options.toError(first.command, cause)
        // MGET answers nothing for a key of another type; a lone GET must not answer otherwise
        return first.kind === "Read" && error._tag === "RedisServerError" && error.code === "WRONGTYPE"
          ? answered(entries, null, generation)
          : failed(entries, error)
      }
      const error = options.toError("MGET", cause)
      if (connection !== open || !isOfOneKey(error)) return failed(entries, error)
      if (isOfEveryRead(error)) readsTogether = false
      inFlight += entries.length
      for (const entry of entries) dispatch(open, [entry])
    }

    const succeed = (entry: QueuedCommand, reply: RedisReply | Uint8Array, from: number) => {
      if (entry.settled) return
      tell(
        entry,
        Exit.succeed(
          entry.kind === "Command"
            ? { value: reply as RedisReply, generation: from }
            : Option.fromNullable(reply as string | Uint8Array | null)
        )
      )
    }

    const finish = (entries: ReadonlyArray<QueuedCommand>) => {
      for (const entry of entries) entry.done = true
      while (pending.peek()?.done === true) pending.shift()
    }

    const failed = (entries: ReadonlyArray<QueuedCommand>, error: RedisError) => {
      finish(entries)
      if (error._tag === "RedisConnectionLost" || isNotReady(error)) breaker.failed(entries.length)
      else breaker.succeeded(entries.length)
      fail(entries, error)
    }

    const fail = (entries: ReadonlyArray<QueuedCommand>, error: RedisError) => {
      for (const entry of entries) {
        settle(
          entry,
          error._tag === "RedisConnectionLost" ? new RedisConnectionLost({ command: entry.command }) : error
        )
      }
    }

    /** Ends what is past its deadline. */
    const sweep = () => {
      const now = MonotonicClock.unsafeMillis(clock)
      const expired: Array<QueuedCommand> = []
      const unsent: Array<QueuedCommand> = []
      for (let entry = pending.peek(); entry !== undefined; entry = pending.peek()) {
        if (!entry.done && entry.deadline > now) break
        pending.shift()
        if (entry.done) continue
        // counted even when its caller was interrupted: the server owes the reply all the same
        if (entry.sent) expired.push(entry)
        else unsent.push(entry)
      }
      // callers resume within this call, and see the state of the breaker
      if (expired.length > 0) {
        breaker.failed(expired.length)
        liveness.timedOut()
      }
      for (const entry of expired) {
        settle(entry, new RedisTimeout({ command: entry.command, waitedMillis: timeoutMillis }))
      }
      for (const entry of unsent) settle(entry, unavailable.Overloaded)
      while (waiting.peek()?.settled === true) waiting.shift()
    }

    const isOverdue = (): boolean =>
      (pending.peek()?.deadline ?? Number.POSITIVE_INFINITY) <= MonotonicClock.unsafeMillis(clock)

    /** Replies that have arrived count before deadlines are judged. */
    const judge = (late: number) =>
      Effect.suspend(() => {
        if (!isOverdue()) return Effect.void
        const wasStalled = () =>
          late > Stall.stallMillis || MonotonicClock.unsafeMillis(clock) - stalledAt < timeoutMillis
        return Stall.settled(timeoutMillis, wasStalled, liveness.news, () => !isOverdue())
      })
    // one fiber and at most one timer for all deadlines; it sleeps through until the oldest one and parks when idle
    const sweeper = Effect.async<void>((resume) => {
      if (pending.length > 0) return resume(Effect.void)
      wakeSweeper = () => {
        wakeSweeper = undefined
        resume(Effect.void)
      }
    }).pipe(
      Effect.zipRight(
        Effect.suspend(() =>
          Stall.sleep(Math.max(1, (pending.peek()?.deadline ?? 0) - MonotonicClock.unsafeMillis(clock)))
        )
      ),
      Effect.flatMap(judge),
      Effect.zipRight(Effect.sync(sweep)),
      Effect.forever
    )

    const end = (reason: ShutReason) => {
      connection = undefined
      liveness.shut()
      shutReason = reason
      ended++
      inFlight = 0
      waiting.takeAll()
      const owed = pending.takeAll().filter((entry) => !entry.done)
      const lost = owed.filter((entry) => entry.sent).length
      if (lost > 0) breaker.failed(lost)
      for (const entry of owed) {
        settle(entry, entry.sent ? new RedisConnectionLost({ command: entry.command }) : unavailable[reason])
      }
    }

    yield* Effect.forkScoped(sweeper)
    yield* Effect.addFinalizer(() => Effect.sync(() => end("Disabled")))

    const submit = (
      kind: QueuedCommand["kind"],
      command: string,
      args: QueuedCommand["args"],
      resume: Resume,
      caller?: Caller
    ): void => {
      if (connection === undefined) return void resume(refused[shutReason])
      if (inFlight + waiting.length >= options.maxInFlight + options.maxWaiting) return void resume(refused.Overloaded)
      scheduleFlush()
      const entry = new QueuedCommand(kind, command, args, turnTime + timeoutMillis, resume, caller)
      waiting.push(entry)
      pending.push(entry)
      wakeSweeper?.()
    }

    /** Not past an open circuit. */
    const admit: typeof submit = (kind, command, args, resume, caller) => {
      const refused = refusal()
      if (refused === undefined) submit(kind, command, args, resume, caller)
      else resume(refused)
    }

    const read = <A extends string | Uint8Array>(kind: "Read" | "ReadBytes") =>
      RetryPolicy.repeating<string, Option.Option<A>>(
        (resume, _caller, key) =>
          key.isWellFormed() ? admit(kind, "GET", key, resume as Resume) : resume(malformed("GET", key)),
        () => true
      )

    const run = RetryPolicy.repeating<Command, WithGeneration<RedisReply>>(
      (resume, caller, { args, command }) => admit("Command", command, args, resume as Resume, caller),
      ({ idempotent }) => idempotent
    )

    return {
      get: read<string>("Read"),
      getBuffer: read<Uint8Array>("ReadBytes"),
      command: (command, args, { idempotent }) => run({ command, args, idempotent }),
      probe: (command, args) => Callback.make((resume) => submit("Command", command, args, resume as Resume)),
      late: (command, args, answered, caller, inOneGo = false) => {
        flushesWhole ||= inOneGo
        admit("Command", command, args, answered as Resume, caller)
      },
      open: (next, number) =>
        Effect.sync(() => {
          connection = next
          generation = number
          readsTogether = true
          return liveness.open(next)
        }),
      shut: (reason) => Effect.sync(() => end(reason)),
      inFlight: () => inFlight,
      waiting: () => waiting.length
    }
  })
