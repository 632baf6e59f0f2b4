/**
 * A pool of connections to Postgres.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as PgClient from "@effect/sql-pg/PgClient"
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"

/**
 * Connects. Fails with `SqlError` when no connection stands after `connectTimeout`, which later also bounds the wait for
 * a connection of the pool.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (
  url: Redacted.Redacted<string>,
  connectTimeout: Duration.DurationInput
): Effect.Effect<Context.Context<SqlClient>, SqlError, Scope.Scope> =>
  Layer.build(PgClient.layer({ url, connectTimeout, applicationName: "effect-cache-toolkit" }))
