/**
 * Handles the counters of online players and running games.
 *
 * @since 0.1.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CacheService } from "../../game/CacheService.js"
import type { UserId } from "../../game/Player.js"
import * as RedisKey from "../../redis/RedisKey.js"
import { Api } from "../contract/Api.js"
import * as Handling from "../middleware/Handling.js"

/**
 * Handles the endpoints of the group.
 *
 * @since 0.1.0
 * @category handlers
 */
export const layer = HttpApiBuilder.group(Api, "counters", (handlers) =>
  Effect.gen(function* () {
    const cache = yield* CacheService

    const counted = (id: UserId, count: (id: UserId) => Effect.Effect<Option.Option<number>>) =>
      RedisKey.make("user", id).pipe(
        Effect.zipRight(count(id)),
        Effect.map(Option.match({ onNone: () => undefined, onSome: (onlinePlayers) => ({ onlinePlayers }) }))
      )

    return Handling.marked(
      handlers
        .handle("read", () => Effect.all({ onlinePlayers: cache.getOnlinePlayers, activeGames: cache.getActiveGames }))
        .handle("online", ({ path }) => counted(path.id, cache.playerOnline))
        .handle("offline", ({ path }) => counted(path.id, cache.playerOffline))
    )
  })
)
