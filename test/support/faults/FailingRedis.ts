/**
 * A client that a test can make fail and recover.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisError } from "../../../src/redis/RedisError.js"
import * as Executors from "./Executors.js"

export type Failure = Ref.Ref<Option.Option<RedisError>>

export const failure: Effect.Effect<Failure> = Ref.make(Option.none<RedisError>())

/** While `failure` holds an error, each command fails with it before it reaches the client. */
export const layer = <E>(failure: Failure, client: Layer.Layer<RedisClient, E>): Layer.Layer<RedisClient, E> =>
  Layer.effect(
    RedisClient,
    Effect.map(RedisClient, (redis) => {
      const gate = <A>(operation: Effect.Effect<A, RedisError>): Effect.Effect<A, RedisError> =>
        Effect.flatMap(Ref.get(failure), Option.match({ onNone: () => operation, onSome: Effect.fail }))
      const failing = Executors.replacing(redis, (executor) => ({
        script: (script, input) => gate(executor.script(script, input)),
        unsafeMget: (keys, onReply) =>
          Option.match(Effect.runSync(Ref.get(failure)), {
            onNone: () => executor.unsafeMget(keys, onReply),
            onSome: (error) => onReply(Exit.fail(error))
          }),
        unsafeScript: (script, input, onReply) =>
          Option.match(Effect.runSync(Ref.get(failure)), {
            onNone: () => executor.unsafeScript(script, input, onReply),
            onSome: (error) => onReply(Exit.fail(error))
          })
      }))
      return RedisClient.of({
        ...failing,
        get: (key) => gate(redis.get(key)),
        set: (key, value, options) => gate(redis.set(key, value, options)),
        del: (...keys) => gate(redis.del(...keys)),
        delPattern: (pattern, options) => gate(redis.delPattern(pattern, options)),
        flushDb: gate(redis.flushDb),
        zrevrangeWithScores: (key, start, stop) => gate(redis.zrevrangeWithScores(key, start, stop)),
        isAvailable: Effect.map(Ref.get(failure), Option.isNone)
      })
    })
  ).pipe(Layer.provide(client))
