/**
 * The contract of the HTTP API: its requests, its responses, and each error with its status.
 *
 * @since 0.1.0
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { CacheServiceStats } from "../../game/CacheServiceStats.js"
import * as Database from "../../game/Database.js"
import { Balance, GameId, GameState, UserId, UserProfile, UserStats } from "../../game/Player.js"
import { version } from "../../internal/Version.js"
import * as RedisKey from "../../redis/RedisKey.js"
import { Authorization } from "./Authorization.js"
import * as Errors from "./Errors.js"
import * as Health from "./Health.js"
import { describeProblems } from "./OpenApiProblems.js"
import { Overloaded } from "./Overload.js"
import * as Problem from "./Problem.js"

const InvalidRequest = Problem.fromError(Errors.InvalidRequest, {
  status: 400,
  name: "InvalidRequest",
  title: "The request does not have the form that is expected"
})

const InvalidKey = Problem.fromError(RedisKey.InvalidKey, {
  status: 400,
  name: "InvalidId",
  title: "The id cannot be one"
})

const UserNotFound = Problem.fromError(Database.UserNotFound, {
  status: 404,
  name: "UserNotFound",
  title: "There is no such user"
})

const GameNotFound = Problem.fromError(Database.GameNotFound, {
  status: 404,
  name: "GameNotFound",
  title: "There is no such game"
})

const UsernameTaken = Problem.fromError(Database.UsernameTaken, {
  status: 409,
  name: "UsernameTaken",
  title: "The user name is taken"
})

const DailyBonusAlreadyClaimed = Problem.fromError(Database.DailyBonusAlreadyClaimed, {
  status: 429,
  name: "DailyBonusAlreadyClaimed",
  title: "The daily bonus is already claimed"
})

const DatabaseUnavailable = Problem.fromError(Errors.DatabaseUnavailable, {
  status: 503,
  name: "DatabaseUnavailable",
  title: "The database does not answer"
})

const NotStorable = Problem.fromError(Errors.NotStorable, {
  status: 422,
  name: "NotStorable",
  title: "The result cannot be kept"
})

const TooManyRequests = Problem.fromError(Errors.TooManyRequests, {
  status: 429,
  name: "TooManyRequests",
  title: "The client has sent too many requests"
})

/**
 * The body of a request, whose problems are all named. A misspelt field is an error, not ignored: a PATCH would otherwise answer
 * 200 and change nothing.
 */
const body = <Fields extends Schema.Struct.Fields>(identifier: string, fields: Fields) =>
  Schema.Struct(fields).annotations({ identifier, parseOptions: { onExcessProperty: "error", errors: "all" } })

const UserPath = Schema.Struct({ id: UserId })
const GamePath = Schema.Struct({ id: GameId })
const { username, displayName, email } = UserProfile.fields

const Profile = Schema.Struct({
  ...UserProfile.fields,
  email: Schema.optionalWith(email, { exact: true }).annotations({ description: "only for the holder of the token" })
}).annotations({ identifier: "Profile" })

const queryInt = (from: number, to: number, fallback: number) =>
  Schema.optionalWith(Schema.NumberFromString.pipe(Schema.int(), Schema.between(from, to)), {
    default: () => fallback,
    exact: true
  })

const UserBalance = Schema.Struct({ userId: UserId, balance: Balance }).annotations({ identifier: "UserBalance" })

const LeaderboardEntry = Schema.Struct({
  rank: Schema.NonNegativeInt.annotations({ description: "counted from 0" }),
  userId: UserId,
  score: Schema.Number
}).annotations({ identifier: "LeaderboardEntry" })

