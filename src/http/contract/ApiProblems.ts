/**
 * The errors of the API as problems, each with its status and an example.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Database from "../../game/Database.js"
import * as RedisKey from "../../redis/RedisKey.js"
import * as Errors from "./Errors.js"
import * as Examples from "./Examples.js"
import { Overloaded } from "./Overload.js"
import * as Problem from "./Problem.js"

export const InvalidRequest = Problem.fromError(Errors.InvalidRequest, {
  status: 400,
  name: "InvalidRequest",
  title: "The request does not have the form that is expected",
  example: new Errors.InvalidRequest({
    errors: [
      { field: "username", message: 'Expected a string at least 1 character(s) long, actual ""' },
      { field: "email", message: "is missing" }
    ]
  })
})

const InvalidKey = Problem.fromError(RedisKey.InvalidKey, {
  status: 400,
  name: "InvalidId",
  title: "The id cannot be one",
  example: new RedisKey.InvalidKey({ reason: "TooLong", prefix: "user:profile" })
})

export const TooManyRequests = Problem.fromError(Errors.TooManyRequests, {
  status: 429,
  name: "TooManyRequests",
  title: "The client has sent too many requests",
  example: new Errors.TooManyRequests({ retryAfter: Duration.seconds(10) })
})

const UserNotFound = Problem.fromError(Database.UserNotFound, {
  status: 404,
  name: "UserNotFound",
  title: "There is no such user",
  example: new Database.UserNotFound({ userId: Examples.userId })
})

const GameNotFound = Problem.fromError(Database.GameNotFound, {
  status: 404,
  name: "GameNotFound",
  title: "There is no such game",
  example: new Database.GameNotFound({ gameId: Examples.gameId })
})

export const UsernameTaken = Problem.fromError(Database.UsernameTaken, {
  status: 409,
  name: "UsernameTaken",
  title: "The user name is taken",
  example: new Database.UsernameTaken({ username: Examples.newUser.username })
})

export const DailyBonusAlreadyClaimed = Problem.fromError(Database.DailyBonusAlreadyClaimed, {
  status: 429,
  name: "DailyBonusAlreadyClaimed",
  title: "The daily bonus is already claimed",
  example: new Database.DailyBonusAlreadyClaimed({ userId: Examples.userId, retryAfter: Examples.retryAfter })
})

export const DatabaseUnavailable = Problem.fromError(Errors.DatabaseUnavailable, {
  status: 503,
  name: "DatabaseUnavailable",
  title: "The database does not answer",
  example: new Errors.DatabaseUnavailable()
})

const NotStorable = Problem.fromError(Errors.NotStorable, {
  status: 422,
  name: "NotStorable",
  title: "The result cannot be kept",
  example: new Errors.NotStorable()
})

/** Why the database answers no read. */
export const ReadFailed = Schema.Union(DatabaseUnavailable, Overloaded)

/** Why a write stores nothing. */
export const WriteFailed = Schema.Union(DatabaseUnavailable, NotStorable)

export const NoUser = Schema.Union(UserNotFound, InvalidKey)
export const NoGame = Schema.Union(GameNotFound, InvalidKey)
export { InvalidKey }
