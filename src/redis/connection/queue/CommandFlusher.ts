/**
 * Sends the commands of one turn of the event loop together. While nothing is in flight, the commands of one drain of the
 * microtasks leave without waiting for the turn to end. Many of them leave in two halves. Concurrent reads of texts
 * leave as one MGET, behind the other commands of their turn.
 *
 * @internal
 */
import type * as Clock from "effect/Clock"
import { Fifo } from "../../../internal/collection/Fifo.js"
import * as MonotonicClock from "../../../internal/MonotonicClock.js"
import * as Stall from "../../../internal/Stall.js"
import { isOfEveryRead, isOfOneKey } from "../../CommandRejection.js"
import type { RedisConnection, RedisReply, ReplyReceiver } from "../../RedisConnection.js"
import type { RedisError } from "../../RedisError.js"
import * as Liveness from "../Liveness.js"
import { argumentsOf, keyOf, type QueuedCommand } from "./QueuedCommand.js"

export interface CommandFlusherOptions {
  readonly clock: Clock.Clock
  /** commands sent and not answered */
  readonly maxInFlight: number
  /** keys in one MGET */
  readonly maxKeysPerRead: number
  readonly liveness: Liveness.Liveness
  readonly toError: (command: string, cause: unknown) => RedisError
  /** Receives the reply to one command, or to the MGET of several reads. */
  readonly onReply: (commands: ReadonlyArray<QueuedCommand>, reply: RedisReply | Uint8Array, generation: number) => void
  readonly onFailure: (commands: ReadonlyArray<QueuedCommand>, error: RedisError) => void
}

/** From this number on, commands leave in two halves: the callers of one half resume while the server works on the other. */
const worthHalving = 16

export class CommandFlusher {
  private connection: RedisConnection | undefined
  private generation = 0
  /** whether this connection takes MGET over any keys */
  private readsTogether = true
  private readonly queued = new Fifo<QueuedCommand>()
  private sent = 0
  private isScheduled = false
  /** whether the next flush takes all commands: the second half does, and so does a command that leaves in one go */
  private isNextWhole = false
  private turnTime = 0
  private stalledAt = Number.NEGATIVE_INFINITY

  constructor(private readonly options: CommandFlusherOptions) {}

  get isOpen(): boolean {
    return this.connection !== undefined
  }

  get inFlight(): number {
    return this.sent
  }

  get waiting(): number {
    return this.queued.length
  }

  /** When commands were last sent late because the process had stalled, by the monotonic clock. */
  readonly lastStalledAt = (): number => this.stalledAt

  /** Commands leave on this connection from now on. */
  open(connection: RedisConnection, generation: number): void {
    this.connection = connection
    this.generation = generation
    this.readsTogether = true
  }

  /** Drops what waits, and ignores what the connection still answers. */
  shut(): void {
    this.connection = undefined
    this.sent = 0
    this.queued.takeAll()
  }

  /** Sees that the commands of this turn leave, and returns the time at which the turn was first asked for it. */
  schedule(): number {
    if (this.isScheduled) return this.turnTime
    this.isScheduled = true
    // one reading of the clock serves all commands of a turn
    this.turnTime = MonotonicClock.unsafeMillis(this.options.clock)
    // with nothing in flight a lone command need not wait for the turn to end; what comes later in the turn does
    if (this.sent === 0) queueMicrotask(this.flush)
    else setImmediate(this.flush)
    return this.turnTime
  }

  push(command: QueuedCommand): void {
    this.queued.push(command)
  }

  /** Keeps the commands of the next flush together. */
  flushWhole(): void {
    this.isNextWhole = true
  }

  /** Drops commands at the head of the queue whose callers have their answer. */
  dropSettled(): void {
    while (this.queued.peek()?.settled === true) this.queued.shift()
  }

