/** Options that cannot be right. */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Counter from "../../src/coordination/Counter.js"
import * as Leaderboard from "../../src/coordination/Leaderboard.js"
import * as Presence from "../../src/coordination/Presence.js"
import { layerOff, type RedisClient } from "../../src/redis/RedisClient.js"

const key = "it"

const durations = [0, -1, Number.NaN, Duration.infinity, "9999 weeks"] as const

const wrong: ReadonlyArray<readonly [string, Effect.Effect<unknown, never, RedisClient>]> = [
  ...[0.5, Number.NaN, 2 ** 53].map(
    (minimum) => ['Counter "it": option `minimum`', Counter.make({ key, minimum })] as const
  ),
  ...durations.flatMap((timeToLive) => [
    ['Counter "it": option `timeToLive`', Counter.make({ key, timeToLive })] as const,
    ['Presence "it": option `timeToLive`', Presence.make({ key, timeToLive })] as const,
    ['Presence "it": option `beatEvery`', Presence.make({ key, timeToLive: 1, beatEvery: timeToLive })] as const,
    ['Leaderboard "it": option `timeToLive`', Leaderboard.make({ key, timeToLive })] as const,
    ['Leaderboard "it": option `timeToLive`', Leaderboard.makeWindows({ key, window: "daily", timeToLive })] as const
  ])
]

describe("an option that cannot be right", () => {
  it.effect("is a defect that names it when the counter, presence or board is made", () =>
    Effect.gen(function* () {
      for (const [message, making] of wrong) {
        const made = yield* Effect.exit(making)
        expect(Exit.isFailure(made) && Cause.isDie(made.cause), message).toBe(true)
        expect(Exit.isFailure(made) ? Cause.pretty(made.cause) : "made").toContain(message)
      }
    }).pipe(Effect.provide(layerOff))
  )
})
