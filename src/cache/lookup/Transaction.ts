/**
 * Whether a caller runs in a SQL transaction. What it reads there is not yet true for others, and where the pool has one
 * connection, as SQLite's has, a lookup outside of the transaction would wait for its end.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/** The tag of `@effect/sql`, named here since a cache works without that package. A test compares it. */
const Connection = Context.GenericTag<"TransactionConnection", unknown>("@effect/sql/SqlClient/TransactionConnection")

/**
 * Whether a fiber runs inside of `SqlClient.withTransaction`.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isIn = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean =>
  Option.isSome(Context.getOption(fiber.currentContext, Connection))
