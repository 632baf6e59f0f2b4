/**
 * Reads variables of the environment. Empty variables count as unset: compose files and panels pass a field that is not
 * filled in as an empty text.
 *
 * @internal
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"

/** The error of a variable whose value is wrong. */
export const invalid = (variable: string, problem: string): ConfigError.ConfigError =>
  ConfigError.InvalidData([variable], problem)

export const text = (name: string): Config.Config<Option.Option<string>> =>
  Config.map(
    Config.option(Config.string(name)),
    Option.filter((value) => value.trim() !== "")
  )

/** Like `text`, with undefined in the place of none. */
export const optionalText = (name: string): Config.Config<string | undefined> =>
  Config.map(text(name), Option.getOrUndefined)

export const wholeNumber = (text: string): number | undefined => (/^\d{1,9}$/.test(text) ? Number(text) : undefined)

export const optionalInteger = (name: string, minimum: number, maximum: number): Config.Config<Option.Option<number>> =>
  Config.mapOrFail(text(name), (value) => {
    if (Option.isNone(value)) return Either.right(Option.none())
    const number = wholeNumber(value.value.trim())
    return number === undefined || number < minimum || number > maximum
      ? Either.left(invalid(name, `expected a whole number from ${minimum} to ${maximum}`))
      : Either.right(Option.some(number))
  })

export const integer = (name: string, minimum: number, maximum: number, fallback: number): Config.Config<number> =>
  Config.map(
    optionalInteger(name, minimum, maximum),
    Option.getOrElse(() => fallback)
  )
