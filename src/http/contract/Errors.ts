/**
 * The errors that the HTTP API itself raises.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The request does not match the contract.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  errors: Schema.Array(
    Schema.Struct({
      /** where in the body, the query or the path, as in `players[0]`; empty for the body as a whole */
      field: Schema.String,
      message: Schema.String
    })
  )
}) {
  override get message(): string {
    return this.errors.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`)).join("; ")
  }
}

/** A response names this many problems of a request: a body of 64 kB may have thousands. */
const mostProblems = 32

/**
 * Makes the error of a request that has these problems. The first 32 are named, and the others counted.
 *
 * @since 0.2.0
 * @category constructors
 */
export const invalidRequest = (problems: InvalidRequest["errors"]): InvalidRequest => {
  const more = problems.length - mostProblems
  return new InvalidRequest({
    errors: more > 0 ? [...problems.slice(0, mostProblems), { field: "", message: `and ${more} more` }] : problems
  })
}

/**
 * The bearer token is missing or wrong.
 *
 * @since 0.1.0
 * @category errors
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {
  reason: Schema.Literal("MissingToken", "WrongToken")
}) {
  override get message(): string {
    return this.reason === "MissingToken"
      ? "send Authorization: Bearer with the API token, which the server's log says where to find"
      : "the bearer token is wrong"
  }
}

/**
 * The database is unavailable. The log of the server holds the reason; the response does not.
 *
 * @since 0.1.0
 * @category errors
 */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {}) {
  override get message(): string {
    return "the database does not answer: try again in a moment"
  }
}

/**
 * The database cannot store the result of the request, such as a total beyond 2^53 - 1. Nothing has changed.
 *
 * @since 0.2.0
 * @category errors
 */
export class NotStorable extends Schema.TaggedError<NotStorable>()("NotStorable", {}) {
  override get message(): string {
    return `the result cannot be kept: a balance or total would be greater than ${Number.MAX_SAFE_INTEGER}, or the database cannot encode a text`
  }
}

/**
 * The client has exceeded its rate limit.
 *
 * @since 0.1.0
 * @category errors
 */
export class TooManyRequests extends Schema.TaggedError<TooManyRequests>()("TooManyRequests", {
  retryAfter: Schema.DurationFromMillis
}) {
  override get message(): string {
    return "this client has reached its limit of requests: retry after the time in Retry-After"
  }
}
