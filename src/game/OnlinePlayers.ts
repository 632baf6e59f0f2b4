/**
 * How many players are online: players with a heartbeat, and players that were only counted.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Counter from "../coordination/Counter.js"
import * as Presence from "../coordination/Presence.js"
import type { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import { UserId } from "./Player.js"

/**
 * Everything answers how many are online, of both kinds together.
 *
 * @since 0.1.0
 * @category models
 */
export interface OnlinePlayers {
  readonly count: Effect.Effect<number, RedisError>
  /** A player is online for `onlineFor` from now on. */
  readonly beat: (userId: UserId) => Effect.Effect<number, RedisError>
  readonly leave: (userId: UserId) => Effect.Effect<number, RedisError>
  /** Counts somebody more, until somebody less is counted: nobody notices when that never happens. */
  readonly increment: Effect.Effect<number, RedisError>
  /** Counts somebody less, never below none. */
  readonly decrement: Effect.Effect<number, RedisError>
}

/** How long a player is online after a beat. */
const onlineFor = "1 minute"

/** kept under `counters:players_online` and `presence:players_online` */
const key = "players_online"

/**
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<OnlinePlayers, never, RedisClient> = Effect.gen(function* () {
  const counter = yield* Counter.make({ key })
  const presence = yield* Presence.make({
    key,
    timeToLive: onlineFor,
    member: UserId
  })

  const together = (anonymous: Effect.Effect<number, RedisError>, known: Effect.Effect<number, RedisError>) =>
    Effect.zipWith(anonymous, known, (some, others) => Math.min(some + others, Number.MAX_SAFE_INTEGER), {
      concurrent: true
    })

  return {
    count: together(counter.get, presence.count),
    beat: (userId) => together(counter.get, presence.beat(userId)),
    leave: (userId) => together(counter.get, presence.leave(userId)),
    increment: together(counter.increment, presence.count),
    decrement: together(counter.decrement, presence.count)
  }
})
