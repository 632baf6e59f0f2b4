import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as RunCli from "../support/cli/RunCli.js"
import { runs } from "../support/effort.js"
import * as RedisServer from "../support/server/RedisServer.js"

/** Passwords of any characters that a variable can hold, so long that none stands in the output by chance. */
const secrets = FastCheck.sample(
  FastCheck.string({ minLength: 6, maxLength: 40, unit: "grapheme" })
    .filter((text) => !text.includes("\0"))
    .map((text) => `pw${text}wp`),
  runs(6)
)

const formsOf = (secret: string) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]

describe("effect-cache", () => {
  it.scopedLive("never shows a password, given by any variable, right or wrong, as text or as JSON", (context) =>
    Effect.gen(function* () {
      if (RedisServer.skipReason !== undefined) return context.skip(RedisServer.skipReason)
      const { port, send } = yield* RedisServer.make()
      for (const secret of secrets) {
        yield* send("ACL", "SETUSER", "app", "on", "resetpass", `>${secret}`, "~*", "&*", "+@all")
        // a server that repeats the password in what it says
        yield* send("SET", "user:leak", `{"created":1,"ttl":1,"value":${JSON.stringify(secret)}}`)
        const host = { REDIS_HOST: "127.0.0.1", REDIS_PORT: `${port}`, REDIS_USERNAME: "app" }
        const variables: ReadonlyArray<RunCli.Variables> = [
          { ...host, REDIS_PASSWORD: secret },
          { ...host, REDIS_PASSWORD: `${secret}wrong` },
          { REDIS_URL: `redis://app:${encodeURIComponent(secret)}@127.0.0.1:${port}` },
          { REDIS_URL: `redis://app:${encodeURIComponent(secret)}@127.0.0.1:1` },
          // mistakes, whose messages are tempted to repeat the value
          { REDIS_HOST: `redis://app:${secret}@127.0.0.1`, REDIS_PASSWORD: secret },
          { REDIS_URL: `redis:/app:${encodeURIComponent(secret)}@127.0.0.1` }
        ]
        const commands = [
          ["doctor"],
          ["doctor", "--json"],
          ["inspect", "user", "leak"],
          ["inspect", "user", "leak", "--json"],
          ["clear", "user", "--yes"],
          ["locks"]
        ]
        for (const given of variables) {
          for (const command of commands) {
            const { all } = yield* RunCli.run(given, ...command)
            for (const form of formsOf(secret)) expect(all).not.toContain(form)
          }
        }
      }
    })
  )
})
