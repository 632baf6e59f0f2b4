/**
 * Caches that hear their channel. A cache drops what it holds when its subscription begins, and callers from before and after
 * share no load. A test that counts loads begins after that moment, which a busy server puts off.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisCommands from "../../../src/redis/RedisCommands.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"
import { until } from "../until.js"

/** How many listeners of each client have heard their first event, which says that the subscription has begun. */
const begun = new WeakMap<RedisClient.Service, { count: number }>()

/** A client for `whenListening`: a copy that counts. */
export const counted = (redis: RedisClient.Service): RedisClient.Service => {
  const executor = RedisExecutor.of(redis)
  const listeners = { count: 0 }
  const client = RedisCommands.fromExecutor({
    ...executor,
    listen: (channel, onEvent) => {
      let hasBegun = false
      return executor.listen(channel, (event) => {
        onEvent(event)
        if (!hasBegun) listeners.count++
        hasBegun = true
      })
    }
  })
  begun.set(client, listeners)
  return client
}

/** A layer whose client is for `whenListening`. */
export const countingListeners = <R>(layer: Layer.Layer<RedisClient | R>): Layer.Layer<RedisClient | R> =>
  Layer.map(layer, (context) => Context.add(context, RedisClient, counted(Context.get(context, RedisClient))))

/** Builds a cache, and returns it when its subscription has begun. On a client that does not count it waits for nothing. */
export const whenListening = <A, E, R>(cache: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | RedisClient> =>
  Effect.gen(function* () {
    const listeners = begun.get(yield* RedisClient)
    const before = listeners?.count ?? 0
    const made = yield* cache
    if (listeners !== undefined) yield* until("its subscription has begun", () => listeners.count > before)
    return made
  })
