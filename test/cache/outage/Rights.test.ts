import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { connect, error, make, runFor } from "../../support/faults/ScriptedDriver.js"

describe("a user without the right to TIME", () => {
  it.scoped("receives values from lookups, with the reason, and causes few queries of the time", () =>
    Effect.gen(function* () {
      const server = yield* make
      server.answer = ({ command }) =>
        command === "TIME"
          ? error("NOPERM this user has no permissions to run the 'time' command")
          : command.startsWith("EVAL")
            ? error(
                "ERR The user executing the script can't run this command or subcommand script: 11f0, on @user_script:1."
              )
            : undefined
      const redis = yield* connect(server, { heartbeatInterval: "1 hour" })
      const cache = yield* TypedCache.make({
        name: "rights",
        key: Schema.String,
        value: Schema.String,
        timeToLive: "1 minute",
        lookup: Effect.succeed
      }).pipe(Effect.provideService(RedisClient, redis))
      // the mark of distrust after an outage needs the server's time
      server.cut()
      yield* runFor(61_000)
      expect(yield* cache.getResult("a")).toMatchObject({ value: "a", source: "Degraded", reason: "RedisAuthError" })
      // the queries of two handshakes, and those after 0, 1, 3, 7, 15 and 31 seconds
      expect(server.count("TIME")).toBe(8)
    })
  )
})