/** The health of the process, its Redis and its database. */
class HealthGroup extends HttpApiGroup.make("health")
  .add(
    HttpApiEndpoint.get("alive", "/api/health")
      .addSuccess(Schema.Struct({ status: Schema.Literal("ok") }))
      .annotate(OpenApi.Summary, "Says that the process serves")
  )
  .add(
    HttpApiEndpoint.get("live", "/api/health/live")
      .addSuccess(Health.ProbePassed)
      .annotate(OpenApi.Summary, "Liveness probe: the process answers")
  )
  .add(
    HttpApiEndpoint.get("ready", "/api/health/ready")
      .addSuccess(Health.ProbePassed)
      .addSuccess(Health.ProbeFailed)
      .annotate(OpenApi.Summary, "Readiness probe: passes while Redis is away, and fails once the server ends")
  )
  .add(
    HttpApiEndpoint.get("startup", "/api/health/startup")
      .addSuccess(Health.ProbePassed)
      .addSuccess(Health.ProbeFailed)
      .annotate(OpenApi.Summary, "Startup probe: passes for ever once the database has answered")
  )
  .add(
    HttpApiEndpoint.get("detailed", "/api/health/detailed")
      .addSuccess(Health.Serving)
      .addSuccess(Health.Down)
      .annotate(
        OpenApi.Summary,
        "Says whether the process, its Redis and its database are well; how they are only to the holder of the token"
      )
  ) {}

/** Users: profile, balance, statistics, bonus and cached values. Writes need `Authorization`. */
class UsersGroup extends HttpApiGroup.make("users")
  .add(
    HttpApiEndpoint.post("create", "/api/users")
      .setPayload(body("NewUser", { username, displayName, email }))
      .addSuccess(UserProfile, { status: 201 })
      .addError(UsernameTaken)
      .addError(NotStorable)
      .middleware(Authorization)
  )
  .add(
    HttpApiEndpoint.get("profile", "/api/users/:id/profile")
      .setPath(UserPath)
      .addSuccess(Profile)
      .addError(Overloaded)
      .annotate(OpenApi.Summary, "The profile; its e-mail address only for the holder of the token")
  )
  .add(
    HttpApiEndpoint.patch("updateProfile", "/api/users/:id/profile")
      .setPath(UserPath)
      .setPayload(
        body("UserChange", {
          username: Schema.optionalWith(username, { exact: true }),
          displayName: Schema.optionalWith(displayName, { exact: true }),
          email: Schema.optionalWith(email, { exact: true })
        })
      )
      .addSuccess(UserProfile)
      .addError(UsernameTaken)
      .addError(NotStorable)
      .middleware(Authorization)
  )
  .add(
    HttpApiEndpoint.get("balance", "/api/users/:id/balance")
      .setPath(UserPath)
      .addSuccess(UserBalance)
      .addError(Overloaded)
  )
  .add(
    HttpApiEndpoint.put("updateBalance", "/api/users/:id/balance")
      .setPath(UserPath)
      .setPayload(body("NewBalance", { balance: Balance }))
      .addSuccess(UserBalance)
      .addError(NotStorable)
      .middleware(Authorization)
  )
  .add(
    HttpApiEndpoint.get("stats", "/api/users/:id/stats").setPath(UserPath).addSuccess(UserStats).addError(Overloaded)
  )
  .add(
    HttpApiEndpoint.post("recordGame", "/api/users/:id/games")
      .setPath(UserPath)
      .setPayload(body("PlayedGame", { won: Schema.Boolean, score: Balance }))
      .addSuccess(UserStats)
      .addError(NotStorable)
      .middleware(Authorization)
  )
  .add(
    HttpApiEndpoint.post("dailyBonus", "/api/users/:id/daily-bonus")
      .setPath(UserPath)
      .addSuccess(UserBalance)
      .addError(DailyBonusAlreadyClaimed)
      .addError(NotStorable)
      .middleware(Authorization)
  )
  .add(
    HttpApiEndpoint.post("warmCache", "/api/users/:id/cache")
      .setPath(UserPath)
      .addSuccess(Schema.Struct({ stored: Schema.Int }))
      .addError(Overloaded)
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Loads the user into the cache and says how many values it then holds")
  )
  .add(
    HttpApiEndpoint.del("invalidateCache", "/api/users/:id/cache")
      .setPath(UserPath)
      .addSuccess(Schema.Struct({ invalidated: Schema.Boolean }))
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Drops the user from the cache; false while Redis is away")
  )
  .addError(UserNotFound)
  .addError(InvalidKey)
  .addError(DatabaseUnavailable) {}

