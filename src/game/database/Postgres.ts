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
  /** For an operation that has waited for longer than any statement takes: closes the connections that have gone silent. */
  readonly whenLate: Effect.Effect<void>
}

/**
 * The server ends a statement that takes longer, so that none is applied long after its caller saw it fail.
 * `statement_timeout` in the URL wins; 0 there leaves it out, for poolers that refuse to be asked for it.
 */
const withStatementTimeout = (url: Redacted.Redacted<string>, millis: number): Redacted.Redacted<string> => {
  const parsed = new URL(Redacted.value(url))
  const given = parsed.searchParams.get("statement_timeout")
  if (given === "0") parsed.searchParams.delete("statement_timeout")
  if (given === null) parsed.searchParams.set("statement_timeout", String(millis))
  return Redacted.make(parsed.href)
}

/**
 * Connects. Fails with `SqlError` when no connection stands after `connectTimeout`, which later also bounds the wait for
 * a connection of the pool. A statement ends after six tenths of `operationTimeout`, and a connection is dropped when
 * nothing has come back on it for seven tenths; with TLS, when an operation is late as well.
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
