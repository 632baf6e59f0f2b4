/**
 * Running scripts on a server: by their hash, and whole when the server does not know it (after SCRIPT FLUSH, a restart
 * or a failover).
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { CommandQueue } from "./CommandQueue.js"
import type { Stamped } from "./RedisClient.js"
import type { RedisArgument, RedisReply } from "./RedisConnection.js"
import type { RedisError } from "./RedisError.js"
import type { RedisScript } from "./RedisScript.js"
import * as RetryPolicy from "./RetryPolicy.js"

const sha1 = (text: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-1", new TextEncoder().encode(text))),
    (digest) => Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("")
  )

// the hash depends on nothing but the text: one table for all clients of the process
const hashes = new Map<string, string>()

const hashOf = (lua: string): Effect.Effect<string> =>
  Effect.suspend(() => {
    const known = hashes.get(lua)
    return known === undefined
      ? Effect.tap(sha1(lua), (hash) => Effect.sync(() => hashes.set(lua, hash)))
      : Effect.succeed(known)
  })

/**
 * NOSCRIPT proves that nothing ran, so that sending the whole script is no repetition. Both together are one attempt: a
 * hash whose outcome is unknown must not be forgotten over a script that was then never sent.
 */
export const make =
  (attempt: CommandQueue["attempt"]) =>
  <Input, Output>(script: RedisScript<Input, Output>, input: Input): Effect.Effect<Stamped<RedisReply>, RedisError> =>
    Effect.flatMap(hashOf(script.lua), (hash) => {
      const keys = script.keys(input)
      const rest: ReadonlyArray<RedisArgument> = [keys.length, ...keys, ...script.args(input)]
      const run = Effect.catchIf(
        attempt("EVALSHA", [hash, ...rest]),
        (error) => error._tag === "RedisServerError" && error.code === "NOSCRIPT",
        () => attempt("EVAL", [script.lua, ...rest])
      )
      return RetryPolicy.repeating(() => run, script.idempotent)
    })
