/**
 * Runs scripts on a server by their hash. A script is sent whole while this process computes its hash. It is also sent whole
 * when the server does not know it, after SCRIPT FLUSH, a restart or a failover. EVAL then loads it.
 *
 * @internal
 */
import * as Exit from "effect/Exit"
import * as Callback from "../../internal/effect/Callback.js"
import type { RedisReply } from "../RedisConnection.js"
import type { RedisError } from "../RedisError.js"
import type { OnReply, RedisExecutor, WithGeneration } from "../RedisExecutor.js"
import type { RedisScript } from "../RedisScript.js"
import * as RetryPolicy from "../RetryPolicy.js"
import type { CommandQueue } from "./queue/CommandQueue.js"
import type { Caller } from "./queue/QueuedCommand.js"
import * as ScriptBatches from "./ScriptBatches.js"

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

/** Runs a script once. `goOn` receives the command that follows a rejection by which nothing ran. */
export type Attempt = (
  call: ScriptBatches.ScriptCall,
  onReply: OnReply<RedisReply>,
  goOn: (send: (onReply: OnReply<RedisReply>) => void) => void,
  caller?: Caller
) => void

/** Whether the hashes of a script are known, also of the text that runs several calls. */
const isHashed = ({ batch, lua }: RedisScript<unknown, unknown>): boolean =>
  hashes.has(lua) && (batch === undefined || hashes.has(batch.lua))

/** Computes the hashes; answers whether they are known. */
const hashedAll = ({ batch, lua }: RedisScript<unknown, unknown>): Promise<boolean> =>
  Promise.all([hashed(lua), batch === undefined ? "" : hashed(batch.lua)]).then((all) => !all.includes(undefined))

/**
 * Attempts on a queue. NOSCRIPT proves that nothing ran, so that sending the whole script is no repetition. Both together
 * are one attempt: the unknown outcome of an EVALSHA must not be lost when the EVAL after it is never sent.
 */
export const attemptOn = (queue: Pick<CommandQueue, "late" | "traced">): Attempt => {
  const send = ScriptBatches.make(queue, (form, lua) => (form === "EVAL" ? lua : (hashes.get(lua) ?? "")))
  return (call, onReply, goOn, caller) => {
    const runWhole = (onReply: OnReply<RedisReply>) => send("EVAL", call, onReply, caller)
    const runByHash = (onReply: OnReply<RedisReply>) => send("EVALSHA", call, onReply, caller)
    if (isHashed(call.script)) {
      runByHash((exit) => (isUnknown(exit) ? goOn(runWhole) : onReply(exit)))
      return
    }
    const hashing = hashedAll(call.script)
    runWhole((exit) => {
      if (!isForbiddenWhole(exit)) return onReply(exit)
      // another user, which may run EVAL, may have loaded the script
      goOn((onReply) => {
        hashing.then((isHashed) => {
          if (!isHashed) return onReply(exit)
          runByHash((again) => onReply(isUnknown(again) ? exit : again))
        })
      })
    })
  }
}

/** A script with its input. */
export type RequestedScript = Pick<ScriptBatches.ScriptCall, "script" | "input">

export const requested = <Input, Output>(script: RedisScript<Input, Output>, input: Input): RequestedScript => ({
  // the input is given to this script alone
  script: script as RedisScript<unknown, unknown>,
  input
})

/** The call of a script on a server that holds all keys. */
const callOf = ({ input, script }: RequestedScript): ScriptBatches.ScriptCall => ({
  script,
  input,
  keys: script.keys(input),
  slot: undefined,
  isAlone: false
})

/** Runs scripts on a queue. */
export const make = (queue: Pick<CommandQueue, "late" | "traced">): Pick<RedisExecutor, "script" | "unsafeScript"> => {
  const attempt = attemptOn(queue)
  const run = RetryPolicy.repeating<RequestedScript, WithGeneration<RedisReply>>(
    (resume, caller, requested) =>
      // on the caller's fiber: an interrupted caller may already have sent a command that must follow this script
      attempt(callOf(requested), resume, (send) => resume(Callback.makeInTurn(send)), caller),
    ({ script }) => script.idempotent
  )
  return {
    script: (script, input) => run(requested(script, input)),
    unsafeScript: (script, input, onReply) =>
      attempt(callOf(requested(script, input)), onReply, (send) => send(onReply))
  }
}
