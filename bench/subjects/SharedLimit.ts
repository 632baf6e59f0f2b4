/**
 * The limit of a typed read from Redis: only the work that no cache can omit. Concurrent keys travel as one MGET. Each text is
 * parsed and validated before its caller resumes. Nothing is invalidated, expires, is looked up or counted.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as CacheCodec from "../../src/cache/entry/CacheCodec.js"
import * as Callback from "../../src/internal/effect/Callback.js"
import type { RedisClient } from "../../src/redis/RedisClient.js"
import * as RedisExecutor from "../../src/redis/RedisExecutor.js"
import { effectful, type Subject } from "../measure/Measure.js"
import { Profile } from "./Profile.js"
import { textKeys } from "./Subjects.js"

export const name = "MGET + JSON.parse + validation"

/** as in the toolkit: callers resume in parts, so that the server works for the first ones while the others resume */
const parts = 4
const leastPart = 8

type Resume = (profile: Effect.Effect<Profile>) => void

/** The reads of one turn of the event loop. */
interface MgetBatch {
  readonly keys: Array<string>
  readonly callers: Array<Resume>
}

export const sharedLimit = (client: RedisClient.Service): Subject => {
  const executor = RedisExecutor.of(client)
  const codec = CacheCodec.make(Profile)
  let pending: MgetBatch | undefined

  const valueOf = (text: string | undefined): Effect.Effect<Profile> =>
    text === undefined ? Exit.die("the key holds nothing") : Effect.orDie(codec.decode(text))

  const resume = ({ callers }: MgetBatch, texts: ReadonlyArray<string | undefined>) => {
    const part = Math.max(leastPart, Math.ceil(callers.length / parts))
    let next = 0
    const resumePart = () => {
      for (const end = Math.min(next + part, callers.length); next < end; next++) callers[next]?.(valueOf(texts[next]))
      if (next < callers.length) setImmediate(resumePart)
    }
    resumePart()
  }

  const send = (batch: MgetBatch) =>
    RedisExecutor.unsafeReadTexts(
      executor,
      () => {
        pending = undefined
        return batch.keys
      },
      (exit) => {
        if (Exit.isSuccess(exit)) return resume(batch, exit.value.value)
        for (const caller of batch.callers) caller(Exit.die(exit.cause))
      }
    )

  const read = Callback.inTurnOf<string, Profile, never>((caller, _fiber, key) => {
    const isFirst = pending === undefined
    pending ??= { keys: [], callers: [] }
    pending.keys.push(key)
    pending.callers.push(caller)
    if (isFirst) send(pending)
  })
  return effectful(name, (index) => read(textKeys(index)))
}
