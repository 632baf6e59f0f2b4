/**
 * Answers reads that a cache rejects because too many lookups are running while Redis is unavailable.
 *
 * @since 0.1.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { LookupOverloaded } from "../../cache/lookup/LookupRunner.js"
import * as Problem from "./Problem.js"

/**
 * `LookupOverloaded` as a problem.
 *
 * @since 0.1.0
 * @category models
 */
export const Overloaded = Problem.fromError(LookupOverloaded, {
  status: 503,
  name: "LookupOverloaded",
  title: "Too many reads are waiting for the database",
  example: new LookupOverloaded({ cache: "user:profile" })
})

/** Running lookups complete within about this many seconds, unless the database is unavailable too. */
const retryAfter = "1"

/**
 * Adds `Retry-After` to the rejection.
 *
 * @since 0.1.0
 * @category combinators
 */
export const retryLater = <A, E, R>(
  read: Effect.Effect<A, E | LookupOverloaded, R>
): Effect.Effect<A, E | LookupOverloaded, R> =>
  Effect.tapErrorTag(read, "LookupOverloaded", () =>
    HttpApp.appendPreResponseHandler((_request, response) =>
      Effect.succeed(HttpServerResponse.setHeader(response, "retry-after", retryAfter))
    )
  )
