/** The limits inside the process beside the same limits in a memory Redis. */
import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Record from "effect/Record"
import type { Input, LimitScript } from "../../../src/coordination/limit/LimitScript.js"
import * as LocalKeys from "../../../src/coordination/limit/LocalKeys.js"
import * as Keyspace from "../../../src/redis/memory/Keyspace.js"
import type { RedisReply } from "../../../src/redis/RedisConnection.js"
import { runs } from "../../support/effort.js"
import { limitScripts } from "./limitScripts.js"

const start = 1_800_000_000_000

const numbers = fc.record({
  limit: fc.integer({ min: 1, max: 9 }),
  windowMillis: fc.constantFrom(1, 7, 1_000, 60_000),
  burst: fc.integer({ min: 1, max: 9 })
})

const step = fc.record({
  afterMillis: fc.oneof(fc.constantFrom(0, 0, 1, 7, 999, 1_000, 1_001), fc.integer({ min: 0, max: 130_000 })),
  operation: fc.constantFrom(...(["consume", "consume", "consume", "peek", "refund", "reset"] as const)),
  key: fc.constantFrom("a", "b"),
  cost: fc.integer({ min: 1, max: 4 })
})

describe("a limit inside the process", () => {
  for (const [algorithm, scripts] of Record.toEntries(limitScripts)) {
    it(`decides as a memory Redis does (${algorithm})`, () => {
      fc.assert(
        fc.property(numbers, fc.array(step, { maxLength: 40, size: "max" }), (numbers, program) => {
          const keys = LocalKeys.make(10)
          let keyspace = Keyspace.make()
          let now = start
          for (const { afterMillis, cost, key, operation } of program) {
            now += afterMillis
            const environment = { now, publish: () => 0 }
            if (operation === "reset") {
              keys.forget(scripts.keyOf(key))
              keyspace = Keyspace.execute(keyspace, environment, "DEL", [scripts.keyOf(key)]).keyspace
              continue
            }
            const input: Input = { key, cost, ...numbers }
            const decide = <Reply extends RedisReply>(script: LimitScript<Reply>) => {
              const [named, args] = [script.keys(input), script.args(input)]
              const outcome = Keyspace.runScript(keyspace, environment, script, named, args)
              keyspace = outcome.keyspace
              const local = script.model({ keys: named, args: args.map(String), call: keys.callAt(now) })
              expect(local).toEqual(outcome.reply)
            }
            if (operation === "consume") decide(scripts.consume)
            else decide(scripts[operation])
          }
        }),
        { numRuns: runs(500) }
      )
    })
  }

  it("throws for a command that no model uses, instead of a wrong answer", () => {
    expect(() => LocalKeys.make(1).callAt(start)("APPEND", "a", "b")).toThrow("APPEND")
  })

  it("reads a key as missing from the millisecond on in which its time to live has ended", () => {
    const keys = LocalKeys.make(2)
    keys.callAt(start)("SET", "a", "1", "PX", 5)
    expect([4, 5].map((later) => keys.callAt(start + later)("GET", "a"))).toEqual(["1", null])
  })

  it("keeps the keys that were used last, and forgets older ones", () => {
    const keys = LocalKeys.make(2)
    const call = keys.callAt(start)
    for (const key of ["a", "b", "c", "d", "e"]) call("INCRBY", key, 1)
    expect(["a", "b", "d", "e"].map((key) => call("GET", key))).toEqual([null, null, "1", "1"])
  })
})
