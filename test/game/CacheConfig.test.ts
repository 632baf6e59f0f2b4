import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as CacheConfig from "../../src/game/CacheConfig.js"

const read = (variables: Record<string, string>) =>
  Effect.withConfigProvider(CacheConfig.config, ConfigProvider.fromMap(new Map(Object.entries(variables))))

describe("the cache's times to live", () => {
  it.effect("are the defaults when no variable is set", () =>
    Effect.map(read({}), (config) =>
      expect(
        [config.userProfileTtl, config.balanceTtl, config.leaderboardTtl, config.statsTtl, config.gameStateTtl].map(
          Duration.toSeconds
        )
      ).toEqual([300, 60, 30, 120, 3600])
    )
  )

  it.effect("keep nothing in the local tier without the variable, or with 0", () =>
    Effect.gen(function* () {
      for (const [variables, seconds] of [
        [{}, 0],
        [{ CACHE_LOCAL_TTL: "0" }, 0],
        [{ CACHE_LOCAL_TTL: "2" }, 2]
      ] as const) {
        expect(Duration.toSeconds((yield* read(variables)).localTtl)).toBe(seconds)
      }
      const error = yield* Effect.flip(read({ CACHE_LOCAL_TTL: "-1" }))
      expect(String(error)).toContain("CACHE_LOCAL_TTL")
      expect(String(error)).toContain("whole seconds from 0 to 268435455, such as 0")
    })
  )

  it.effect("are read as whole seconds, each from a variable of its own", () =>
    Effect.map(
      read({
        CACHE_USER_PROFILE_TTL: "1",
        CACHE_BALANCE_TTL: "2",
        CACHE_LEADERBOARD_TTL: "3",
        CACHE_STATS_TTL: "4",
        CACHE_GAME_STATE_TTL: "268435455"
      }),
      (config) =>
        expect(
          [config.userProfileTtl, config.balanceTtl, config.leaderboardTtl, config.statsTtl, config.gameStateTtl].map(
            Duration.toSeconds
          )
        ).toEqual([1, 2, 3, 4, 268_435_455])
    )
  )

  for (const variable of [
    "CACHE_USER_PROFILE_TTL",
    "CACHE_BALANCE_TTL",
    "CACHE_LEADERBOARD_TTL",
    "CACHE_STATS_TTL",
    "CACHE_GAME_STATE_TTL"
  ]) {
    it.effect(`reject a wrong ${variable}, naming it and the accepted form`, () =>
      Effect.forEach(["", "0", "-5", "1.5", "5 minutes", "1e3", "0x10", "268435456", "NaN"], (text) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(read({ [variable]: text }))
          expect(String(error), text).toContain(variable)
          expect(String(error), text).toContain("whole seconds from 1 to 268435455")
        })
      )
    )
  }
})
