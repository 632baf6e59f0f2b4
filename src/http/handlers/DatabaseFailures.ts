/**
 * Answers a failed database operation: the log gets the reason, the client a problem and the time of its next try.
 *
 * @since 0.2.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import type { DatabaseError } from "../../game/Database.js"
import * as ThrottledLog from "../../internal/ThrottledLog.js"
import { DatabaseUnavailable, NotStorable } from "../contract/Errors.js"

/**
 * One log for all handlers: an outage of the database logs each operation once a minute, not each request.
 *
 * @since 0.2.0
 * @category services
 */
export class DatabaseFailures extends Context.Tag("effect-cache-toolkit/http/DatabaseFailures")<
  DatabaseFailures,
  DatabaseFailures.Service
>() {}

/**
 * @since 0.2.0
 */
export declare namespace DatabaseFailures {
  /**
   * @since 0.2.0
   * @category models
   */
  export interface Service {
    /** Logs the error, and fails with what a client may know of it. */
    readonly databaseFailed: (error: DatabaseError) => Effect.Effect<never, DatabaseUnavailable>
    /** Like `databaseFailed`, but does not log a rejected write: the request is at fault, not the database. */
    readonly writeFailed: (error: DatabaseError) => Effect.Effect<never, DatabaseUnavailable | NotStorable>
  }
}

/** SQLite releases a lock, and a pool reconnects, within about this many seconds. */
const retryAfter = "2"

const setRetryAfter = HttpApp.appendPreResponseHandler((_request, response) =>
  Effect.succeed(HttpServerResponse.setHeader(response, "retry-after", retryAfter))
)

const make: Effect.Effect<DatabaseFailures.Service> = Effect.map(
  ThrottledLog.make("HTTP", LogLevel.Error),
  (log): DatabaseFailures.Service => {
    const databaseFailed = ({ detail, operation }: DatabaseError) =>
      Effect.suspend(() => log.note({ what: `the database failed in ${operation}`, why: detail }) ?? Effect.void).pipe(
        Effect.zipRight(setRetryAfter),
        Effect.zipRight(Effect.fail(new DatabaseUnavailable()))
      )
    return {
      databaseFailed,
      writeFailed: (error) => (error.rejected ? Effect.fail(new NotStorable()) : databaseFailed(error))
    }
  }
)

/**
 * @since 0.2.0
 * @category layers
 */
export const layer: Layer.Layer<DatabaseFailures> = Layer.effect(DatabaseFailures, make)
