/**
 * Explains to the operator why the server did not start.
 *
 * @since 0.1.0
 */
import type { ServeError } from "@effect/platform/HttpServerError"
import * as ConfigError from "effect/ConfigError"
import type { DatabaseError } from "../../game/Database.js"
import type { TokenFileError } from "../token/TokenFile.js"

/**
 * An error that keeps the server from starting.
 *
 * @since 0.1.0
 * @category models
 */
export type StartupError = ConfigError.ConfigError | DatabaseError | ServeError | TokenFileError

const variable = (path: ReadonlyArray<string>, message: string): string => `${path.join("_")}: ${message}`
const both = (left: string, right: string): string => `${left}; ${right}`

const explainConfig = (error: ConfigError.ConfigError): string =>
  ConfigError.reduceWithContext(error, undefined, {
    andCase: (_, left, right) => both(left, right),
    orCase: (_, left, right) => both(left, right),
    invalidDataCase: (_, path, message) => variable(path, message),
    missingDataCase: (_, path, message) => variable(path, message),
    sourceUnavailableCase: (_, path, message) => variable(path, message),
    unsupportedCase: (_, path, message) => variable(path, message)
  })

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""

const explainServe = ({ cause }: ServeError): string => {
  switch (codeOf(cause)) {
    case "EADDRINUSE":
      return "PORT: another program listens on it; end that one or choose another port (0 takes any free one)"
    case "EACCES":
      return "PORT: this user may not listen on it; choose one above 1023"
    default:
      return `HOST or PORT: cannot listen there (${cause instanceof Error ? cause.message : String(cause)})`
  }
}

/**
 * Explains the error in one line that names the variable to change, without a stack and without a password.
 *
 * @since 0.1.0
 * @category conversions
 */
export const explain = (error: StartupError): string => {
  if (ConfigError.isConfigError(error)) return explainConfig(error)
  return error._tag === "ServeError" ? explainServe(error) : error.message
}
