/**
 * Handles the users: profile, balance, statistics, daily bonus and cached values.
 *
 * @since 0.1.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { UserProfile } from "../../game/Player.js"
import { PlayerService } from "../../game/PlayerService.js"
import { Api } from "../contract/Api.js"
import { retryLater } from "../contract/Overload.js"
import * as Handling from "../middleware/Handling.js"
import * as CacheStatus from "../router/CacheStatus.js"
import * as RateLimitHeaders from "../router/RateLimitHeaders.js"
import { ApiToken } from "../token/ApiToken.js"
import { DatabaseFailures } from "./DatabaseFailures.js"
import * as Location from "./Location.js"
import * as WarmReads from "./WarmReads.js"

const dailyBonus: RateLimitHeaders.Policy = { name: "daily-bonus", quota: 1, window: Duration.days(1) }

/** Removes the e-mail address for requests without the token: the leaderboard names every player. */
const withoutEmail = ({ createdAt, displayName, id, username }: UserProfile) => ({
  id,
  username,
  displayName,
  createdAt
})

/**
 * Handles the endpoints of the group.
 *
 * @since 0.1.0
 * @category handlers
 */
export const layer = HttpApiBuilder.group(Api, "users", (handlers) =>
  Effect.gen(function* () {
    const players = yield* PlayerService
    const { databaseFailed, writeFailed } = yield* DatabaseFailures
    const token = yield* ApiToken
    const reads = yield* WarmReads.make
    return Handling.marked(
      handlers
        .handle("create", ({ payload }) =>
          players.createUser(payload).pipe(
            Effect.tap(({ id }) => Location.tell(`/api/users/${encodeURIComponent(id)}/profile`)),
            Effect.catchTag("DatabaseError", writeFailed)
          )
        )
        .handle("profile", ({ path, request }) =>
          reads.profile(request, path.id).pipe(
            CacheStatus.report,
            retryLater,
            Effect.map((profile) => (token.check(request) === "Right" ? profile : withoutEmail(profile))),
            Effect.catchTag("DatabaseError", databaseFailed)
          )
        )
        .handle("updateProfile", ({ path, payload }) =>
          players.updateUserProfile(path.id, payload).pipe(Effect.catchTag("DatabaseError", writeFailed))
        )
        .handle("balance", ({ path, request }) =>
          reads.balance(request, path.id).pipe(
            CacheStatus.report,
            retryLater,
            Effect.map((balance) => ({ userId: path.id, balance })),
            Effect.catchTag("DatabaseError", databaseFailed)
          )
        )
        .handle("updateBalance", ({ path, payload }) =>
          players.updateUserBalance(path.id, payload.balance).pipe(
            Effect.map((balance) => ({ userId: path.id, balance })),
            Effect.catchTag("DatabaseError", writeFailed)
          )
        )
        .handle("stats", ({ path, request }) =>
          reads
            .stats(request, path.id)
            .pipe(CacheStatus.report, retryLater, Effect.catchTag("DatabaseError", databaseFailed))
        )
        .handle("recordGame", ({ path, payload }) =>
          players.recordGame(path.id, payload).pipe(Effect.catchTag("DatabaseError", writeFailed))
        )
        .handle("dailyBonus", ({ path }) =>
          players.claimDailyBonus(path.id).pipe(
            Effect.tap(() => RateLimitHeaders.report(dailyBonus, { remaining: 0, resetAfter: dailyBonus.window })),
            Effect.tapErrorTag("DailyBonusAlreadyClaimed", ({ retryAfter }) =>
              RateLimitHeaders.reportExceeded(dailyBonus, { resetAfter: retryAfter, retryAfter })
            ),
            Effect.map((balance) => ({ userId: path.id, balance })),
            Effect.catchTag("DatabaseError", writeFailed)
          )
        )
        .handle("warmCache", ({ path }) =>
          players.warmUserCache(path.id).pipe(
            retryLater,
            Effect.map((stored) => ({ stored })),
            Effect.catchTag("DatabaseError", databaseFailed)
          )
        )
        .handle("invalidateCache", ({ path }) =>
          Effect.map(players.invalidateUser(path.id), (invalidated) => ({ invalidated }))
        )
    )
  })
)
