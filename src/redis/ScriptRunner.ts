/**
 * Running scripts on a server: by their hash, and whole when the server does not know it (after SCRIPT FLUSH, a restart
 * or a failover).
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Stamped } from "./RedisClient.js"
import type { RedisArgument, RedisReply } from "./RedisConnection.js"
import type { RedisError } from "./RedisError.js"
import type { RedisExecutor } from "./RedisExecutor.js"
import type { RedisScript } from "./RedisScript.js"

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

/** NOSCRIPT proves that nothing ran, so that sending the whole script is no repetition. */
export const make =
  (command: RedisExecutor["command"]) =>
  <Input, Output>(script: RedisScript<Input, Output>, input: Input): Effect.Effect<Stamped<RedisReply>, RedisError> =>
    Effect.flatMap(hashOf(script.lua), (hash) => {
      const keys = script.keys(input)
      const rest: ReadonlyArray<RedisArgument> = [keys.length, ...keys, ...script.args(input)]
      return Effect.catchIf(
        command("EVALSHA", [hash, ...rest], script),
        (error) => error._tag === "RedisServerError" && error.code === "NOSCRIPT",
        () => command("EVAL", [script.lua, ...rest], script)
      )
    })
