/**
 * A number that many processes count up and down together, and that never falls below its minimum.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { RedisClient } from "../redis/RedisClient.js"
import { type RedisError, RedisProtocolError } from "../redis/RedisError.js"
import * as RedisScript from "../redis/RedisScript.js"
import { integerFrom, wholeKey, wholeMillis } from "./ArgumentChecks.js"

/**
 * A counter. It is exact up to 2^53 - 1. A key that does not exist counts as 0, or as the minimum where that is greater;
 * so does a stored number below the minimum, whoever wrote it.
 *
 * Neither `increment` nor `decrement` may be repeated blindly after `RedisTimeout` or `RedisConnectionLost`: the first
 * call may have counted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Counter {
  /** Adds one and answers the new count. */
  readonly increment: Effect.Effect<number, RedisError>
  /** Subtracts one, unless the count is at its minimum, and answers the new count. */
  readonly decrement: Effect.Effect<number, RedisError>
  /** The count. A key that holds something other than a string reads as if it did not exist. */
  readonly get: Effect.Effect<number, RedisError>
}

/**
 * Adds `delta` to the count without leaving it below `minimum`, and answers the new count. A `timeToLiveMillis` of 0 leaves the
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
 * A counter under `key`. Without `timeToLive` it is permanent; with it the counter is forgotten, and starts anew, when
 * nothing was counted for so long. Wrong options (a minimum that is no integer, a time that is not positive or longer
 * than a server keeps, a key that belongs to something else) make every count fail with `RedisServerError`, code `ERR`,
 * before anything is sent.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { Counter } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const playersOnline = yield* Counter.make({ key: "counters:players_online" })
 *   yield* playersOnline.increment
 *   return yield* playersOnline.get
 * })
 */
export const make = (options: {
  readonly key: string
  /** default 0 */
  readonly minimum?: number | undefined
  /** default: permanent */
  readonly timeToLive?: Duration.DurationInput | undefined
}): Effect.Effect<Counter, never, RedisClient> =>
  Effect.map(RedisClient, (client) => {
    const { key, minimum = 0, timeToLive } = options
    const checkedKey = wholeKey(addScript.name, client, key)
    const checked = Effect.zipRight(
      integerFrom(addScript.name, "the minimum", Number.MIN_SAFE_INTEGER, minimum),
      timeToLive === undefined ? Effect.succeed(0) : wholeMillis(addScript.name, "the time to live", timeToLive)
    )
    const run = client.run(addScript)
    const add = (delta: number) =>
      Effect.flatMap(Effect.zipRight(checkedKey, checked), (timeToLiveMillis) =>
        run({ key, delta, minimum, timeToLiveMillis })
      )

    return {
      increment: add(1),
      decrement: add(-1),
      get: Effect.flatMap(Effect.zipRight(checkedKey, client.get(key)), (stored) => {
        const count = Number(Option.getOrElse(stored, () => "0"))
        return Number.isSafeInteger(count)
          ? Effect.succeed(Math.max(count, minimum))
          : Effect.fail(
              new RedisProtocolError({ command: "GET", detail: `${key} does not hold an integer that is exact` })
            )
      })
    }
  })
