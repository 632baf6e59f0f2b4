import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { explain } from "../../../src/http/server/StartupError.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import { driverUnderTest } from "../../support/server/drivers.js"

type Options = Parameters<typeof driverUnderTest.layerConfig>[0]

/** The name of the server of the client that the environment chooses. */
const serverOf = (variables: Record<string, string>, options?: Options) =>
  RedisClient.pipe(
    Effect.flatMap((redis) => redis.getStatus),
    Effect.map(({ server }) => Option.map(server, ({ name }) => name)),
    Effect.provide(driverUnderTest.layerConfig(options)),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
  )

describe("layerConfig without an address", () => {
  for (const variables of [
    {},
    { REDIS_URI: "redis://cache" },
    { REDIS_URL: " ", REDIS_HOST: "", REDIS_PORT: "6380" }
  ]) {
    it.effect(`fails and says what to set, with ${JSON.stringify(variables)}`, () =>
      Effect.gen(function* () {
        const failure = yield* Effect.flip(serverOf(variables))
        const text = explain(failure)
        for (const words of [
          /^REDIS_URL: /,
          /REDIS_HOST/,
          /REDIS_SENTINELS/,
          /REDIS_CLUSTER_NODES/,
          /REDIS_ENABLED=false/,
          /embeddedWhenUnset: true/
        ]) {
          expect(text).toMatch(words)
        }
      })
    )
  }

  it.effect("provides the embedded client where it is asked for, and warns what then holds in one process alone", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const name = yield* Effect.provide(serverOf({}, { embeddedWhenUnset: true }), log.layer)
      expect(name).toEqual(Option.some("Memory"))
      expect(log.lines).toContainEqual({
        level: "WARN",
        text: expect.stringMatching(/locks, limits and invalidations hold in this process alone/)
      })
    })
  )

  it.effect("sends nothing with REDIS_ENABLED=false, whatever is asked for", () =>
    Effect.gen(function* () {
      expect(yield* serverOf({ REDIS_ENABLED: "false" })).toEqual(Option.none())
      expect(yield* serverOf({ REDIS_ENABLED: "false" }, { embeddedWhenUnset: true })).toEqual(Option.none())
    })
  )
})
