/**
 * Interprets the failures of a driver: describes the problem and its remedy, and recognizes failures that are answers.
 *
 * @since 0.1.0
 */
import { MigrationError } from "@effect/sql/Migrator"
import { SqlError } from "@effect/sql/SqlError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"

/**
 * @since 0.1.0
 * @category constants
 */
export const usernameConstraint = "users_username_unique"

const property = (cause: unknown, name: string): string =>
  Predicate.hasProperty(cause, name) && Predicate.isString(cause[name]) ? cause[name] : ""

/** The error of the driver: a migration wraps the error of its statement, which wraps the driver's. */
const driverCause = (error: SqlError | MigrationError): unknown =>
  error.cause instanceof SqlError ? error.cause.cause : error.cause

/** Remedies by the result code of SQLite, the SQLSTATE of Postgres, or the code of the system's error. */
const advice: Record<string, string> = {
  SQLITE_BUSY: "another program keeps the file locked: stop it",
  SQLITE_CANTOPEN: "choose a file, and not a directory, that this program may write",
  SQLITE_CORRUPT: "the file is damaged: restore it from a backup",
  SQLITE_FULL: "the disk is full: make room",
  SQLITE_NOTADB: "the file belongs to something else: choose another one",
  SQLITE_READONLY: "let this program write the file and its directory",
  EACCES: "let this program write the directory",
  EEXIST: "a file stands where a directory is needed: choose another path",
  ENOTDIR: "a file stands where a directory is needed: choose another path",
  EROFS: "the file system is read-only: choose another path",
  ECONNREFUSED: "check that the server runs and listens there",
  ENOTFOUND: "check the host's name",
  ETIMEDOUT: "check that the server can be reached from here",
  "28P01": "check the user name and the password",
  "28000": "check the user name and the server's pg_hba.conf",
  "3D000": "create it, or name another one",
  "42501": "grant the user the rights that it lacks",
  "53300": "raise the server's max_connections, or run fewer programs on it"
}

/**
 * Describes the problem and, where it is known, the remedy.
 *
 * @since 0.1.0
 * @category utils
 */
export const describe = (error: SqlError | MigrationError): string => {
  const cause = driverCause(error)
  const code = property(cause, "code")
  const what = property(cause, "message") || code || error.message
  // extended result codes of SQLite begin with the plain one: SQLITE_READONLY_DIRECTORY
  const todo = advice[code] ?? advice[code.split("_", 2).join("_")]
  return todo === undefined ? what : `${what}: ${todo}`
}

/**
 * Whether another connection holds a lock that the statement or migration needs. Nothing was applied.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isBusy = (error: unknown): boolean =>
  (error instanceof SqlError || error instanceof MigrationError) &&
  /^SQLITE_(BUSY|LOCKED)/.test(property(driverCause(error), "code"))

/**
 * Retries a statement that meets a lock, after pauses that grow to 100 ms, as long as its caller waits. SQLite itself
 * would block the process while it waits.
 *
 * @since 0.2.0
 * @category combinators
 */
export const retryWhileBusy = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: isBusy,
    schedule: Schedule.exponential("5 millis").pipe(Schedule.union(Schedule.spaced("100 millis")), Schedule.jittered)
  })

/**
 * The error of an operation that timed out.
 *
 * @since 0.2.0
 * @category errors
 */
export const timedOut = (timeout: Duration.Duration): SqlError =>
  new SqlError({
    cause: new Error(
      `no answer within ${Duration.format(timeout)}: another program holds a lock, or the server cannot be reached`
    )
  })

/**
 * Whether a statement failed because another user has the name.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isUsernameTaken = ({ cause }: SqlError): boolean => {
  switch (property(cause, "code")) {
    case "SQLITE_CONSTRAINT_UNIQUE":
      return property(cause, "message").endsWith(": users.username")
    case "23505":
      return property(cause, "constraint") === usernameConstraint
    default:
      return false
  }
}

/**
 * Whether the database cannot store the value. The checks of the tables reject a total beyond the safe integers, and the
 * encoding may lack a character.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isRejected = ({ cause }: SqlError): boolean =>
  ["SQLITE_CONSTRAINT_CHECK", "23514", "22003", "22021"].includes(property(cause, "code"))

/**
 * Whether two processes created a table at once. Depending on how far the other one was, Postgres reports a duplicate key of
 * its catalogue, a table that exists, or a type that exists: that of the table's rows. The next try finds the table.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isCreatedTwice = ({ cause }: SqlError): boolean =>
  ["23505", "42P07", "42710"].includes(property(cause, "code"))

/**
 * Turns the defects of @effect/sql and the drivers into failures. They throw on a lost connection, a migration that
 * does not apply, or a file that does not open.
 *
 * @since 0.1.0
 * @category combinators
 */
export const fromDefect =
  <E1>(expected: (defect: unknown) => defect is E1) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | E1, R> =>
    Effect.catchSomeDefect(self, (defect) =>
      expected(defect) ? Option.some(Effect.fail(defect)) : Option.none<Effect.Effect<never, E1>>()
    )

/**
 * The error of a missing driver package.
 *
 * @since 0.1.0
 * @category errors
 */
export const notInstalled = (cause: unknown): SqlError => new SqlError({ cause, message: "the driver does not load" })
