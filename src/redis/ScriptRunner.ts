/**
 * Running scripts on a server: by their hash, and whole when the server does not know it (after SCRIPT FLUSH, a restart
 * or a failover).
 *
 * @internal
 */
import { createHash } from "node:crypto"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Callback from "./Callback.js"
import type { CommandQueue } from "./CommandQueue.js"
import type { Stamped } from "./RedisClient.js"
import type { RedisArgument, RedisReply } from "./RedisConnection.js"
import type { RedisError } from "./RedisError.js"
import type { RedisExecutor } from "./RedisExecutor.js"
import type { RedisScript } from "./RedisScript.js"
import * as RetryPolicy from "./RetryPolicy.js"

// the hash depends on nothing but the text: one table for all clients of the process
const hashes = new Map<string, string>()

const hashOf = (lua: string): string => {
  const known = hashes.get(lua)
  if (known !== undefined) return known
  const hash = createHash("sha1").update(lua).digest("hex")
  hashes.set(lua, hash)
  return hash
}

const isUnknown = (exit: Exit.Exit<unknown, RedisError>): boolean =>
  Exit.isFailure(exit) &&
  exit.cause._tag === "Fail" &&
  exit.cause.error._tag === "RedisServerError" &&
  exit.cause.error.code === "NOSCRIPT"

/**
 * NOSCRIPT proves that nothing ran, so that sending the whole script is no repetition. Both together are one attempt: a
 * hash whose outcome is unknown must not be forgotten over a script that was then never sent.
 */
export const make = (late: CommandQueue["late"]): Pick<RedisExecutor, "script" | "unsafeScript"> => {
  const attempt = <Input, Output>(
    script: RedisScript<Input, Output>,
    input: Input,
    answered: (exit: Exit.Exit<Stamped<RedisReply>, RedisError>) => void,
    caller?: Fiber.RuntimeFiber<unknown, unknown>
  ): void => {
    const keys = script.keys(input)
    const rest: ReadonlyArray<RedisArgument> = [keys.length, ...keys, ...script.args(input)]
    late(
      "EVALSHA",
      () => [hashOf(script.lua), ...rest],
      (exit) => {
        if (isUnknown(exit)) late("EVAL", () => [script.lua, ...rest], answered, caller)
        else answered(exit)
      },
      caller
    )
  }
  return {
    script: (script, input) =>
      RetryPolicy.repeating(
        (caller) => Callback.make((resume) => attempt(script, input, resume, caller)),
        script.idempotent
      ),
    unsafeScript: (script, input, answered) => attempt(script, input, answered)
  }
}
