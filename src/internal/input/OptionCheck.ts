/**
 * Checks the numbers and durations of an options object while a layer or cache is built. Throws an `InvalidOption` that
 * names the option: inside `Effect.gen`, `Effect.sync` or `Effect.suspend` it is the defect of the construction.
 *
 * @internal
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as InputValue from "./InputValue.js"

/** Reports an option whose value cannot be right. */
export class InvalidOption extends Data.TaggedError("InvalidOption")<{
  /** what is built, such as `TypedCache "user"` */
  readonly owner: string
  readonly option: string
  /** the value as the message shows it */
  readonly value: string
  /** what is allowed, such as "a whole number of at least 1" */
  readonly allowed: string
}> {
  override get message(): string {
    return `${this.owner}: option \`${this.option}\` is ${this.value}; it must be ${this.allowed}`
  }
}

/** An option that may be absent is returned as it is. */
type Optional<A> = A | undefined

/** The checks of one options object. Each returns the value that it was given. */
export interface OptionCheck {
  /** A whole number from `least` (1 by default) to `most`. */
  readonly wholeNumber: <A extends Optional<number>>(
    option: string,
    value: A,
    bounds?: { readonly least?: number; readonly most?: number }
  ) => A
  /** A number from 0 to 1, both included. */
  readonly fraction: <A extends Optional<number>>(option: string, value: A) => A
  /** A duration that is not negative. Infinity is allowed only where `infinite` says so. */
  readonly duration: <A extends Optional<Duration.DurationInput>>(
    option: string,
    value: A,
    bounds?: { readonly infinite?: boolean }
  ) => A
  /** A duration of more than zero. Infinity is allowed only where `infinite` says so. */
  readonly positiveDuration: <A extends Optional<Duration.DurationInput>>(
    option: string,
    value: A,
    bounds?: { readonly infinite?: boolean }
  ) => A
  /** Rejects a value for a reason that no other check covers. */
  readonly reject: (option: string, value: unknown, allowed: string) => never
}

/** Makes the checks of `owner`, which begins each message: ``Redis client: option `maxInFlight` is 0; it must be …``. */
export const make = (owner: string): OptionCheck => {
  const reject = (option: string, value: unknown, allowed: string): never => {
    throw new InvalidOption({ owner, option, value: InputValue.shown(value), allowed })
  }
  const checkDuration = (
    option: string,
    value: Optional<Duration.DurationInput>,
    infinite: boolean,
    isAllowed: (millis: number) => boolean,
    allowed: string
  ): void => {
    if (value === undefined) return
    const millis = InputValue.millisOf(value)
    if (isAllowed(millis) && (infinite || millis < Infinity)) return
    reject(option, value, infinite ? allowed : `${allowed}, and finite`)
  }
  return {
    wholeNumber: (option, value, { least = 1, most = Number.MAX_SAFE_INTEGER } = {}) => {
      if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return value
      return reject(
        option,
        value,
        most === Number.MAX_SAFE_INTEGER
          ? `a whole number of at least ${least}`
          : `a whole number from ${least} to ${most}`
      )
    },
    fraction: (option, value) =>
      value === undefined || (value >= 0 && value <= 1) ? value : reject(option, value, "a number from 0 to 1"),
    duration: (option, value, { infinite = false } = {}) => {
      checkDuration(option, value, infinite, (millis) => millis >= 0, "a duration of at least 0")
      return value
    },
    positiveDuration: (option, value, { infinite = false } = {}) => {
      checkDuration(option, value, infinite, (millis) => millis > 0, "a duration of more than 0")
      return value
    },
    reject
  }
}
