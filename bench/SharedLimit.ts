/**
 * The limit of a typed read from Redis: what no cache can do without, and nothing else. Keys that are asked for at the same
 * time travel as one MGET; each text is parsed and validated, and its caller resumes. Nothing is ever invalidated,
 * expired, looked up or counted.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as CacheCodec from "../src/cache/entry/CacheCodec.js"
import * as Callback from "../src/internal/Callback.js"
import type { RedisClient } from "../src/redis/RedisClient.js"
import * as RedisExecutor from "../src/redis/RedisExecutor.js"
import { effectful, type Subject } from "./Measure.js"
import { Profile } from "./Profile.js"
import { textKeys } from "./Subjects.js"

export const name = "MGET + JSON.parse + validation"

/** as the toolkit does: callers resume in parts, so that the server works for the first ones while the others resume */
const parts = 4
const leastPart = 8

type Told = (profile: Effect.Effect<Profile>) => void

interface Gathering {
  readonly keys: Array<string>
  readonly callers: Array<Told>
}

export const sharedLimit = (client: RedisClient.Service): Subject => {
  const executor = RedisExecutor.of(client)
  const codec = CacheCodec.make(Profile)
  let gathering: Gathering | undefined

  const valueOf = (text: string | undefined): Effect.Effect<Profile> =>
    text === undefined ? Exit.die("the key holds nothing") : Effect.orDie(codec.decode(text))

  const tell = ({ callers }: Gathering, texts: ReadonlyArray<string | undefined>) => {
    const part = Math.max(leastPart, Math.ceil(callers.length / parts))
    let told = 0
    const tellPart = () => {
      for (const end = Math.min(told + part, callers.length); told < end; told++) callers[told]?.(valueOf(texts[told]))
      if (told < callers.length) setImmediate(tellPart)
    }
    tellPart()
  }

  const send = (sent: Gathering) =>
    RedisExecutor.unsafeReadTexts(
      executor,
      () => {
        gathering = undefined
        return sent.keys
      },
      (exit) => {
        if (Exit.isSuccess(exit)) return tell(sent, exit.value.value)
        for (const caller of sent.callers) caller(Exit.die(exit.cause))
      }
    )

  const read = Callback.inTurnOf<string, Profile, never>((resume, _caller, key) => {
    const begins = gathering === undefined
    gathering ??= { keys: [], callers: [] }
    gathering.keys.push(key)
    gathering.callers.push(resume)
    if (begins) send(gathering)
  })
  return effectful(name, (index) => read(textKeys(index)))
}
