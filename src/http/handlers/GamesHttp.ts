/**
 * Handles the running games.
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
import * as Location from "./Location.js"

/**
 * Handles the endpoints of the group.
 *
 * @since 0.1.0
 * @category handlers
 */
export const layer = HttpApiBuilder.group(Api, "games", (handlers) =>
  Effect.gen(function* () {
    const players = yield* PlayerService
    const { databaseFailed, writeFailed } = yield* DatabaseFailures
    return Handling.marked(
      handlers
        .handle("start", ({ payload }) =>
          players.startGame(payload.players).pipe(
            Effect.tap(({ id }) => Location.tell(`/api/games/${encodeURIComponent(id)}`)),
            Effect.catchTag("DatabaseError", writeFailed)
          )
        )
        .handle("state", ({ path }) =>
          players
            .readGame(path.id)
            .pipe(CacheStatus.report, retryLater, Effect.catchTag("DatabaseError", databaseFailed))
        )
        .handle("end", ({ path }) => players.endGame(path.id).pipe(Effect.catchTag("DatabaseError", databaseFailed)))
    )
  })
)
