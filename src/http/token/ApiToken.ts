/**
 * Checks the bearer token that writes and personal data need. The operator sets it, or the server generates it at its
 * first start. The address of a client is never trusted: behind a proxy every address is the proxy's.
 *
 * @since 0.1.0
 */
import { dirname, join } from "node:path"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as DatabaseUrl from "../../game/database/DatabaseUrl.js"
import * as HttpConfig from "../HttpConfig.js"
import * as BearerToken from "../router/BearerToken.js"
import * as TokenFile from "./TokenFile.js"

/**
 * Checks whether a request carries the token.
 *
 * @since 0.1.0
 * @category services
 */
export class ApiToken extends Context.Tag("effect-cache-toolkit/ApiToken")<ApiToken, ApiToken.Service>() {}

/**
 * @since 0.1.0
 */
export declare namespace ApiToken {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    readonly check: (request: HttpServerRequest.HttpServerRequest) => BearerToken.Checked
  }
}

const make = (token: Redacted.Redacted): ApiToken.Service => ({ check: BearerToken.make(token) })

/**
 * The file beside the SQLite database, whose directory outlives the process; else in the default directory of that
 * database.
 */
const fileBeside = (database: DatabaseUrl.DatabaseUrl): string =>
  join(database._tag === "SqliteFile" ? dirname(database.path) : "data", "api-token")

const described: Readonly<Record<TokenFile.Kept["found"], string>> = {
  Made: "made and kept",
  Kept: "kept",
  Exposed: "kept"
}

const kept = Effect.gen(function* () {
  const path = fileBeside(yield* DatabaseUrl.config)
  const { found, token } = yield* TokenFile.readOrMake(path)
  if (found === "Exposed") {
    yield* Effect.logWarning(
      `HTTP: other users of this machine could read the API token in ${path}; its mode is 0600 now: ` +
        "delete the file and start again for a new token"
    )
  }
  yield* Effect.logInfo(
    `HTTP: writes need the bearer token ${described[found]} in ${path}: ` + `curl --oauth2-bearer $(cat ${path})`
  )
  return token
})

const token = Effect.flatMap(
  HttpConfig.apiToken,
  Option.match({
    onNone: () => kept,
    onSome: (given) => Effect.as(Effect.logInfo("HTTP: writes need the bearer token of API_TOKEN"), given)
  })
)

/**
 * Takes the token from `API_TOKEN` or `API_TOKEN_FILE`, else from a file `api-token` beside the database. The first
 * start generates that file with mode 0600. The log names the source and never shows the token.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<ApiToken, ConfigError.ConfigError | TokenFile.TokenFileError> = Layer.effect(
  ApiToken,
  Effect.map(token, make)
)
