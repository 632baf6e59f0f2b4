/**
 * Rejects commands at once while most of them fail, and closes again when a probe succeeds.
 *
 * The states are those of M. Nygard, "Release It!" (2007): closed, open, half-open. The probe belongs to the breaker's
 * scope and not to a caller, so that no interrupted caller can leave it half-open.
 *
 * @since 0.1.0
 */

import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { CircuitState } from "../RedisStatus.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface CircuitBreakerOptions {
  /** the share of failed calls, from 0 to 1, at which the circuit opens: default 0.5 */
  readonly failureRate?: number | undefined
  /** fewer calls than this within the window never open it: default 20 */
  readonly minimumCalls?: number | undefined
  /** how far back calls are counted: default 10 seconds */
  readonly window?: Duration.DurationInput | undefined
  /** how long it stays open before each probe: default 1 second */
  readonly openFor?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CircuitBreaker {
  readonly state: () => CircuitState
  /** how often it has opened */
  readonly openings: () => number
  /** counts calls that were answered, if only with an error reply */
  readonly succeeded: (count: number) => void
  /** counts calls that timed out or lost their connection, and opens the circuit when they are too many */
  readonly failed: (count: number) => void
  /** closes the circuit and forgets what was counted: a new connection starts clean */
  readonly reset: () => void
  /** the state now and each change of it */
  readonly changes: Stream.Stream<CircuitState>
}

const buckets = 10

/**
 * A breaker that runs `probe` while it is half-open: success closes it, failure opens it again. The probe must
 * have a deadline. Reads the monotonic clock once for the replies of one turn: a reading for each is felt.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  probe: Effect.Effect<boolean>,
  options: CircuitBreakerOptions = {}
): Effect.Effect<CircuitBreaker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.clockWith(Effect.succeed)
    const check = OptionCheck.make("Redis client, circuitBreaker")
    const failureRate = check.fraction("failureRate", options.failureRate) ?? 0.5
    const minimumCalls = check.wholeNumber("minimumCalls", options.minimumCalls) ?? 20
    const bucketMillis = Math.max(
      1,
      Duration.toMillis(check.positiveDuration("window", options.window) ?? "10 seconds") / buckets
    )
    const openFor = Duration.decode(check.positiveDuration("openFor", options.openFor) ?? "1 second")
    const changes = yield* PubSub.sliding<CircuitState>(64)

    let state: CircuitState = "Closed"
    let openings = 0
    const opened = Effect.unsafeMakeLatch(false)

    // a ring of counters: the bucket of a moment is its number modulo the length, valid while the number matches
    const numbers = new Array<number>(buckets).fill(Number.NEGATIVE_INFINITY)
    const succeededIn = new Array<number>(buckets).fill(0)
    const failedIn = new Array<number>(buckets).fill(0)

    /** the bucket of this turn, once it is known */
    let ofTurn: number | undefined
    const endTurn = () => {
      ofTurn = undefined
    }

    const bucketNow = (): number => {
      if (ofTurn !== undefined) return ofTurn
      queueMicrotask(endTurn)
      ofTurn = currentBucket()
      return ofTurn
    }

    const currentBucket = (): number => {
      const number = Math.floor(MonotonicClock.unsafeMillis(clock) / bucketMillis)
      const index = number % buckets
      if (numbers[index] !== number) {
        numbers[index] = number
        succeededIn[index] = 0
        failedIn[index] = 0
      }
      return index
    }

    const forget = () => {
      ofTurn = undefined
      numbers.fill(Number.NEGATIVE_INFINITY)
    }

    const is = (expected: CircuitState): boolean => state === expected

    const become = (next: CircuitState) => {
      if (state === next) return
      state = next
      changes.unsafeOffer(next)
      if (next === "Open") {
        openings++
        opened.unsafeOpen()
      } else opened.unsafeClose()
    }

    const tooManyFailed = (current: number): boolean => {
      let failures = 0
      let calls = 0
      const newest = numbers[current] ?? 0
      for (let i = 0; i < buckets; i++) {
        const age = newest - (numbers[i] ?? Number.NEGATIVE_INFINITY)
        if (age >= 0 && age < buckets) {
          failures += failedIn[i] ?? 0
          calls += (failedIn[i] ?? 0) + (succeededIn[i] ?? 0)
        }
      }
      return calls >= minimumCalls && failures >= calls * failureRate
    }

    const recover = Effect.gen(function* () {
      yield* opened.await
      yield* Effect.sleep(openFor)
      // a new connection may have closed it meanwhile, or during the probe
      if (!is("Open")) return
      become("HalfOpen")
      const answered = yield* probe
      if (!is("HalfOpen")) return
      if (answered) forget()
      become(answered ? "Closed" : "Open")
    })
    yield* Effect.forkScoped(Effect.forever(recover))

    return {
      state: () => state,
      openings: () => openings,
      succeeded: (count) => {
        const bucket = bucketNow()
        succeededIn[bucket] = (succeededIn[bucket] ?? 0) + count
      },
      failed: (count) => {
        const bucket = bucketNow()
        failedIn[bucket] = (failedIn[bucket] ?? 0) + count
        if (state === "Closed" && tooManyFailed(bucket)) become("Open")
      },
      reset: () => {
        forget()
        become("Closed")
      },
      changes: Stream.unwrapScoped(
        Effect.map(PubSub.subscribe(changes), (queue) =>
          Stream.concat(
            Stream.sync(() => state),
            Stream.fromQueue(queue)
          )
        )
      )
    }
  })
