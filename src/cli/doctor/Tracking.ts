/**
 * Whether `local.tracking` hears changes by other programs, tried as a cache would: on a prefix of the check's own, under which
 * there are no keys. It shows the rights to the commands and to the channel, on each primary of a cluster.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { RedisClient } from "../../redis/RedisClient.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import type { Finding } from "./Finding.js"

/** A server may take so long to grant or refuse it. */
const patience = "3 seconds"

/** What the servers decide; none where they are too slow. */
const decision = (client: RedisClient.Service, prefix: string) =>
  Effect.suspend(() => {
    const decided = Deferred.unsafeMake<RedisExecutor.TrackingState>(FiberId.none)
    const listening = RedisExecutor.of(client).track?.(prefix, (event) => {
      if (event._tag === "State" && event.state._tag !== "Connecting") {
        Deferred.unsafeDone(decided, Effect.succeed(event.state))
      }
    })
    return listening === undefined
      ? Effect.succeedNone
      : Effect.raceFirst(Deferred.await(decided), listening).pipe(Effect.timeoutOption(patience))
  })

/** `caches` are those that ask for `local.tracking`. Where no cache is known to, a refusal is only worth knowing. */
export const findings = (
  client: RedisClient.Service,
  prefix: string,
  caches: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(Effect.option(decision(client, prefix)), (decided): ReadonlyArray<Finding> => {
    const state = Option.getOrUndefined(Option.flatten(decided))
    const finding = { check: "tracking", server: undefined } as const
    if (state?._tag === "Active") {
      return [{ ...finding, level: "ok", message: "local.tracking of a cache hears changes by other programs" }]
    }
    const who =
      caches.length === 0 ? "a cache with local.tracking would not hear" : `${caches.join(", ")} will not hear`
    const [reason, remedy] =
      state?._tag === "Refused"
        ? [state.reason, `${state.remedy} (docs/tracking.md)`]
        : [`no answer in ${patience}`, "run the check again when the server is less busy"]
    return [
      {
        ...finding,
        level: caches.length === 0 ? "note" : "warning",
        message: `${who} changes by other programs: ${reason}`,
        remedy
      }
    ]
  })
