/**
 * What other programs do to the keys of a cache, as the server pushes it. A push counts as the message of another process
 * (rule 11 of docs/protocol.md). Pushes of this process's own writes cost a local entry.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as KeyOwner from "../../redis/KeyOwner.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import type { LocalInvalidation } from "./LocalInvalidation.js"

const unsupported = new RedisExecutor.TrackingUnavailable({
  message: "this client, such as that of a cluster, has none"
})

/**
 * Listens as long as the scope is open. Logs one warning where nothing can be heard.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  executor: RedisExecutor.RedisExecutor,
  name: string,
  local: Pick<LocalInvalidation, "invalidateLocally">
): Effect.Effect<void, never, Scope.Scope> => {
  const listen =
    executor.track?.(`${name}:`, (event) => {
      if (event._tag !== "Key") local.invalidateLocally({ _tag: "Clear" })
      // a name may begin with this one and a colon
      else if (KeyOwner.nameOf(event.key) === name) local.invalidateLocally(event)
    }) ?? Effect.fail(unsupported)
  return listen.pipe(
    Effect.catchAll((error) =>
      error._tag === "RedisUnavailable"
        ? Effect.void
        : Effect.logWarning(
            `cache "${name}": local.tracking hears no changes by other programs; only its local time to live bounds the age ` +
              `of local entries then: ${error.message}`
          )
    ),
    Effect.interruptible,
    Effect.forkScoped,
    Effect.asVoid
  )
}
