/** The model of the script of several limits against its Lua. */
import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as JointScript from "../../../src/coordination/limit/joint/JointScript.js"
import { block, type Input } from "../../../src/coordination/limit/LimitScript.js"
import { batchOf, eachOf } from "../../support/programs/batches.js"
import { compareScript } from "../../support/programs/compareScript.js"
import { coarse, command, script } from "../../support/programs/programs.js"
import { skipReasonOfUse } from "../../support/server/RedisServer.js"
import { limitScripts } from "./limitScripts.js"

const test = it.scopedLive.skipIf(skipReasonOfUse() !== undefined)

// of two limits of one algorithm too, which their names keep apart
const algorithms = ["FixedWindow", "SlidingLog", "SlidingCounter", "TokenBucket", "TokenBucket", "FixedWindow"] as const
const names = [undefined, undefined, undefined, undefined, "second", "second"]
const scripts = algorithms.map((algorithm) => limitScripts[algorithm])
const joint = JointScript.make(scripts)

const numbers = fc.record({
  limit: fc.constantFrom(1, 2, 3, 6),
  windowMillis: fc.constant(60_000),
  burst: fc.constant(4)
})
const ahead = fc.constantFrom(0, 1, 250_000)
// the lives of buckets whose numbers change would be no multiples of five seconds
const bucketNumbers = { limit: 3, windowMillis: 60_000, burst: 4 }
const ofBucket = fc.constant(bucketNumbers)
const limits = fc.tuple(numbers, numbers, numbers, ofBucket, ofBucket, numbers)
const cost = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 2 }) },
  { weight: 1, arbitrary: fc.constant(7) }
)
const costs = fc.tuple(cost, cost, cost, cost, cost, cost)
const key = fc.constantFrom("limit:a", "limit:b")

type Numbers = Pick<Input, "limit" | "windowMillis" | "burst">

const inputOf = (
  limits: ReadonlyArray<Numbers>,
  costs: ReadonlyArray<number>,
  key: string,
  takes: boolean,
  now: number
): JointScript.JointInput => ({
  takes,
  inputs: limits.map((numbers, i) => ({ key, name: names[i], cost: costs[i] ?? 1, now, ...numbers }))
})

const takes = fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) })

const inputs = fc.tuple(limits, costs, key, takes, ahead).map(
  ([limits, costs, key, takes, ahead]) =>
    (now: number) =>
      inputOf(limits, costs, key, takes, now * 1_000 + ahead)
)

// the window of a fixed one is the key's life, which passes while a program runs on a server
const comparable = (reply: unknown) =>
  Array.isArray(reply)
    ? reply.flat().map((part, i, parts) => {
        const first = i - (i % 4)
        // a block is the key's life too: one time until all is available and until the call is allowed
        const isBlocked = parts[first + 2] === parts[first + 3]
        return isBlocked || [0, 5].includes(first / 4) ? coarse(part, 5_000_000) : part
      })
    : reply

const others = fc.oneof(
  fc.tuple(fc.constantFrom(0, 1, 2, 3), numbers, key, fc.integer({ min: 1, max: 2 })).map(([i, numbers, key, cost]) => {
    const alone = limitScripts[algorithms[i] ?? "FixedWindow"].refund
    return script(
      alone,
      (now: number) => ({ key, cost, now: now * 1_000, ...(i === 3 ? bucketNumbers : numbers) }),
      () => undefined
    )
  }),
  fc.tuple(fc.constantFrom(0, 1, 2, 3, 4, 5), key, fc.boolean()).map(([i, key, blocks]) => {
    const state = scripts[i]?.keyOf(key, names[i]) ?? key
    return blocks ? script(block, { key: state, millis: 60_000 }) : command("DEL", state)
  })
)

describe("the script of several limits", () => {
  test("answers and leaves the same in memory and on a server", () =>
    compareScript(joint, inputs, { others, numRuns: 600, comparable }))

  const together = fc.tuple(limits, takes, ahead, fc.array(fc.tuple(key, costs), { minLength: 1, maxLength: 4 })).map(
    ([limits, takes, ahead, calls]) =>
      (now: number) =>
        calls.map(([key, costs]) => inputOf(limits, costs, key, takes, now * 1_000 + ahead))
  )
  test("does in a batch what its calls do one after the other", () =>
    compareScript(batchOf(joint), together, { others, numRuns: 200, comparable: eachOf(comparable) }))

  it("touches no key but those that it declares", () => {
    const touched = [...joint.lua.matchAll(/redis\.p?call\("(\w+)"(?:, ([^,)]+))?/g)].map(([, name, key]) => [
      name,
      key
    ])
    expect(touched.length).toBeGreaterThan(0)
    for (const [name, key] of touched) {
      // `key` is the one of the limit
      expect([name, key === "key" ? "KEYS[1]" : key]).toEqual([name, name === "TIME" ? undefined : "KEYS[1]"])
    }
  })
})
