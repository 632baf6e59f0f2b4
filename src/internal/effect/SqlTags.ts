/**
 * The tags of `@effect/sql`, written out, since a cache works without that package.
 *
 * @internal
 */
import * as Context from "effect/Context"

/** The client of a database. */
export const SqlClient = Context.GenericTag<"SqlClient", unknown>("@effect/sql/SqlClient")

/** The connection of the transaction that a fiber runs in. */
export const TransactionConnection = Context.GenericTag<"TransactionConnection", unknown>(
  "@effect/sql/SqlClient/TransactionConnection"
)
