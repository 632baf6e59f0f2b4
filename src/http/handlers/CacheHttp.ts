/**
 * Handles the statistics of the caches.
 *
 * @since 0.1.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import { CacheService } from "../../game/CacheService.js"
import { Api } from "../contract/Api.js"
import * as Handling from "../middleware/Handling.js"

/**
 * Handles the endpoints of the group.
 *
 * @since 0.1.0
 * @category handlers
 */
export const layer = HttpApiBuilder.group(Api, "cache", (handlers) =>
  Effect.map(CacheService, (cache) => Handling.marked(handlers.handle("stats", () => cache.getStats)))
)
