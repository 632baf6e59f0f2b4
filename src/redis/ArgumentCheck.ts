/**
 * Checks arguments before anything is sent, so that a wrong one never reaches a server or a script. Each check fails with
 * `InvalidArgument`. `OptionCheck` checks what a layer or service is made of.
 *
 * @internal
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as InputValue from "../internal/input/InputValue.js"
import type { OptionCheck } from "../internal/input/OptionCheck.js"
import { InvalidArgument } from "./RedisError.js"

/** The longest time to live that every server keeps, in seconds; Dragonfly shortens longer ones silently. */
export const longestSeconds = 268_435_455

/** Fails a call for an argument that cannot be right. */
export const reject = (
  command: string,
  argument: string,
  value: unknown,
  allowed: string
): Exit.Exit<never, InvalidArgument> =>
  Exit.fail(new InvalidArgument({ command, argument, value: InputValue.shown(value), allowed }))

/** Rejects text with a lone surrogate. It would be sent as U+FFFD, so that two keys or members would be one to the server. */
export const malformed = (command: string, value: string, argument = "key"): Exit.Exit<never, InvalidArgument> =>
  reject(command, argument, value, "well-formed Unicode text")

/** An integer of any sign, small enough to be exact. */
export const integer = (command: string, argument: string, value: number): Effect.Effect<number, InvalidArgument> =>
  Number.isSafeInteger(value) ? Exit.succeed(value) : reject(command, argument, value, "an integer")

/** An integer of at least `minimum`, small enough to be exact. */
export const integerFrom = (
  command: string,
  argument: string,
  minimum: number,
  value: number
): Exit.Exit<number, InvalidArgument> =>
  Number.isSafeInteger(value) && value >= minimum
    ? Exit.succeed(value)
    : reject(command, argument, value, `an integer of at least ${minimum}`)

/** A number that is neither infinite nor NaN. */
export const finite = (command: string, argument: string, value: number): Effect.Effect<number, InvalidArgument> =>
  Number.isFinite(value) ? Exit.succeed(value) : reject(command, argument, value, "finite")

/** A time to live in whole milliseconds, rounded up, that every server can keep. */
export const timeToLiveMillis = (
  command: string,
  argument: string,
  value: Duration.DurationInput
): Exit.Exit<number, InvalidArgument> => {
  const millis = Math.ceil(InputValue.millisOf(value))
  return millis >= 1 && millis <= longestSeconds * 1000
    ? Exit.succeed(millis)
    : reject(command, argument, value, `between 1 ms and ${longestSeconds} s`)
}

/** How long a caller waits, in milliseconds: zero for a caller that does not, infinite for one that waits for ever. */
export const waitMillis = (
  command: string,
  argument: string,
  value: Duration.DurationInput
): Exit.Exit<number, InvalidArgument> => {
  const millis = InputValue.millisOf(value)
  return millis >= 0 ? Exit.succeed(millis) : reject(command, argument, value, "at least 0 ms")
}

/** A time to live that is an option: `timeToLiveMillis` that throws `InvalidOption`. */
export const optionMillis = (check: OptionCheck, option: string, duration: Duration.DurationInput): number => {
  check.positiveDuration(option, duration)
  const millis = Math.ceil(InputValue.millisOf(duration))
  return millis <= longestSeconds * 1000
    ? millis
    : check.reject(option, duration, `at most ${longestSeconds} s, the longest time of a server`)
}
