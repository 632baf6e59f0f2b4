/** Settings at run time, over the commands and the channel of the client. */
import type { Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { expect } from "vitest"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RuntimeSettings from "../../../src/settings/RuntimeSettings.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { until } from "../../support/until.js"

const by = "ada"

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.scoped("applies settings that are stored, heard of, listed and removed", () =>
    Effect.gen(function* () {
      const world = CacheWorld.listening({ a: 1 })
      const cache = yield* world.cache()
      const own = Effect.map(RuntimeSettings.list, (all) =>
        all.filter((setting) => "cache" in setting && setting.cache === world.name)
      )
      yield* Effect.provide(
        Effect.gen(function* () {
          yield* RuntimeSettings.set(world.name, { enabled: false, timeToLive: "5 minutes" }, { by, for: "1 hour" })
          yield* until("it is off", () => Effect.map(cache.isAvailable, (isAvailable) => !isAvailable))
          expect(yield* cache.getResult("a")).toMatchObject({ source: "Degraded", value: 1, reason: "SwitchedOff" })
          const [first, ...rest] = yield* own
          expect(rest).toHaveLength(1)
          expect((first?.until ?? 0) - (first?.at ?? 0)).toBe(3_600_000)
          yield* RuntimeSettings.unset(world.name, { by, options: ["enabled"] })
          yield* until("it is on", () => cache.isAvailable)
          expect(yield* cache.get("a")).toBe(1)
          expect((yield* RuntimeSettings.applied).map(({ option }) => option)).toEqual(["timeToLive"])
          yield* RuntimeSettings.unset(world.name, { by })
          yield* until("nothing is set", () => Effect.map(RuntimeSettings.applied, (settings) => settings.length === 0))
          expect(yield* own).toEqual([])
        }),
        RuntimeSettings.layer
      )
    })
  )
}
