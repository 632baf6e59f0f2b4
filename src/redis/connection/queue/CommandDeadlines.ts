/**
 * The deadlines of all commands of one queue. All commands have the same timeout, so that their calls and their deadlines
 * have one order. One fiber and at most one timer serve them all.
 *
 * @internal
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Fifo } from "../../../internal/collection/Fifo.js"
import * as MonotonicClock from "../../../internal/MonotonicClock.js"
import * as Stall from "../../../internal/Stall.js"
import type { QueuedCommand } from "./QueuedCommand.js"

export interface CommandDeadlinesOptions {
  readonly clock: Clock.Clock
  readonly timeoutMillis: number
  /** changes with everything that leaves or arrives on the connection */
  readonly news: () => number
  /** when commands were last sent late because the process had stalled, by the monotonic clock */
  readonly lastStalledAt: () => number
  /** Receives the commands that are past their deadline. */
  readonly onExpired: (commands: ReadonlyArray<QueuedCommand>) => void
}

export class CommandDeadlines {
  /** the commands that have no answer, in the order of their calls */
  private readonly pending = new Fifo<QueuedCommand>()
  /** open while a command is pending */
  private readonly hasPending = Effect.unsafeMakeLatch(false)

  constructor(private readonly options: CommandDeadlinesOptions) {}

  add(command: QueuedCommand): void {
    this.pending.push(command)
    this.hasPending.unsafeOpen()
  }

  /** Drops commands that were answered. */
  remove(commands: ReadonlyArray<QueuedCommand>): void {
    for (const command of commands) command.done = true
    while (this.pending.peek()?.done === true) this.pending.shift()
  }

  /** Drops all commands and returns those that have no answer. */
  takeAll(): ReadonlyArray<QueuedCommand> {
    return this.pending.takeAll().filter(({ done }) => !done)
  }

  /** Ends commands at their deadlines, until it is interrupted. Sleeps until the oldest deadline, and parks when idle. */
  readonly run: Effect.Effect<never> = Effect.suspend(() => {
    if (this.pending.length === 0) this.hasPending.unsafeClose()
    return this.hasPending.await
  }).pipe(
    Effect.zipRight(Effect.suspend(() => Stall.sleep(Math.max(1, this.oldestDeadline() - this.now())))),
    Effect.flatMap((late) => this.waitForReplies(late)),
    Effect.zipRight(Effect.sync(() => this.expire())),
    Effect.forever
  )

  private now(): number {
    return MonotonicClock.unsafeMillis(this.options.clock)
  }

  private oldestDeadline(): number {
    return this.pending.peek()?.deadline ?? Number.POSITIVE_INFINITY
  }

  private isOverdue(): boolean {
    return this.oldestDeadline() <= this.now()
  }

  /** Replies that have arrived count before a deadline does. `late` says by how much the timer was late. */
  private waitForReplies(late: number): Effect.Effect<void> {
    if (!this.isOverdue()) return Effect.void
    const { lastStalledAt, news, timeoutMillis } = this.options
    const wasStalled = () => late > Stall.stallMillis || this.now() - lastStalledAt() < timeoutMillis
    return Stall.settled(timeoutMillis, wasStalled, news, () => !this.isOverdue())
  }

  private expire(): void {
    const now = this.now()
    const expired: Array<QueuedCommand> = []
    for (let command = this.pending.peek(); command !== undefined; command = this.pending.peek()) {
      if (!command.done && command.deadline > now) break
      this.pending.shift()
      if (!command.done) expired.push(command)
    }
    if (expired.length > 0) this.options.onExpired(expired)
  }
}
