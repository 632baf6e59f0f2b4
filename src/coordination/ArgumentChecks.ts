/**
 * Checks arguments and options before anything is sent, so that a wrong one never reaches a script.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { OptionCheck } from "../internal/OptionCheck.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import type { RedisClient } from "../redis/RedisClient.js"
import { maxTimeToLive } from "../redis/RedisCommands.js"
import { InvalidArgument } from "../redis/RedisError.js"

const longestMillis = Duration.toMillis(maxTimeToLive)

/**
 * Fails a call for an argument that cannot be right.
 *
 * @since 0.2.0
 * @category errors
 */
export const reject = (
  command: string,
  argument: string,
  value: unknown,
  allowed: string
): Effect.Effect<never, InvalidArgument> =>
  Effect.fail(new InvalidArgument({ command, argument, value: String(value), allowed }))

/**
 * A duration of an argument in whole milliseconds, rounded up. Fails when no server could keep a key that long.
 *
 * @since 0.1.0
 * @category utils
 */
export const wholeMillis = (
  command: string,
  argument: string,
  duration: Duration.DurationInput
): Effect.Effect<number, InvalidArgument> => {
  const millis = Math.ceil(Duration.toMillis(duration))
  return millis >= 1 && millis <= longestMillis
    ? Effect.succeed(millis)
    : reject(command, argument, `${millis} ms`, `between 1 ms and ${Duration.toSeconds(maxTimeToLive)} s`)
}

/**
 * An exact integer of at least `minimum`. Fails for any other number.
 *
 * @since 0.1.0
 * @category utils
 */
export const integerFrom = (
  command: string,
  argument: string,
  minimum: number,
  value: number
): Effect.Effect<number, InvalidArgument> =>
  Number.isSafeInteger(value) && value >= minimum
    ? Effect.succeed(value)
    : reject(command, argument, value, `an integer of at least ${minimum}`)

/**
 * A finite number. Fails for an infinite one and for NaN.
 *
 * @since 0.1.0
 * @category utils
 */
export const finite = (command: string, argument: string, value: number): Effect.Effect<number, InvalidArgument> =>
  Number.isFinite(value) ? Effect.succeed(value) : reject(command, argument, value, "finite")

/**
 * A product that stays exact in the arithmetic of scripts, also when it is divided. Fails from 2^52 up.
 *
 * @since 0.1.0
 * @category utils
 */
export const exactProduct = (
  command: string,
  argument: string,
  one: number,
  other: number
): Effect.Effect<number, InvalidArgument> =>
  one * other < 2 ** 52 ? Effect.succeed(one * other) : reject(command, argument, one * other, "below 2^52")

/**
 * The key in Redis of what a caller named. Fails when something else owns it. Each operation checks it, since caches of the
 * same client start and stop.
 *
 * @since 0.2.0
 * @category utils
 */
export const keyOf = (
  command: string,
  client: RedisClient.Service,
  prefix: KeyOwner.Prefix,
  name: string
): Effect.Effect<string, InvalidArgument> =>
  Effect.suspend(() => {
    const key = KeyOwner.named(client, prefix, name)
    return Either.isRight(key) ? Effect.succeed(key.right) : reject(command, "key", JSON.stringify(name), key.left)
  })

/**
 * A duration of an option in whole milliseconds, rounded up. Throws `InvalidOption` when no server could keep a key that
 * long.
 *
 * @since 0.2.0
 * @category utils
 */
export const optionMillis = (check: OptionCheck, option: string, duration: Duration.DurationInput): number => {
  check.positiveDuration(option, duration)
  const millis = Math.ceil(Duration.toMillis(duration))
  return millis <= longestMillis
    ? millis
    : check.reject(option, duration, `at most ${Duration.toSeconds(maxTimeToLive)} s, the longest time of a server`)
}
