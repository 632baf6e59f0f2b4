/**
 * The clock of the server that holds a cache's markers, where entries lie on other servers. Every time that the protocol
 * compares is a time of this clock (docs/protocol.md, "Several servers").
 *
 * @since 0.2.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Callback from "../../internal/effect/Callback.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import * as MarkerScripts from "../scripts/MarkerScripts.js"
import type { ReplyListener } from "./Markers.js"

/**
 * The answer of `Now`.
 *
 * @since 0.2.0
 * @category models
 */
export interface MarkerTime {
  /** the server's time, in milliseconds */
  readonly now: number
  /** the clear marker */
  readonly clear: number
  /** the connection that answered */
  readonly generation: number
  /** when it was asked for and when it arrived, by the monotonic clock */
  readonly sentAt: number
  readonly receivedAt: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface MarkerClock {
  /** Asks for the time and the clear marker. */
  readonly ask: (onReply: ReplyListener<MarkerTime>) => void
  readonly query: Effect.Effect<MarkerTime, RedisError>
  /** Raises the clear marker to a time, and answers it. */
  readonly raise: (atLeast: number) => Effect.Effect<number, RedisError>
  /** The last answer on a connection; undefined where there is none. */
  readonly lastOf: (generation: number | undefined) => MarkerTime | undefined
  /**
   * Drops the answers of all other connections. Until then they are kept: another server may answer a load before the end of
   * the last one was handled, which needs the last one's time.
   */
  readonly keepOnly: (generation: number) => void
}

/** The share by which two clocks may run apart: far more than quartz does. */
const maxDrift = 0.001

/** Times of answers are measured to a millisecond. */
const marginMillis = 1

/**
 * The creation time of an entry whose lookup begins after the answer.
 *
 * @since 0.2.0
 * @category getters
 */
export const createdOf = ({ clear, now }: MarkerTime): number => Math.max(now, clear + 1)

/**
 * The time that the clock has reached at least, at a time of the monotonic clock here.
 *
 * @since 0.2.0
 * @category getters
 */
export const lowerAt = ({ now, receivedAt }: Pick<MarkerTime, "now" | "receivedAt">, at: number): number =>
  now + (at - receivedAt) * (1 - maxDrift) - marginMillis

/**
 * The time that the clock has reached at most, at a time of the monotonic clock here.
 *
 * @since 0.2.0
 * @category getters
 */
export const upperAt = ({ now, sentAt }: Pick<MarkerTime, "now" | "sentAt">, at: number): number =>
  now + (at - sentAt) * (1 + maxDrift) + marginMillis

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: {
  readonly executor: RedisExecutor.RedisExecutor
  readonly clock: Clock.Clock
  readonly clear: string
  /** for how long the clear marker lives on, in milliseconds */
  readonly keepMillis: number
}): MarkerClock => {
  const { clear, clock, executor, keepMillis } = options
  const last = new Map<number, MarkerTime>()

  const ask: MarkerClock["ask"] = (onReply) => {
    const sentAt = MonotonicClock.unsafeMillis(clock)
    RedisExecutor.unsafeRun(executor, MarkerScripts.now, { clear, keepMillis }, (reply) =>
      onReply(
        Exit.map(reply, ({ generation, value: [now, clear] }) => {
          const time = { now, clear, generation, sentAt, receivedAt: MonotonicClock.unsafeMillis(clock) }
          last.set(generation, time)
          return time
        })
      )
    )
  }

  return {
    ask,
    query: Callback.make(ask),
    raise: (atLeast) =>
      Effect.map(
        RedisExecutor.runWithGeneration(executor, MarkerScripts.raise, {
          clear,
          atLeast: Math.ceil(atLeast),
          keepMillis
        }),
        ({ value }) => value
      ),
    lastOf: (generation) => (generation === undefined ? undefined : last.get(generation)),
    keepOnly: (generation) => {
      for (const other of last.keys()) if (other !== generation) last.delete(other)
    }
  }
}
