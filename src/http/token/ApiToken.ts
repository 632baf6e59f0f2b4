/**
 * The bearer token that writes and personal data need: the operator's, or one that the server makes at its first start.
 * No request is trusted for the address that it comes from: behind a proxy every address is the proxy's.
 *
 * @since 0.1.0
 */
import { createHash, timingSafeEqual } from "node:crypto"
import { dirname, join } from "node:path"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as DatabaseUrl from "../../game/database/DatabaseUrl.js"
import * as HttpConfig from "../HttpConfig.js"
import * as TokenFile from "./TokenFile.js"

/**
 * Whether a request carries the token.
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
    readonly check: (request: HttpServerRequest.HttpServerRequest) => "Right" | "Wrong" | "Missing"
  }
}

// of equal length, so that the comparison says nothing about the length of the token either
const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

// the decoder of HttpApiSecurity.bearer does not look at the scheme, so the header is read here
const sentToken = ({ headers }: HttpServerRequest.HttpServerRequest): string | undefined =>
  /^bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1]

/** Compares in constant time. */
const make = (token: Redacted.Redacted): ApiToken.Service => {
  const expected = digest(Redacted.value(token))
  return {
    check: (request) => {
      const sent = sentToken(request)
      if (sent === undefined) return "Missing"
      return timingSafeEqual(digest(sent), expected) ? "Right" : "Wrong"
    }
  }
}

/** Beside the SQLite file, whose directory is one that outlives the process; else where that file is by default. */
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
 * By `API_TOKEN` or `API_TOKEN_FILE`, else by a file `api-token` beside the database, made with mode
 * 0600 at the first start. Says in the log which of them, and never the token.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<ApiToken, ConfigError.ConfigError | TokenFile.TokenFileError> = Layer.effect(
  ApiToken,
  Effect.map(token, make)
)
