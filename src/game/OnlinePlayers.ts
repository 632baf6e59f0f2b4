/**
 * Counts the players online: known players by heartbeat, and anonymous ones by a counter.
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
 * Every operation answers the number of players online, known and anonymous.
 *
 * @since 0.1.0
 * @category models
 */
export interface OnlinePlayers {
  readonly count: Effect.Effect<number, RedisError>
  /** Marks a player as online for `onlineFor`. */
  readonly beat: (userId: UserId) => Effect.Effect<number, RedisError>
  readonly leave: (userId: UserId) => Effect.Effect<number, RedisError>
  /** Counts one anonymous player more, until `decrement`. A missed `decrement` is never corrected. */
  readonly increment: Effect.Effect<number, RedisError>
  /** Counts one anonymous player less, never below 0. */
  readonly decrement: Effect.Effect<number, RedisError>
}

/** How long a player stays online after a heartbeat. */
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
