/**
 * Checks of what callers pass, made before anything is sent: a wrong argument is refused with the error that a server
 * would give, and never reaches a script half-way.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as KeyOwner from "../redis/KeyOwner.js"
import type { RedisClient } from "../redis/RedisClient.js"
import { maxTimeToLive } from "../redis/RedisCommands.js"
import { RedisServerError } from "../redis/RedisError.js"

const rejected = (command: string, detail: string): Effect.Effect<never, RedisServerError> =>
  Effect.fail(new RedisServerError({ command, code: "ERR", detail }))

/**
 * A duration in whole milliseconds, rounded up; fails with `RedisServerError` when no server could keep a key that long.
 *
 * @since 0.1.0
 * @category utils
 */
export const wholeMillis = (
  command: string,
  name: string,
  duration: Duration.DurationInput
): Effect.Effect<number, RedisServerError> => {
  const millis = Math.ceil(Duration.toMillis(duration))
  return millis >= 1 && millis <= Duration.toMillis(maxTimeToLive)
    ? Effect.succeed(millis)
    : rejected(command, `${name} is between 1 ms and ${Duration.toSeconds(maxTimeToLive)} s`)
}

/**
 * An exact integer from `minimum` up; fails with `RedisServerError` when it is another number.
 *
 * @since 0.1.0
 * @category utils
 */
export const integerFrom = (
  command: string,
  name: string,
  minimum: number,
  value: number
): Effect.Effect<number, RedisServerError> =>
  Number.isSafeInteger(value) && value >= minimum
    ? Effect.succeed(value)
    : rejected(command, `${name} is an integer from ${minimum} up`)

/**
 * A number that is neither infinite nor NaN; fails with `RedisServerError` when it is one of them.
 *
 * @since 0.1.0
 * @category utils
 */
export const finite = (command: string, name: string, value: number): Effect.Effect<number, RedisServerError> =>
  Number.isFinite(value) ? Effect.succeed(value) : rejected(command, `${name} is a finite number`)

/**
 * A product that stays exact in the arithmetic of scripts, also when it is divided; fails with `RedisServerError` from 2^52
 * up.
 *
 * @since 0.1.0
 * @category utils
 */
export const exactProduct = (
  command: string,
  name: string,
  one: number,
  other: number
): Effect.Effect<number, RedisServerError> =>
  one * other < 2 ** 52 ? Effect.succeed(one * other) : rejected(command, `${name} is below 2^52`)

/**
 * A key that a caller named as a whole; fails with `RedisServerError` when it belongs to something else, or is no Unicode.
 * Caches come and go, so each operation asks anew.
 *
 * @since 0.1.0
 * @category utils
 */
export const wholeKey = (
  command: string,
  client: RedisClient.Service,
  key: string,
  own?: KeyOwner.Head
): Effect.Effect<void, RedisServerError> =>
  Effect.suspend(() => {
    const problem = KeyOwner.wholeKeyProblem(client, key, own)
    return problem === undefined ? Effect.void : rejected(command, problem)
  })
