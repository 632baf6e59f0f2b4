/**
 * Fibers that use a client as hard as they can and notice every answer that cannot be theirs.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisError } from "../../../src/redis/RedisError.js"
import { eventually } from "../faults/FaultSuite.js"

export interface Callers {
  /** answers that were somebody else's, or that had forgotten what was acknowledged */
  readonly mistakes: ReadonlyArray<string>
  /** how often each error was met, by its tag, reason or code */
  readonly errors: ReadonlyMap<string, number>
  /** calls that succeeded so far */
  readonly answered: () => number
  readonly stop: Effect.Effect<void>
}

export const nameOf = (error: RedisError): string =>
  error._tag === "RedisUnavailable" || error._tag === "RedisAuthError"
    ? `${error._tag} ${error.reason}`
    : error._tag === "RedisServerError"
      ? `${error._tag} ${error.code}`
      : error._tag

/**
 * Each caller writes values that nobody else writes under a key of its own, counts on a counter of its own, and reads
 * both back. Where the server keeps its data, what was acknowledged must still be there; `forgets` is for those that
 * are killed.
 */
export const start = (redis: RedisClient.Service, count: number, options: { readonly forgets?: boolean } = {}) =>
  Effect.gen(function* () {
    const mistakes: Array<string> = []
    const errors = new Map<string, number>()
    let answered = 0

    const attempt = <A>(call: Effect.Effect<A, RedisError>): Effect.Effect<Option.Option<A>> =>
      Effect.map(Effect.either(call), (result) => {
        if (Either.isRight(result)) {
          answered++
          return Option.some(result.right)
        }
        const name = nameOf(result.left)
        errors.set(name, (errors.get(name) ?? 0) + 1)
        return Option.none()
      })

    const caller = (id: number) =>
      Effect.gen(function* () {
        const key = `caller:${id}`
        let written = 0
        let acknowledged = 0
        let counted = 0
        let highest = 0
        while (true) {
          written++
          if (Option.isSome(yield* attempt(redis.set(key, `${id}/${written}`)))) acknowledged = written
          const read = yield* attempt(redis.get(key))
          if (Option.isSome(read)) {
            const [owner, number] = Option.getOrElse(read.value, () => `${id}/0`).split("/")
            if (owner !== `${id}`) mistakes.push(`caller ${id} read a value of caller ${owner}`)
            if (Number(number) > written) mistakes.push(`caller ${id} read ${number}, which it has not written yet`)
            if (options.forgets !== true && Number(number) < acknowledged) {
              mistakes.push(`caller ${id} read ${number} although ${acknowledged} was acknowledged`)
            }
          }
          counted++
          const count = yield* attempt(redis.incr(`count:${id}`))
          if (Option.isSome(count)) {
            if (count.value > counted) mistakes.push(`caller ${id} counted ${counted} times and is at ${count.value}`)
            if (options.forgets !== true && count.value <= highest) mistakes.push(`caller ${id} counted backwards`)
            highest = count.value
          }
          // rejections take no time: without a pause they would starve everything else
          yield* Effect.sleep("1 millis")
        }
      })

    const fiber = yield* Effect.forkScoped(
      Effect.forEach(
        Array.from({ length: count }, (_, i) => i),
        caller,
        { concurrency: "unbounded", discard: true }
      )
    )
    const callers: Callers = { mistakes, errors, answered: () => answered, stop: Effect.asVoid(Fiber.interrupt(fiber)) }
    return callers
  })

/** Waits until the callers get answers again. */
export const answeredAgain = (callers: Callers): Effect.Effect<void> =>
  Effect.suspend(() => {
    const before = callers.answered()
    return eventually(
      "callers are answered again",
      Effect.sync(() => callers.answered() > before + 100)
    )
  })
