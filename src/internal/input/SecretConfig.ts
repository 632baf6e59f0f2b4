/**
 * Reads secrets of the environment: the value of a variable, or the content of the file that `<variable>_FILE` names. Docker
 * and Kubernetes pass secrets as files.
 *
 * @since 0.2.0
 */
import { readFileSync } from "node:fs"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { optionalText, text } from "./VariableConfig.js"

/** The last line break is the editor's, not the secret's. */
const read = (variable: string, path: string): Either.Either<string, ConfigError.ConfigError> =>
  Either.try({
    try: () => readFileSync(path, "utf8").replace(/\r?\n$/, ""),
    catch: (cause) => {
      const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable"
      return ConfigError.InvalidData([variable], `the file ${path} cannot be read (${reason})`)
    }
  })

/** The secret in a file, which is not empty. */
const readSecret = (variable: string, path: string): Either.Either<string, ConfigError.ConfigError> =>
  Either.flatMap(read(variable, path), (secret) =>
    secret.trim() === ""
      ? Either.left(ConfigError.InvalidData([variable], `the file ${path} is empty`))
      : Either.right(secret)
  )

/**
 * The secret of `variable` or of the file that `<variable>_FILE` names; none when both are unset or empty. A `ConfigError`
 * names the variable when both are set, or when the file is empty or cannot be read. It never holds the secret.
 *
 * @since 0.2.0
 * @category config
 */
export const make = (variable: string): Config.Config<Option.Option<Redacted.Redacted<string>>> => {
  const fileVariable = `${variable}_FILE`
  return Config.all({ value: text(variable), path: text(fileVariable) }).pipe(
    Config.mapOrFail(({ path, value }) => {
      if (Option.isNone(path)) return Either.right(value)
      if (Option.isSome(value)) {
        return Either.left(
          ConfigError.InvalidData([fileVariable], `is set although ${variable} is set too: set one of them`)
        )
      }
      return Either.map(readSecret(fileVariable, path.value.trim()), Option.some)
    }),
    Config.map(Option.map((secret) => Redacted.make(secret)))
  )
}

/**
 * Like `make`, with undefined in the place of none.
 *
 * @since 0.2.0
 * @category config
 */
export const optional = (variable: string): Config.Config<Redacted.Redacted<string> | undefined> =>
  Config.map(make(variable), Option.getOrUndefined)

/**
 * Reads the file that `<variable>_FILE` names each time the effect is run. Undefined when no file is named.
 *
 * @since 0.2.0
 * @category config
 */
export const inFile = (
  variable: string
): Config.Config<Effect.Effect<Redacted.Redacted<string>, ConfigError.ConfigError> | undefined> =>
  Config.map(optionalText(`${variable}_FILE`), (path) =>
    path === undefined
      ? undefined
      : Effect.suspend(() => Either.map(readSecret(`${variable}_FILE`, path.trim()), (secret) => Redacted.make(secret)))
  )
