/**
 * Handles the leaderboard: a page of it, and the rank of one user.
 *
 * @since 0.1.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import { PlayerService } from "../../game/PlayerService.js"
import { Api } from "../contract/Api.js"
import { retryLater } from "../contract/Overload.js"
import * as Handling from "../middleware/Handling.js"
import * as CacheStatus from "../router/CacheStatus.js"
import { DatabaseFailures } from "./DatabaseFailures.js"

/**
 * Handles the endpoints of the group.
 *
 * @since 0.1.0
 * @category handlers
 */
export const layer = HttpApiBuilder.group(Api, "leaderboards", (handlers) =>
  Effect.gen(function* () {
    const players = yield* PlayerService
    const { databaseFailed } = yield* DatabaseFailures
    return Handling.marked(
      handlers
        .handle("top", ({ urlParams }) =>
          players.readLeaderboard(urlParams).pipe(
            CacheStatus.report,
            retryLater,
            Effect.map((entries) => ({ entries })),
            Effect.catchTag("DatabaseError", databaseFailed)
          )
        )
        .handle("rank", ({ path }) =>
          players.getLeaderboardRank(path.id).pipe(retryLater, Effect.catchTag("DatabaseError", databaseFailed))
        )
    )
  })
)
