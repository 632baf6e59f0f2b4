/** The models of the scripts of counters against their Lua: the same random programs on both. */
import { describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Counter from "../../src/coordination/Counter.js"
import { compareScript } from "../support/compareScript.js"
import { command } from "../support/programs.js"
import { skipReason } from "../support/RedisServer.js"

const test = it.scopedLive.skipIf(skipReason !== undefined)
const numRuns = 2_000

describe("the script of counters", () => {
  const key = fc.constantFrom("a", "b", "{c}:d")
  const strays = fc.oneof(
    fc.constantFrom("0", "7", "-4", "01", "3.5", "1e3", " 2", "", "many", "one"),
    fc.integer({ min: -1000, max: 1000 }).map(String)
  )

  test(`answers and leaves the same in memory and on a server (${numRuns} programs)`, () =>
    compareScript(
      Counter.addScript,
      fc.record({
        key,
        delta: fc.integer({ min: -5, max: 5 }),
        minimum: fc.integer({ min: -9, max: 9 }),
        ttlMillis: fc.constantFrom(0, 5_000, 60_000)
      }),
      {
        numRuns,
        others: fc.oneof(
          fc.tuple(key, strays).map(([key, stray]) => command("SET", key, stray)),
          fc.tuple(key, strays).map(([key, stray]) => command("SET", key, stray, "EX", 60))
        )
      }
    ))
})
