/**
 * The contract of users: profile, balance, statistics, bonus and cached values. Writes need `Authorization`.
 *
 * @since 0.2.0
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { Balance, UserId, UserProfile, UserStats } from "../../game/Player.js"
import * as ApiProblems from "./ApiProblems.js"
import { Authorization } from "./Authorization.js"
import * as Examples from "./Examples.js"
import { body, cachedAnswer, tokenMayBeSent, UserPath } from "./RequestSchemas.js"

const { username, displayName, email } = UserProfile.fields

const WholeProfile = UserProfile.annotations({ examples: [Examples.profile] })

const Profile = Schema.Struct({
  ...UserProfile.fields,
  email: Schema.optionalWith(email, { exact: true }).annotations({ description: "only for the holder of the token" })
}).annotations({ identifier: "Profile", examples: [Examples.profile] })

const Stats = UserStats.annotations({ examples: [Examples.stats] })

const UserBalance = Schema.Struct({ userId: UserId, balance: Balance }).annotations({
  identifier: "UserBalance",
  examples: [Examples.balance]
})

/**
 * @since 0.2.0
 * @category contract
 */
export class UsersGroup extends HttpApiGroup.make("users")
  .add(
    HttpApiEndpoint.post("create", "/api/users")
      .setPayload(body("NewUser", { username, displayName, email }, Examples.newUser))
      .addSuccess(WholeProfile, { status: 201 })
      .addError(ApiProblems.UsernameTaken)
      .addError(ApiProblems.WriteFailed)
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Creates a user")
      .annotate(OpenApi.Description, "`Location` of the answer is the path of the profile.")
  )
  .add(
    HttpApiEndpoint.get("profile", "/api/users/:id/profile")
      .setPath(UserPath)
      .addSuccess(Profile)
      .addError(ApiProblems.NoUser)
      .addError(ApiProblems.ReadFailed)
      .annotate(OpenApi.Summary, "The profile; its e-mail address only for the holder of the token")
      .annotate(OpenApi.Override, tokenMayBeSent)
      .annotate(OpenApi.Description, cachedAnswer)
  )
  .add(
    HttpApiEndpoint.patch("updateProfile", "/api/users/:id/profile")
      .setPath(UserPath)
      .setPayload(
        body(
          "UserChange",
          {
            username: Schema.optionalWith(username, { exact: true }),
            displayName: Schema.optionalWith(displayName, { exact: true }),
            email: Schema.optionalWith(email, { exact: true })
          },
          { displayName: "Ada Lovelace" }
        )
      )
      .addSuccess(WholeProfile)
      .addError(ApiProblems.UsernameTaken)
      .addError(ApiProblems.NoUser)
      .addError(ApiProblems.WriteFailed)
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Changes fields of the profile, and drops it from the cache")
  )
  .add(
    HttpApiEndpoint.get("balance", "/api/users/:id/balance")
      .setPath(UserPath)
      .addSuccess(UserBalance)
      .addError(ApiProblems.NoUser)
      .addError(ApiProblems.ReadFailed)
      .annotate(OpenApi.Summary, "The balance, in whole units of the game's currency")
      .annotate(OpenApi.Description, cachedAnswer)
  )
  .add(
    HttpApiEndpoint.put("updateBalance", "/api/users/:id/balance")
      .setPath(UserPath)
      .setPayload(body("NewBalance", { balance: Balance }, { balance: Examples.balance.balance }))
      .addSuccess(UserBalance)
      .addError(ApiProblems.NoUser)
      .addError(ApiProblems.WriteFailed)
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Replaces the balance, in the database and then in the cache")
  )
  .add(
    HttpApiEndpoint.get("stats", "/api/users/:id/stats")
      .setPath(UserPath)
      .addSuccess(Stats)
      .addError(ApiProblems.NoUser)
      .addError(ApiProblems.ReadFailed)
      .annotate(OpenApi.Summary, "The statistics of all games that the user has played")
      .annotate(OpenApi.Description, cachedAnswer)
  )
  .add(
    HttpApiEndpoint.post("recordGame", "/api/users/:id/games")
      .setPath(UserPath)
      .setPayload(body("PlayedGame", { won: Schema.Boolean, score: Balance }, { won: true, score: 1200 }))
      .addSuccess(Stats)
      .addError(ApiProblems.NoUser)
      .addError(ApiProblems.WriteFailed)
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Records a game that the user has played, and answers the new statistics")
  )
  .add(
    HttpApiEndpoint.post("dailyBonus", "/api/users/:id/daily-bonus")
      .setPath(UserPath)
      .addSuccess(UserBalance)
      .addError(ApiProblems.DailyBonusAlreadyClaimed)
      .addError(ApiProblems.NoUser)
      .addError(ApiProblems.WriteFailed)
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Adds the daily bonus to the balance, once in 24 hours")
      .annotate(OpenApi.Description, "`Retry-After` of a 429 says when the next one is due.")
  )
  .add(
    HttpApiEndpoint.post("warmCache", "/api/users/:id/cache")
      .setPath(UserPath)
      .addSuccess(Schema.Struct({ stored: Schema.Int }).annotations({ examples: [{ stored: 3 }] }))
      .addError(ApiProblems.NoUser)
      .addError(ApiProblems.ReadFailed)
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Loads the user into the cache and says how many values it then holds")
  )
  .add(
    HttpApiEndpoint.del("invalidateCache", "/api/users/:id/cache")
      .setPath(UserPath)
      .addSuccess(Schema.Struct({ invalidated: Schema.Boolean }).annotations({ examples: [{ invalidated: true }] }))
      .addError(ApiProblems.InvalidKey)
      .middleware(Authorization)
      .annotate(OpenApi.Summary, "Drops the user from the cache; false while Redis is away")
  )
  .annotate(
    OpenApi.Description,
    "Users: profile, balance, statistics, daily bonus, and what the cache holds of them"
  ) {}
