/**
 * Counts up and down for all processes together, and never below a minimum.
 *
 * @since 0.1.0
 */

import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as OptionCheck from "../internal/input/OptionCheck.js"
import * as ArgumentCheck from "../redis/ArgumentCheck.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import { type RedisError, RedisProtocolError } from "../redis/RedisError.js"
import * as RedisScript from "../redis/RedisScript.js"

/**
 * A counter, exact up to 2^53 - 1. A missing key counts as 0, or as the minimum where that is greater. A stored number below
 * the minimum counts as the minimum.
 *
 * Do not repeat `increment` or `decrement` after `RedisTimeout` or `RedisConnectionLost`: the first call may have counted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Counter {
  /** Adds one and returns the new count. */
  readonly increment: Effect.Effect<number, RedisError>
  /** Subtracts one, unless the count is at its minimum, and returns the new count. */
  readonly decrement: Effect.Effect<number, RedisError>
  /** Reads the count. A key that holds no string reads as missing. May be repeated. */
  readonly get: Effect.Effect<number, RedisError>
}

/**
 * Adds `delta` to the count, keeps it at `minimum` or above, and replies the new count. A `timeToLiveMillis` of 0 leaves the
 * key's time to live as it is.
 *
 * @since 0.1.0
 * @category scripts
 */
export const addScript = RedisScript.make({
  name: "counter.add",
  idempotent: false,
  keys: (input: {
    readonly key: string
    readonly delta: number
    readonly minimum: number
    readonly timeToLiveMillis: number
  }) => [input.key],
  args: (input) => [input.delta, input.minimum, input.timeToLiveMillis],
  lua: `
    local delta, minimum = tonumber(ARGV[1]), tonumber(ARGV[2])
    local added = redis.call("INCRBY", KEYS[1], ARGV[1])
    local count = math.max(math.max(added - delta, minimum) + delta, minimum)
    if count ~= added then redis.call("SET", KEYS[1], string.format("%.0f", count), "KEEPTTL") end
    if tonumber(ARGV[3]) > 0 then redis.call("PEXPIRE", KEYS[1], ARGV[3]) end
    return math.floor(count)
  `,
  reply: Schema.Int,
  model: ({ keys: [key = ""], args: [delta = "", minimum = "", timeToLiveMillis = ""], call }) => {
    const added = Number(call("INCRBY", key, delta))
    const before = Math.max(added - Number(delta), Number(minimum))
    const count = Math.max(before + Number(delta), Number(minimum))
    if (count !== added) call("SET", key, String(count), "KEEPTTL")
    if (Number(timeToLiveMillis) > 0) call("PEXPIRE", key, timeToLiveMillis)
    return count
  }
})

/**
 * How a counter counts.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** the name of the counter, kept under `counters:<key>` */
  readonly key: string
  /** the least count, an integer; default 0 */
  readonly minimum?: number | undefined
  /** how long the count is kept after it last changed; default: for ever */
  readonly timeToLive?: Duration.DurationInput | undefined
}

/**
 * Makes a counter under `counters:<key>`. With a `timeToLive` it starts anew when nothing was counted for that long.
 *
 * Dies with `InvalidOption` when the minimum is no integer, or the time to live is not positive or longer than a server keeps.
 * Every operation fails with `InvalidArgument` when something else owns the key.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { Counter } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const playersOnline = yield* Counter.make({ key: "players_online" })
 *   yield* playersOnline.increment
 *   return yield* playersOnline.get
 * })
 */
export const make = (options: Options): Effect.Effect<Counter, never, RedisClient> =>
  Effect.map(RedisClient, (client) => {
    const check = OptionCheck.make(`Counter ${JSON.stringify(options.key)}`)
    const { minimum = 0 } = options
    if (!Number.isSafeInteger(minimum)) check.reject("minimum", minimum, "an integer whose size is below 2^53")
    const timeToLiveMillis =
      options.timeToLive === undefined ? 0 : ArgumentCheck.optionMillis(check, "timeToLive", options.timeToLive)
    const checkedKey = KeyOwner.keyOf(addScript.name, client, "counters", options.key)
    const run = client.run(addScript)
    const add = (delta: number) => Effect.flatMap(checkedKey, (key) => run({ key, delta, minimum, timeToLiveMillis }))

    return {
      increment: add(1),
      decrement: add(-1),
      get: Effect.flatMap(checkedKey, (key) =>
        Effect.flatMap(client.get(key), (stored) => {
          const count = Number(Option.getOrElse(stored, () => "0"))
          return Number.isSafeInteger(count)
            ? Effect.succeed(Math.max(count, minimum))
            : Effect.fail(new RedisProtocolError({ command: "GET", detail: `${key} does not hold an exact integer` }))
        })
      )
    }
  })
