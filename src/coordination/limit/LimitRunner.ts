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
import * as JointScript from "./joint/JointScript.js"
import { block, type Consumed, type Input, type LimitScript, type LimitScripts, type Usage } from "./LimitScript.js"
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
  readonly penalize: (input: Input) => Effect.Effect<Usage, E>
  /** Rejects every call for a time in milliseconds, after which the limit starts anew. */
  readonly block: (key: string, millis: number, name?: string) => Effect.Effect<void, E>
  readonly reset: (key: string, name?: string) => Effect.Effect<void, E>
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
    penalize: client.run(scripts.penalize),
    block: (key, millis, name) => Effect.asVoid(client.run(block)({ key: scripts.keyOf(key, name), millis })),
    reset: (key, name) => Effect.asVoid(client.del(scripts.keyOf(key, name)))
  }))

/**
 * One limit of a call of several limits.
 *
 * @since 0.2.0
 * @category models
 */
export interface JointCall {
  readonly scripts: LimitScripts
  readonly input: Input
}

/**
 * Runs the scripts of several limits on the server of a client. The script of each sequence of algorithms is prepared once.
 *
 * @since 0.2.0
 * @category constructors
 */
export const jointOnClient = (
  client: RedisClient.Service
): ((calls: ReadonlyArray<JointCall>, takes: boolean) => Effect.Effect<ReadonlyArray<Consumed>, RedisError>) => {
  const made = new Map<string, (input: JointScript.JointInput) => Effect.Effect<ReadonlyArray<Consumed>, RedisError>>()
  return (calls, takes) => {
    const sequence = calls.map(({ scripts }) => scripts.consume.name).join(" ")
    const run = made.get(sequence) ?? client.run(JointScript.make(calls.map(({ scripts }) => scripts)))
    made.set(sequence, run)
    return run({ inputs: calls.map(({ input }) => input), takes })
  }
}

/**
 * The models of scripts on keys inside the process.
 *
 * @since 0.2.0
 * @category models
 */
export interface InProcess {
  readonly of: (scripts: LimitScripts) => LimitRunner<never>
  readonly joint: (calls: ReadonlyArray<JointCall>, takes: boolean) => Effect.Effect<ReadonlyArray<Consumed>>
}

/** how many keys are counted in the process; beyond them the ones used least recently give way */
const capacity = 10_000

/**
 * Runs the models of scripts on keys inside the process. It needs no scope: what it has counted goes with it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const inProcess = (): InProcess => {
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
  return {
    of: once((scripts) => ({
      consume: run(scripts.consume),
      peek: run(scripts.peek),
      refund: run(scripts.refund),
      penalize: run(scripts.penalize),
      block: (key, millis, name) =>
        Effect.map(MonotonicClock.millis, (now) => keys.block(scripts.keyOf(key, name), Math.floor(now) + millis)),
      reset: (key, name) => Effect.sync(() => keys.forget(scripts.keyOf(key, name)))
    })),
    joint: (calls, takes) =>
      Effect.map(MonotonicClock.millis, (millis) => {
        const now = Math.floor(millis)
        const limits = calls.map(({ input, scripts }) => ({
          scripts,
          key: scripts.keyOf(input.key, input.name),
          input
        }))
        return JointScript.decide(limits, takes, now * 1_000, keys.callAt(now))
      })
  }
}
