/**
 * Buffers the messages of a channel for one reader, within a bound. A reader that has lost messages receives a gap.
 *
 * @internal
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { RedisError } from "./RedisError.js"
import type { SubscriptionEvent } from "./RedisExecutor.js"

/** Events that a reader may be behind before it loses them. */
export const defaultCapacity = 4096

/**
 * Offering never blocks. A reader that falls behind by more than the capacity loses everything that waits for it and
 * sees a `Gap` with reason `SlowConsumer` instead.
 */
export class SubscriptionBuffer {
  private events: Array<SubscriptionEvent> = []
  private failure: RedisError | undefined
  /** Open while there is something to read: events or the failure. */
  private readonly ready = Effect.unsafeMakeLatch(false)

  constructor(
    private readonly channel: string,
    private readonly capacity: number = defaultCapacity
  ) {}

  offer(event: SubscriptionEvent): void {
    if (this.events.length >= this.capacity) {
      this.events = [{ _tag: "Gap", channel: this.channel, reason: "SlowConsumer" }]
    }
    this.events.push(event)
    this.ready.unsafeOpen()
  }

  /** Ends the stream with a failure once what is buffered has been read. */
  fail(error: RedisError): void {
    this.failure = error
    this.ready.unsafeOpen()
  }

  private readonly take: Effect.Effect<Chunk.Chunk<SubscriptionEvent>, RedisError> = Effect.suspend(
    () => this.poll() ?? Effect.zipRight(this.ready.await, this.take)
  )

  private poll(): Effect.Effect<Chunk.Chunk<SubscriptionEvent>, RedisError> | undefined {
    if (this.events.length > 0) {
      const taken = this.events
      this.events = []
      if (this.failure === undefined) this.ready.unsafeClose()
      return Effect.succeed(Chunk.unsafeFromArray(taken))
    }
    return this.failure === undefined ? undefined : Effect.fail(this.failure)
  }

  readonly stream: Stream.Stream<SubscriptionEvent, RedisError> = Stream.repeatEffectChunk(this.take)
}
