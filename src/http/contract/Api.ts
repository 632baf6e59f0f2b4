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
import { GameState, UserId } from "../../game/Player.js"
import { version } from "../../internal/Version.js"
import * as RedisKey from "../../redis/RedisKey.js"
import * as ApiProblems from "./ApiProblems.js"
import { Authorization } from "./Authorization.js"
import * as Examples from "./Examples.js"
import * as Health from "./Health.js"
import { document } from "./OpenApiDocument.js"
import { body, cachedAnswer, GamePath, query, queryInt, tokenMayBeSent, UserPath } from "./RequestSchemas.js"
import { UsersGroup } from "./UsersApi.js"

const LeaderboardEntry = Schema.Struct({
  rank: Schema.NonNegativeInt.annotations({ description: "counted from 0" }),
  userId: UserId,
  score: Schema.Number
}).annotations({ identifier: "LeaderboardEntry", examples: [Examples.entry] })

/** The health of the process, its Redis and its database. */
class HealthGroup extends HttpApiGroup.make("health")
  .add(
    HttpApiEndpoint.get("alive", "/api/health")
      .addSuccess(Schema.Struct({ status: Schema.Literal("ok") }).annotations({ examples: [{ status: "ok" }] }))
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
      .annotate(OpenApi.Override, tokenMayBeSent)
  )
  .annotate(OpenApi.Description, "The health of the process, its Redis and its database, and probes of Kubernetes") {}

/** The best scores; ranks count from 0. */
class LeaderboardsGroup extends HttpApiGroup.make("leaderboards")
  .add(
    HttpApiEndpoint.get("top", "/api/leaderboards/global")
      .setUrlParams(
        query({
          offset: queryInt("the rank of the first entry", 0, 1_000_000, 0),
          limit: queryInt("how many entries", 1, 100, 10)
        })
      )
      .addSuccess(
        Schema.Struct({ entries: Schema.Array(LeaderboardEntry) }).annotations({
          examples: [{ entries: [Examples.entry] }]
        })
      )
      .addError(ApiProblems.InvalidKey)
      .addError(ApiProblems.ReadFailed)
      .annotate(OpenApi.Summary, "A page of the best scores, equal ones in the order in which they were reached")
      .annotate(OpenApi.Description, cachedAnswer)
  )
  .add(
    HttpApiEndpoint.get("rank", "/api/leaderboards/global/users/:id")
      .setPath(UserPath)
      .addSuccess(LeaderboardEntry)
      .addError(ApiProblems.NoUser)
      .addError(ApiProblems.ReadFailed)
      .annotate(OpenApi.Summary, "The rank of a user, from 0")
  )
  .annotate(OpenApi.Description, "The best scores of all users") {}

const Game = GameState.annotations({ examples: [Examples.game] })

/** Running games. Writes need `Authorization`. */
class GamesGroup extends HttpApiGroup.make("games")
  .add(
    HttpApiEndpoint.post("start", "/api/games")
      .setPayload(
        body(
          "NewGame",
          {
            players: Schema.Array(
              UserId.pipe(
                Schema.minLength(1),
                Schema.maxLength(RedisKey.maxIdBytes),
                Schema.filter((id) => id.isWellFormed(), { message: () => "is not well-formed Unicode" })
              )
            ).pipe(Schema.minItems(1), Schema.maxItems(64))
          },
          { players: Examples.players }
        )
      )
      .addSuccess(Game, { status: 201 })
      .addError(ApiProblems.WriteFailed)
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Starts a game of 1 to 64 players")
      .annotate(OpenApi.Description, "`Location` of the answer is the path of the game.")
  )
  .add(
    HttpApiEndpoint.get("state", "/api/games/:id")
      .setPath(GamePath)
      .addSuccess(Game)
      .addError(ApiProblems.NoGame)
      .addError(ApiProblems.ReadFailed)
      .annotate(OpenApi.Summary, "The state of a game")
      .annotate(OpenApi.Description, cachedAnswer)
  )
  .add(
    HttpApiEndpoint.del("end", "/api/games/:id")
      .setPath(GamePath)
      .addError(ApiProblems.NoGame)
      .addError(ApiProblems.DatabaseUnavailable)
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Ends a game")
  )
  .annotate(OpenApi.Description, "Games that are being played") {}

const OnlinePlayers = Schema.Struct({ onlinePlayers: Schema.NonNegativeInt }).annotations({
  examples: [{ onlinePlayers: 1 }]
})

/** The counters of online players and running games. Writes need `Authorization`. */
class CountersGroup extends HttpApiGroup.make("counters")
  .add(
    HttpApiEndpoint.get("read", "/api/counters")
      .addSuccess(
        Schema.Struct({ onlinePlayers: Schema.Int, activeGames: Schema.Int }).annotations({
          examples: [{ onlinePlayers: 1, activeGames: 1 }]
        })
      )
      .annotate(
        OpenApi.Summary,
        "How many players are online, and how many games are being played; 0 while Redis is away"
      )
  )
  .add(
    HttpApiEndpoint.post("online", "/api/players/:id/online")
      .setPath(UserPath)
      .addSuccess(OnlinePlayers)
      .addSuccess(Schema.Void, { status: 204 })
      .addError(ApiProblems.InvalidKey)
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
      .addError(ApiProblems.InvalidKey)
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "The player is online no more; 204 while Redis is away and nobody is counted")
  )
  .annotate(OpenApi.Description, "What Redis counts of players and games") {}

/** The statistics of the caches since the start. */
class CacheGroup extends HttpApiGroup.make("cache")
  .add(
    HttpApiEndpoint.get("stats", "/api/cache/stats")
      .addSuccess(CacheServiceStats.annotations({ identifier: "CacheServiceStats", examples: [Examples.cacheStats] }))
      .annotate(OpenApi.Summary, "What the caches of this process have counted since its start")
  )
  .annotate(OpenApi.Description, "The caches of this process") {}

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
  .addError(ApiProblems.InvalidRequest)
  .addError(ApiProblems.TooManyRequests)
  .annotate(OpenApi.Title, "effect-cache-toolkit")
  .annotate(OpenApi.Version, version)
  .annotate(
    OpenApi.Description,
    "A small game over a cache. Errors are `application/problem+json` (RFC 9457). What changes something needs the API token."
  )
  .annotate(OpenApi.Transform, (spec) => document(spec as OpenApi.OpenAPISpec)) {}
