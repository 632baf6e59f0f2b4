/**
 * Detects a caller in a SQL transaction. Its lookup must run in that transaction, whose rows are not committed yet. On a pool
 * with one connection, such as SQLite's, any other lookup would wait for the transaction's end.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as SqlTags from "../../internal/effect/SqlTags.js"

/**
 * Whether a fiber runs inside `SqlClient.withTransaction`.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isIn = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean =>
  Option.isSome(Context.getOption(fiber.currentContext, SqlTags.TransactionConnection))
