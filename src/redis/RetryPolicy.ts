/**
 * Repeats commands without ever applying one twice by mistake.
 *
 * @since 0.1.0
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import * as Schedule from "effect/Schedule"
import * as Callback from "../internal/effect/Callback.js"
import * as OptionCheck from "../internal/input/OptionCheck.js"
import * as MonotonicClock from "../internal/MonotonicClock.js"
import { isOutcomeUnknown, type RedisError } from "./RedisError.js"

interface RetryPolicy {
  /** no attempt begins after this time, by `MonotonicClock`, in milliseconds */
  readonly deadline: number
  readonly schedule: Schedule.Schedule<unknown, RedisError>
}

const current: FiberRef.FiberRef<RetryPolicy | undefined> = globalValue("effect-cache-toolkit/RetryPolicy", () =>
  FiberRef.unsafeMake<RetryPolicy | undefined>(undefined)
)

const defaultSchedule: Schedule.Schedule<unknown> = Schedule.exponential("20 millis", 2).pipe(
  Schedule.union(Schedule.spaced("500 millis")),
  Schedule.jittered
)

const check = OptionCheck.make("RetryPolicy.withRetry")

/**
 * Repeats every command inside an effect until a deadline. A command that was never sent is always repeated, unless its
 * argument cannot be right. A command whose outcome is unknown is repeated only when that is harmless: see the docs of each
 * command, and `idempotent` of a script. INCR, ZINCRBY and scripts that are not idempotent are never applied twice. Without
 * a policy nothing is repeated, since a cache prefers to fall back. A duration that cannot be right is a defect.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withRetry: (options: {
  /** how long attempts begin, from the start of the effect; zero makes one attempt */
  readonly within: Duration.DurationInput
  /** the pauses between attempts: default 20 ms, doubling up to 500 ms, jittered */
  readonly schedule?: Schedule.Schedule<unknown, RedisError> | undefined
}) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (options) => (effect) =>
  Effect.flatMap(MonotonicClock.millis, (now) =>
    Effect.locally(effect, current, {
      deadline: now + Duration.toMillis(check.duration("within", options.within, { infinite: true })),
      schedule: options.schedule ?? defaultSchedule
    })
  )

const mayRepeat = (error: RedisError, idempotent: boolean): boolean =>
  error._tag === "RedisUnavailable" ? error.reason !== "Disabled" : idempotent && isOutcomeUnknown(error)

/** One attempt. It calls its callback last, after its own state is updated (see `Callback.makeInTurn`). */
type Attempt<Of, A> = (
  resume: (answer: Effect.Effect<A, RedisError>) => void,
  caller: Fiber.RuntimeFiber<unknown, unknown>,
  of: Of
) => void

/**
 * Runs an operation in one attempt of the calling fiber, or in as many as its policy allows. If the outcome of any attempt
 * is unknown, so is that of the whole, even when the last attempt was never sent or was rejected.
 *
 * @internal
 */
export const repeating = <Of, A>(
  attempt: Attempt<Of, A>,
  isIdempotent: (of: Of) => boolean
): ((of: Of) => Effect.Effect<A, RedisError>) => {
  const once = Callback.inTurnOf(attempt)
  return Callback.inTurnOf((resume, caller, of) => {
    const policy = caller.getFiberRef(current)
    if (policy === undefined) attempt(resume, caller, of)
    else resume(repeat(once(of), isIdempotent(of), policy))
  })
}

const repeat = <A>(
  attempt: Effect.Effect<A, RedisError>,
  idempotent: boolean,
  policy: RetryPolicy
): Effect.Effect<A, RedisError> =>
  Effect.suspend(() => {
    let last: RedisError | undefined
    let unknown: RedisError | undefined
    const remaining = Effect.map(MonotonicClock.millis, (now) => Math.max(0, policy.deadline - now))
    const beforeDeadline = Effect.map(remaining, (millis) => millis > 0)
    // A pause that reaches beyond the deadline would only keep the caller waiting. It ends at a whole millisecond: a
    // remaining fraction can be too short to sleep, and would be tried again without an end.
    const schedule = Schedule.modifyDelayEffect(policy.schedule, (_, pause) =>
      Effect.map(remaining, (millis) => Duration.min(pause, Duration.millis(Math.ceil(millis))))
    )
    const next = Effect.flatMap(beforeDeadline, (early) => (early || last === undefined ? attempt : Effect.fail(last)))
    return next.pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          last = error
          if (isOutcomeUnknown(error)) unknown = error
        })
      ),
      Effect.retry({
        schedule,
        while: (error) => (mayRepeat(error, idempotent) ? beforeDeadline : Effect.succeed(false))
      }),
      Effect.mapError((error) => (unknown === undefined || isOutcomeUnknown(error) ? error : unknown))
    )
  })
