/**
 * Runs scripts on a server by their hash. A script is sent whole while this process computes its hash. It is also sent whole
 * when the server does not know it, after SCRIPT FLUSH, a restart or a failover. EVAL then loads it.
 *
 * @internal
 */
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Callback from "../../internal/effect/Callback.js"
import type { RedisArgument, RedisReply } from "../RedisConnection.js"
import type { RedisError } from "../RedisError.js"
import type { RedisExecutor, WithGeneration } from "../RedisExecutor.js"
import type { RedisScript } from "../RedisScript.js"
import * as RetryPolicy from "../RetryPolicy.js"
import type { CommandQueue } from "./queue/CommandQueue.js"
import { script } from "./queue/RunningScript.js"

type Answered = (exit: Exit.Exit<WithGeneration<RedisReply>, RedisError>) => void

// the hash depends on nothing but the text: one table for all clients of the process
const hashes = new Map<string, string>()
const hashing = new Map<string, Promise<string | undefined>>()

/** Computes the hash; undefined where that fails, and scripts are then sent whole. */
const hashed = (lua: string): Promise<string | undefined> => {
  const begun = hashing.get(lua)
  if (begun !== undefined) return begun
  const hash = crypto.subtle.digest("SHA-1", new TextEncoder().encode(lua)).then(
    (digest) => {
      const text = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("")
      hashes.set(lua, text)
      return text
    },
    () => undefined
  )
  hashing.set(lua, hash)
  return hash
}

const isUnknown = (exit: Exit.Exit<unknown, RedisError>): boolean =>
  Exit.isFailure(exit) &&
  exit.cause._tag === "Fail" &&
  exit.cause.error._tag === "RedisServerError" &&
  exit.cause.error.code === "NOSCRIPT"

/**
 * Whether the user may not send scripts whole, which the server checks before it runs any of the script. Dragonfly does not
 * name the command. A right that was missing inside a script, or to a key, is named as such.
 */
const isForbiddenWhole = (exit: Exit.Exit<unknown, RedisError>): boolean =>
  Exit.isFailure(exit) &&
  exit.cause._tag === "Fail" &&
  exit.cause.error._tag === "RedisAuthError" &&
  (/'eval' command/i.test(exit.cause.error.detail) || !/\b(script|keys?)\b/i.test(exit.cause.error.detail))

/** A script with its keys and arguments. */
export interface ScriptCall {
  readonly name: string
  readonly lua: string
  readonly idempotent: boolean
  readonly inOneGo: boolean
  readonly keys: () => ReadonlyArray<string>
  readonly args: () => ReadonlyArray<RedisArgument>
}

export const callOf = <Input, Output>(script: RedisScript<Input, Output>, input: Input): ScriptCall => ({
  name: script.name,
  lua: script.lua,
  idempotent: script.idempotent,
  inOneGo: script.inOneGo ?? false,
  keys: () => script.keys(input),
  args: () => script.args(input)
})

/** Runs a script once. `goOn` receives the command that follows a rejection by which nothing ran. */
export type Attempt = (
  call: ScriptCall,
  answered: Answered,
  goOn: (send: (answered: Answered) => void) => void,
  caller?: Fiber.RuntimeFiber<unknown, unknown>
) => void

/**
 * Attempts on a queue. NOSCRIPT proves that nothing ran, so that sending the whole script is no repetition. Both together
 * are one attempt: the unknown outcome of an EVALSHA must not be lost when the EVAL after it is never sent.
 */
export const attemptOn =
  (late: CommandQueue["late"]): Attempt =>
  (call, answered, goOn, caller) => {
    const { inOneGo, lua, name } = call
    const keys = call.keys()
    const rest = [keys.length, ...keys, ...call.args()]
    const runWhole = (answered: Answered) => {
      script.name = name
      late("EVAL", () => [lua, ...rest], answered, caller, inOneGo)
    }
    const runByHash = (hash: string, answered: Answered) => {
      script.name = name
      late("EVALSHA", () => [hash, ...rest], answered, caller, inOneGo)
    }
    const hash = hashes.get(lua)
    if (hash !== undefined) {
      runByHash(hash, (exit) => (isUnknown(exit) ? goOn(runWhole) : answered(exit)))
      return
    }
    const hashing = hashed(lua)
    runWhole((exit) => {
      if (!isForbiddenWhole(exit)) return answered(exit)
      // another user, which may run EVAL, may have loaded the script
      goOn((answered) => {
        hashing.then((hash) => {
          if (hash === undefined) return answered(exit)
          runByHash(hash, (again) => answered(isUnknown(again) ? exit : again))
        })
      })
    })
  }

/** Runs scripts on a queue. */
export const make = (late: CommandQueue["late"]): Pick<RedisExecutor, "script" | "unsafeScript"> => {
  const attempt = attemptOn(late)
  const run = RetryPolicy.repeating<ScriptCall, WithGeneration<RedisReply>>(
    (resume, caller, call) =>
      // on the caller's fiber: an interrupted caller may already have sent a command that must follow this script
      attempt(call, resume, (send) => resume(Callback.makeInTurn(send)), caller),
    ({ idempotent }) => idempotent
  )
  return {
    script: (script, input) => run(callOf(script, input)),
    unsafeScript: (script, input, answered) => attempt(callOf(script, input), answered, (send) => send(answered))
  }
}
