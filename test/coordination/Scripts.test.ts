/** The models of the scripts of counters and of presence against their Lua: the same random programs on both. */
import { describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Counter from "../../src/coordination/Counter.js"
import * as PresenceScripts from "../../src/coordination/presence/PresenceScripts.js"
import { compareScript } from "../support/programs/compareScript.js"
import { command, script } from "../support/programs/programs.js"
import { skipReasonOfUse } from "../support/server/RedisServer.js"

const test = it.scopedLive.skipIf(skipReasonOfUse() !== undefined)
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
        timeToLiveMillis: fc.constantFrom(0, 5_000, 60_000)
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

describe("the scripts of presence", () => {
  const key = fc.constantFrom("presence:a", "presence:b")
  const member = fc.constantFrom("ada", "bob", "cyd", "", "🦊")
  // now and then the clock is set back
  const at = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(-30_000) })
  const timed = <Input>(inputs: fc.Arbitrary<Input>) =>
    fc.tuple(inputs, at).map(([input, ahead]) => (now: number) => ({ ...input, now: now + ahead }))

  const others = fc.oneof(
    timed(fc.record({ key, member })).map((input) => script(PresenceScripts.leave, input)),
    timed(fc.record({ key, member })).map((input) => script(PresenceScripts.isOnline, input)),
    timed(fc.record({ key })).map((input) => script(PresenceScripts.count, input)),
    timed(fc.record({ key, offset: fc.nat({ max: 3 }), limit: fc.nat({ max: 3 }) })).map((input) =>
      script(PresenceScripts.list, input)
    ),
    fc.tuple(key, member).map(([key, member]) => command("ZREM", key, member)),
    fc.tuple(key, member).map(([key, member]) => command("ZADD", key, 4_000_000_000_000, member))
  )

  test(`answer and leave the same in memory and on a server (${numRuns} programs)`, () =>
    compareScript(
      PresenceScripts.beat,
      timed(fc.record({ key, member, timeToLiveMillis: fc.constantFrom(5_000, 15_000, 60_000) })),
      { others, numRuns }
    ))
})