/** The best scores; ranks count from 0. */
class LeaderboardsGroup extends HttpApiGroup.make("leaderboards")
  .add(
    HttpApiEndpoint.get("top", "/api/leaderboards/global")
      .setUrlParams(
        Schema.Struct({ offset: queryInt(0, 1_000_000, 0), limit: queryInt(1, 100, 10) }).annotations({
          parseOptions: { errors: "all" }
        })
      )
      .addSuccess(Schema.Struct({ entries: Schema.Array(LeaderboardEntry) }))
      .addError(Overloaded)
  )
  .add(
    HttpApiEndpoint.get("rank", "/api/leaderboards/global/users/:id")
      .setPath(UserPath)
      .addSuccess(LeaderboardEntry)
      .addError(UserNotFound)
      .addError(Overloaded)
  )
  .addError(InvalidKey)
  .addError(DatabaseUnavailable) {}

/** Running games. Writes need `Authorization`. */
class GamesGroup extends HttpApiGroup.make("games")
  .add(
    HttpApiEndpoint.post("start", "/api/games")
      .setPayload(
        body("NewGame", {
          players: Schema.Array(
            UserId.pipe(
              Schema.minLength(1),
              Schema.maxLength(RedisKey.maxIdBytes),
              Schema.filter((id) => id.isWellFormed(), { message: () => "is not well-formed Unicode" })
            )
          ).pipe(Schema.minItems(1), Schema.maxItems(64))
        })
      )
      .addSuccess(GameState, { status: 201 })
      .addError(NotStorable)
      .middleware(Authorization)
  )
  .add(
    HttpApiEndpoint.get("state", "/api/games/:id")
      .setPath(GamePath)
      .addSuccess(GameState)
      .addError(GameNotFound)
      .addError(InvalidKey)
      .addError(Overloaded)
  )
  .add(
    HttpApiEndpoint.del("end", "/api/games/:id")
      .setPath(GamePath)
      .addError(GameNotFound)
      .addError(InvalidKey)
      .middleware(Authorization)
  )
  .addError(DatabaseUnavailable) {}

const OnlinePlayers = Schema.Struct({ onlinePlayers: Schema.NonNegativeInt })

/** The counters of online players and running games. Writes need `Authorization`. */
class CountersGroup extends HttpApiGroup.make("counters")
  .add(
    HttpApiEndpoint.get("read", "/api/counters").addSuccess(
      Schema.Struct({ onlinePlayers: Schema.Int, activeGames: Schema.Int })
    )
  )
  .add(
    HttpApiEndpoint.post("online", "/api/players/:id/online")
      .setPath(UserPath)
      .addSuccess(OnlinePlayers)
      .addSuccess(Schema.Void, { status: 204 })
      .addError(InvalidKey)
      .middleware(Authorization)
      .annotate(
        OpenApi.Summary,
        "A player's heartbeat: online for a minute from now on; 204 while Redis is away and nobody is counted"
      )
  )
  .add(
    HttpApiEndpoint.del("offline", "/api/players/:id/online")
      .setPath(UserPath)
      .addSuccess(OnlinePlayers)
      .addSuccess(Schema.Void, { status: 204 })
      .addError(InvalidKey)
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "The player is online no more; 204 while Redis is away and nobody is counted")
  ) {}

/** The statistics of the caches since the start. */
class CacheGroup extends HttpApiGroup.make("cache").add(
  HttpApiEndpoint.get("stats", "/api/cache/stats").addSuccess(CacheServiceStats)
) {}

/**
 * All groups, and the errors that any request can meet.
 *
 * @since 0.1.0
 * @category contract
 */
export class Api extends HttpApi.make("effect-cache-toolkit")
  .add(HealthGroup)
  .add(UsersGroup)
  .add(LeaderboardsGroup)
  .add(GamesGroup)
  .add(CountersGroup)
  .add(CacheGroup)
  .addError(InvalidRequest)
  .addError(TooManyRequests)
  .annotate(OpenApi.Title, "effect-cache-toolkit")
  .annotate(OpenApi.Version, version)
  .annotate(OpenApi.Transform, (spec) => describeProblems(spec as OpenApi.OpenAPISpec)) {}
