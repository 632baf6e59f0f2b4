/** Building the board of all players in the background. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as FailureLog from "../../src/cache/observe/FailureLog.js"
import * as BestEffort from "../../src/game/BestEffort.js"
import { Database } from "../../src/game/Database.js"
import * as MemoryDatabase from "../../src/game/database/MemoryDatabase.js"
import * as GlobalLeaderboard from "../../src/game/GlobalLeaderboard.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import { until } from "../support/until.js"

describe("a board that is built from the database", () => {
  it.scopedLive(
    "reads it without the context of the caller that found the board missing, such as its transaction",
    () =>
      Effect.gen(function* () {
        const ref = FiberRef.unsafeMake("nobody's")
        const database = yield* MemoryDatabase.make
        const readers: Array<string> = []
        const attempts = yield* Effect.flatMap(FailureLog.make, BestEffort.make)
        const board = yield* GlobalLeaderboard.make(attempts)
        const rebuild = yield* Effect.provideService(GlobalLeaderboard.makeRebuild(board, attempts), Database, {
          ...database,
          topScores: (page) =>
            Effect.zipRight(
              Effect.map(FiberRef.get(ref), (whose) => readers.push(whose)),
              database.topScores(page)
            )
        })
        yield* Effect.locally(rebuild, ref, "the caller's")
        yield* until("the database was read", () => readers.length > 0)
        expect(new Set(readers)).toEqual(new Set(["nobody's"]))
      }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})
