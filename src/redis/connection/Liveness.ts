/**
 * Decides whether a connection lives: replies are signs of life, and so are bytes that move.
 *
 * Replies arrive in order. A value of some megabytes on a slow line delays every other reply, and the heartbeat's too. The
 * driver shows how many bytes it holds: the arrived part of a reply, and the rest of a command before the socket. Bytes in the kernel move unseen, and the line is trusted to carry them.
 *
 * @internal
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisArgument, RedisConnection } from "../RedisConnection.js"
import { type RedisError, RedisTimeout } from "../RedisError.js"

export interface LivenessOptions {
  readonly clock: Clock.Clock
  readonly timeoutMillis: number
  /** rounds of timeouts without a sign of life between them, after which the connection is given up */
  readonly timeoutsToGiveUp: number
  /** Runs an effect in the background, as long as the queue lives. */
  readonly fork: (effect: Effect.Effect<void>) => void
}

/** Arguments that are shorter together are no large transfer. */
export const largeLength = 65_536

/** What a line is trusted to carry unseen: 1 MB a second. */
const bytesPerMilli = 1000

/** How much the kernel's buffers take, of a command that the driver still holds the rest of. */
const kernelBytes = 4_000_000

/** How often bytes are looked at, as a part of the command timeout. */
const lookEvery = 0.25

/** The length of arguments that make a large transfer, else 0. */
export const largeSize = (args: ReadonlyArray<RedisArgument>): number => {
  let length = 0
  for (const arg of args) if (typeof arg !== "number") length += arg.length
  return length < largeLength ? 0 : length
}

export class Liveness {
  private connection: RedisConnection | undefined
  private givenUp = Deferred.unsafeMake<RedisError>(FiberId.none)
  private rounds = 0
  private handedOver = 0
  private replies = 0
  /** the length of large commands that were handed over and are not answered */
  private large = 0
  private isWatching = false

  constructor(private readonly options: LivenessOptions) {}

  /** Watches this connection from now on. The deferred is completed when it is given up. */
  open(connection: RedisConnection): Deferred.Deferred<RedisError> {
    this.connection = connection
    this.givenUp = Deferred.unsafeMake(FiberId.none)
    this.rounds = 0
    this.large = 0
    return this.givenUp
  }

  shut(): void {
    this.connection = undefined
  }

  /** A command was handed to the driver, with its `largeSize`. */
  sent(size: number): void {
    this.handedOver++
    this.large += size
  }

  /** The reply to a command of that size has come. */
  replied(size: number): void {
    this.replies++
    this.rounds = 0
    this.large -= size
  }

  /** Changes with whatever leaves or arrives. */
  readonly news = (): number => this.handedOver + this.replies + this.buffered()

  /** Commands timed out. */
  timedOut(): void {
    if (++this.rounds < this.options.timeoutsToGiveUp || this.isWatching) return
    if (this.buffered() === 0 && this.large === 0) {
      this.giveUp()
    } else {
      this.isWatching = true
      this.options.fork(this.watch)
    }
  }

  private buffered(): number {
    return this.connection?.bufferedAmount() ?? 0
  }

  private giveUp(): void {
    const waitedMillis = this.options.timeoutMillis * this.rounds
    Deferred.unsafeDone(this.givenUp, Exit.succeed(new RedisTimeout({ command: "PING", waitedMillis })))
  }

  /** For how long a large value may be on its way while nothing is seen to move, in milliseconds. */
  private unseenMillis(): number {
    const large = this.buffered() === 0 ? this.large : Math.min(this.large, kernelBytes)
    return this.options.timeoutMillis + large / bytesPerMilli
  }

  /** Gives the connection up when nothing moves any more, and ends at the first sign of life. */
  private readonly watch: Effect.Effect<void> = Effect.gen(this, function* () {
    const { clock, timeoutMillis } = this.options
    const { connection, replies } = this
    const began = MonotonicClock.unsafeMillis(clock)
    while (true) {
      const [buffered, handedOver] = [this.buffered(), this.handedOver]
      yield* Effect.sleep(timeoutMillis * lookEvery)
      if (this.connection !== connection || this.replies !== replies) return
      const now = this.buffered()
      // growth is that of a reply only where nothing was handed over meanwhile
      if (now < buffered || (now > buffered && this.handedOver === handedOver)) {
        this.rounds = 0
        return
      }
      if (MonotonicClock.unsafeMillis(clock) - began > this.unseenMillis()) return this.giveUp()
    }
  }).pipe(
    Effect.ensuring(
      Effect.sync(() => {
        this.isWatching = false
      })
    )
  )
}
