/**
 * The answer to a read while Redis is away and the database already runs as many lookups as it may.
 *
 * @since 0.1.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { LookupOverloaded } from "../../cache/lookup/LookupRunner.js"
import * as Problem from "./Problem.js"

/**
 * The problem that `LookupOverloaded` is to a client.
 *
 * @since 0.1.0
 * @category models
 */
export const Overloaded = Problem.fromError(LookupOverloaded, {
  status: 503,
  name: "LookupOverloaded",
  title: "Too many reads are waiting for the database"
})

/** A queue of lookups is worked off within about this many seconds, or the database is down, which is another problem. */
const retryAfter = "1"

/**
 * Adds `Retry-After` to the refusal.
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
