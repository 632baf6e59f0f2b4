/** The models of the scripts on remote limits against their Lua, and what they keep in any order of calls and responses. */
import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as RemoteScripts from "../../../src/coordination/remote/RemoteScripts.js"
import { batchOf, eachOf } from "../../support/programs/batches.js"
import { compareScript } from "../../support/programs/compareScript.js"
import { command, script } from "../../support/programs/programs.js"
import { skipReasonOfUse } from "../../support/server/RedisServer.js"

const test = it.scopedLive.skipIf(skipReasonOfUse() !== undefined)

const key = fc.constantFrom("{ratelimit:remote:a}:remote", "{ratelimit:remote:b}:remote")
const span = fc.constantFrom(5_000, 10_000, 60_000)
const ahead = fc.constantFrom(0, 1, 1_000, -20_000)
const policy = fc.record({
  name: fc.constantFrom("default", "day", "%22"),
  quota: fc.constantFrom(0, 3, 10),
  remaining: fc.integer({ min: 0, max: 4 }),
  resetMillis: span,
  windowMillis: fc.constantFrom(0, 5_000, 60_000)
})

const reserves = fc
  .record({ key, ahead, probeMillis: fc.constant(10_000), pollMillis: fc.constant(100) })
  .map(({ ahead, ...input }) => (now: number) => ({ ...input, now: now + ahead }))
const learns = fc
  .record({
    key,
    ahead,
    outcome: fc.constantFrom("limited" as const, "answered" as const, "answered" as const, "unanswered" as const),
    retryMillis: fc.constantFrom(0, 0, 5_000, 30_000, 9_000_000),
    backoffMillis: fc.constant(5_000),
    longestMillis: fc.constant(60_000),
    policies: fc.array(policy, { maxLength: 3 })
  })
  .map(({ ahead, ...input }) => (now: number) => ({ ...input, now: now + ahead }))
const tampering = fc
  .tuple(key, fc.constantFrom("", "1 2 3 4", "1 2 1 4|a 1 1 1 1|", "9 9|", "1800000000000 0 1 3|a b 1 1 1 1"))
  .map(([key, text]) => command("SET", key, text, "EX", 60))

describe("the scripts of remote limits", () => {
  test("answer and leave the same in memory and on a server", () =>
    compareScript(RemoteScripts.reserve, reserves, {
      others: fc.oneof(
        { weight: 6, arbitrary: learns.map((input) => script(RemoteScripts.learn, input)) },
        { weight: 1, arbitrary: tampering }
      ),
      numRuns: 1_000
    }))

  const together = fc.tuple(ahead, fc.array(key, { minLength: 1, maxLength: 4 })).map(
    ([ahead, keys]) =>
      (now: number) =>
        keys.map((key) => ({ key, probeMillis: 10_000, pollMillis: 100, now: now + ahead }))
  )
  test("do in a batch what its calls do one after the other", () =>
    compareScript(batchOf(RemoteScripts.reserve), together, {
      others: learns.map((input) => script(RemoteScripts.learn, input)),
      comparable: eachOf(),
      numRuns: 200
    }))

  it("touch no key but the one that they declare", () => {
    for (const { lua } of [RemoteScripts.reserve, RemoteScripts.learn]) {
      const touched = [...lua.matchAll(/redis\.p?call\("(\w+)"(?:, ([^,)]+))?/g)].map(([, name, key]) => [name, key])
      expect(touched.length).toBeGreaterThan(0)
      for (const [name, key] of touched) {
        expect([name, name === "TIME" ? key === undefined : key === "key" || key === "KEYS[1]"]).toEqual([name, true])
      }
    }
  })
})
