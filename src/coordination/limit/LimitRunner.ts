/**
 * Runs the scripts of a limit: on a client, or with their models inside the process.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisReply } from "../../redis/RedisConnection.js"
import type { RedisError } from "../../redis/RedisError.js"
import type { Consumed, Input, LimitScript, LimitScripts, Usage } from "./LimitScript.js"
import * as LocalKeys from "./LocalKeys.js"

/**
 * The scripts of one algorithm, ready to run. `E` is how a run can fail.
 *
 * @since 0.1.0
 * @category models
 */
export interface LimitRunner<out E> {
  readonly consume: (input: Input) => Effect.Effect<Consumed, E>
  readonly peek: (input: Input) => Effect.Effect<Usage, E>
  readonly refund: (input: Input) => Effect.Effect<Usage, E>
  readonly reset: (key: string) => Effect.Effect<void, E>
}

/** Prepares each algorithm's scripts once, when a limit of it is first used. */
const once = <E>(make: (scripts: LimitScripts) => LimitRunner<E>): ((scripts: LimitScripts) => LimitRunner<E>) => {
  const made = new Map<LimitScripts, LimitRunner<E>>()
  return (scripts) => {
    const known = made.get(scripts)
    if (known !== undefined) return known
    const runner = make(scripts)
    made.set(scripts, runner)
    return runner
  }
}

/**
 * Runs scripts on the server of a client.
 *
 * @since 0.1.0
 * @category constructors
 */
export const onClient = (client: RedisClient.Service): ((scripts: LimitScripts) => LimitRunner<RedisError>) =>
  once((scripts) => ({
    consume: client.run(scripts.consume),
    peek: client.run(scripts.peek),
    refund: client.run(scripts.refund),
    reset: (key) => Effect.asVoid(client.del(scripts.keyOf(key)))
  }))

/** how many keys are counted in the process; beyond them the ones used least recently give way */
const capacity = 10_000

/**
 * Runs the models of scripts on keys inside the process. It needs no scope: what it has counted goes with it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const inProcess = (): ((scripts: LimitScripts) => LimitRunner<never>) => {
  const keys = LocalKeys.make(capacity)
  const run =
    <Reply extends RedisReply>(script: LimitScript<Reply>) =>
    (input: Input): Effect.Effect<Reply> =>
      // in whole milliseconds: a key's time to live has no parts of them
      Effect.map(MonotonicClock.millis, (now) =>
        script.model({
          keys: script.keys(input),
          args: script.args(input).map(String),
          call: keys.callAt(Math.floor(now))
        })
      )
  return once((scripts) => ({
    consume: run(scripts.consume),
    peek: run(scripts.peek),
    refund: run(scripts.refund),
    reset: (key) => Effect.sync(() => keys.forget(scripts.keyOf(key)))
  }))
}