  private readonly flush = (): void => {
    this.isScheduled = false
    const { connection, options, queued } = this
    if (connection === undefined) return
    const now = MonotonicClock.unsafeMillis(options.clock)
    if (now - this.turnTime > Stall.stallMillis) this.stalledAt = now
    const reads: Array<QueuedCommand> = []
    const isHalf = !this.isNextWhole && this.sent === 0 && queued.length >= worthHalving
    this.isNextWhole = isHalf
    for (let left = isHalf ? queued.length >> 1 : queued.length; left > 0; left--) {
      const command = this.sent < options.maxInFlight ? queued.shift() : undefined
      if (command === undefined) break
      command.done = command.isAbandoned
      if (command.done) continue
      this.sent++
      command.sent = true
      if (command.kind === "Read" && this.readsTogether) reads.push(command)
      else this.dispatch(connection, [command])
    }
    if (isHalf) this.schedule()
    for (let i = 0; i < reads.length; i += options.maxKeysPerRead) {
      this.dispatch(connection, reads.slice(i, i + options.maxKeysPerRead))
    }
  }

  /** Hands one command to the connection as it is, or several reads as one MGET. */
  private dispatch(connection: RedisConnection, commands: ReadonlyArray<QueuedCommand>): void {
    const sent = new SentCommands(this.sentTo, connection, commands, this.generation)
    try {
      sent.transmit(this.options.liveness)
    } catch (cause) {
      sent.onFailure(cause)
    }
  }

  private readonly sentTo: SentTo = {
    complete: (connection, commands, size) => {
      if (this.connection !== connection) return false
      this.sent -= commands.length
      this.options.liveness.replied(size)
      if (this.queued.length > 0) this.schedule()
      return true
    },
    onReply: (commands, reply, generation) => this.options.onReply(commands, reply, generation),
    reject: (connection, commands, cause) => this.reject(connection, commands, cause)
  }

  private reject(connection: RedisConnection, commands: ReadonlyArray<QueuedCommand>, cause: unknown): void {
    const { onFailure, onReply, toError } = this.options
    const [first] = commands
    if (first !== undefined && commands.length === 1) {
      const error = toError(first.command, cause)
      // MGET answers nothing for a key of another type; a lone GET must not answer otherwise
      const isAbsent = first.kind === "Read" && error._tag === "RedisServerError" && error.code === "WRONGTYPE"
      if (isAbsent) onReply(commands, null, this.generation)
      else onFailure(commands, error)
      return
    }
    const error = toError("MGET", cause)
    if (!isOfOneKey(error)) {
      onFailure(commands, error)
      return
    }
    if (isOfEveryRead(error)) this.readsTogether = false
    this.sent += commands.length
    for (const command of commands) this.dispatch(connection, [command])
  }
}

/** What becomes of commands that were sent. */
interface SentTo {
  /** Whether the reply still counts: a connection that has ended may answer late. */
  readonly complete: (connection: RedisConnection, commands: ReadonlyArray<QueuedCommand>, size: number) => boolean
  readonly onReply: CommandFlusherOptions["onReply"]
  readonly reject: (connection: RedisConnection, commands: ReadonlyArray<QueuedCommand>, cause: unknown) => void
}

/** One command, or several reads that leave as one MGET. One object for each, without a closure: their cost is measurable. */
class SentCommands implements ReplyReceiver {
  private size = 0

  constructor(
    private readonly to: SentTo,
    private readonly connection: RedisConnection,
    private readonly commands: ReadonlyArray<QueuedCommand>,
    private readonly generation: number
  ) {}

  transmit(liveness: Liveness.Liveness): void {
    const { commands, connection } = this
    const [first] = commands
    const isOne = first !== undefined && commands.length === 1
    const isBinary = isOne && first.kind === "ReadBytes"
    const args = isOne ? argumentsOf(first) : commands.map(keyOf)
    if (isOne && first.kind === "Command") this.size = Liveness.largeSize(args)
    liveness.sent(this.size)
    const command = isOne ? first.command : "MGET"
    if (connection.request !== undefined) connection.request(command, args, isBinary, this)
    else {
      const reply = isBinary ? connection.sendBuffer(keyOf(first)) : connection.send(command, args)
      reply.then(
        (reply) => this.onReply(reply),
        (cause) => this.onFailure(cause)
      )
    }
  }

  onReply(reply: RedisReply | Uint8Array): void {
    const { commands, connection, generation, to } = this
    if (to.complete(connection, commands, this.size)) to.onReply(commands, reply, generation)
  }

  onFailure(cause: unknown): void {
    const { commands, connection, to } = this
    if (to.complete(connection, commands, this.size)) to.reject(connection, commands, cause)
  }
}
