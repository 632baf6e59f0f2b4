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

const explainListening = (host: string, port: number, code: string, cause: unknown): string => {
  switch (code) {
    case "EADDRINUSE":
      return `PORT: another program listens on ${port}; end that one or choose another port (0 takes any free one)`
    case "EACCES":
      return `PORT: this user may not listen on ${port}; choose one above 1023`
    case "EADDRNOTAVAIL":
      return `HOST: this machine has no address ${host}; 127.0.0.1 is reached from this machine, and 0.0.0.0 from all others`
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `HOST: the name ${host} does not resolve (${code}); an address such as 127.0.0.1 needs no DNS`
    default:
      return `HOST or PORT: cannot listen on ${host}:${port} (${cause instanceof Error ? cause.message : String(cause)})`
  }
}

/**
 * The cause of a `ServeError`: why a server cannot listen on its address, and what to do.
 *
 * @since 0.2.0
 * @category constructors
 */
export const listenFailure = (host: string, port: number, cause: unknown): Error & { readonly code: string } => {
  const code = codeOf(cause)
  return Object.assign(new Error(explainListening(host, port, code, cause), { cause }), { code })
}

const explainServe = ({ cause }: ServeError): string => (cause instanceof Error ? cause.message : String(cause))

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
