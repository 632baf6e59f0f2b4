/**
 * A pool of connections to Postgres.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as PgClient from "@effect/sql-pg/PgClient"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as WatchedSocket from "./WatchedSocket.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface PostgresOptions {
  readonly connectTimeout: Duration.DurationInput
  readonly operationTimeout: Duration.DurationInput
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Postgres {
  readonly context: Context.Context<SqlClient>
  /** Closes the silent connections. For an operation that has waited longer than any statement may take. */
  readonly whenLate: Effect.Effect<void>
}

/**
 * The server ends a longer statement, so that none is applied long after its caller saw a failure. `statement_timeout`
 * in the URL wins; 0 omits it, for poolers that reject the parameter.
 */
const withStatementTimeout = (url: Redacted.Redacted<string>, millis: number): Redacted.Redacted<string> => {
  const parsed = new URL(Redacted.value(url))
  const given = parsed.searchParams.get("statement_timeout")
  if (given === "0") parsed.searchParams.delete("statement_timeout")
  if (given === null) parsed.searchParams.set("statement_timeout", String(millis))
  return Redacted.make(parsed.href)
}

/**
 * Connects. Fails with `SqlError` when no connection is ready after `connectTimeout`, which later also bounds the wait
 * for a pooled connection. A statement ends after six tenths of `operationTimeout`. A connection without a reply for
 * seven tenths is dropped; under TLS, also when an operation is late.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (
  url: Redacted.Redacted<string>,
  { connectTimeout, operationTimeout }: PostgresOptions
): Effect.Effect<Postgres, SqlError, Scope.Scope> =>
  Effect.gen(function* () {
    const millis = Duration.toMillis(operationTimeout)
    const sockets = yield* WatchedSocket.make(millis * 0.7)
    const context = yield* Layer.build(
      PgClient.layer({
        url: withStatementTimeout(url, Math.ceil(millis * 0.6)),
        connectTimeout,
        stream: sockets.open,
        applicationName: "effect-cache-toolkit"
      })
    )
    return { context, whenLate: sockets.closeQuiet }
  })
