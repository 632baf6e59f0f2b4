/** The models of the scripts of each algorithm against their Lua: the same random programs on both. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import { block, type Input } from "../../../src/coordination/limit/LimitScript.js"
import type * as RateLimiter from "../../../src/coordination/RateLimiter.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { batchOf, eachOf } from "../../support/programs/batches.js"
import { compareScript } from "../../support/programs/compareScript.js"
import { coarse, command, compare, script } from "../../support/programs/programs.js"
import { onServer } from "../../support/server/clientLayers.js"
import { skipReasonOfUse } from "../../support/server/RedisServer.js"
import { limitScripts } from "./limitScripts.js"

const test = it.scopedLive.skipIf(skipReasonOfUse() !== undefined)
const numRuns = 3_000

type Algorithm = RateLimiter.RateLimit["algorithm"]

const name = fc.constantFrom("limit:a", "limit:b")
// rarely the clock is set back; never at the edge of what a life is compared by
const ahead = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 1, 999, 250_000) },
  { weight: 1, arbitrary: fc.constantFrom(-700_000_000, -20_000_000) }
)

/** Times to live come out as whole multiples of five seconds and a second more, which is what they are kept longer. */
const numbers: Record<Algorithm, fc.Arbitrary<Pick<Input, "limit" | "windowMillis" | "burst">>> = {
  FixedWindow: fc.record({
    limit: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(2 ** 53 - 1)),
    windowMillis: fc.constantFrom(5_000, 15_000, 60_000),
    burst: fc.constant(0)
  }),
  SlidingLog: fc.record({
    limit: fc.integer({ min: 0, max: 9 }),
    windowMillis: fc.constantFrom(5_000, 15_000, 60_000),
    burst: fc.constant(0)
  }),
  SlidingCounter: fc.record({
    limit: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(97_531)),
    windowMillis: fc.constantFrom(5_000, 15_000, 30_000),
    burst: fc.constant(0)
  }),
  // tokens of other numbers take times that are no multiples of anything: see below
  TokenBucket: fc.record({
    limit: fc.constant(6),
    windowMillis: fc.constant(60_000),
    burst: fc.integer({ min: 0, max: 9 })
  })
}

const timed = (input: Omit<Input, "now"> & { readonly ahead: number }) => {
  const { ahead, ...rest } = input
  return (now: number): Input => ({ ...rest, now: now * 1_000 + ahead })
}

/** Numbers beyond those that doubles tell apart, and beyond those of 64 bits: a server's Lua has either. */
const huge = ["9007199254740991", "9007199254740993", "9223372036854775807", "9".repeat(30)]
const beyond = huge.flatMap((number) => [number, `${number}:7`, `7:${number}`, `${number}:7:7`, `7:${number}:7`])

/** The window of the fixed one is the key's life, which passes while a program runs on a server. */
const ofLife = (reply: unknown) => (Array.isArray(reply) ? reply.map((part) => coarse(part, 5_000_000)) : reply)

/** Nothing is left, and there is one time until all is available and until the call is allowed. */
const isBlocked = (reply: unknown): boolean =>
  Array.isArray(reply) && reply.at(-2) === (reply.length === 2 ? 0 : reply.at(-1)) && reply.at(-1) !== 0

for (const algorithm of ["FixedWindow", "SlidingLog", "SlidingCounter", "TokenBucket"] as const) {
  const scripts = limitScripts[algorithm]
  const inputs = fc
    .tuple(
      fc.record({ key: name, cost: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(8)), ahead }),
      numbers[algorithm]
    )
    .map(([input, numbers]) => timed({ ...input, ...numbers }))
  const key = name.map(scripts.keyOf)
  // and so is a block, of which the time counts for all algorithms
  const comparable = (reply: unknown) => (algorithm === "FixedWindow" || isBlocked(reply) ? ofLife(reply) : reply)
  const others = fc.oneof(
    { weight: 2, arbitrary: inputs.map((input) => script(scripts.peek, input, comparable)) },
    { weight: 2, arbitrary: inputs.map((input) => script(scripts.refund, input, comparable)) },
    { weight: 1, arbitrary: inputs.map((input) => script(scripts.penalize, input, comparable)) },
    { weight: 1, arbitrary: key.map((key) => script(block, { key, millis: 15_000 })) },
    { weight: 1, arbitrary: key.map((key) => command("DEL", key)) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          key,
          fc.constantFrom("-4", "3.5", "1e3", " 2", "01", "1:2", "1:2:3", "x:1:1", "99999999999:9:9", ...beyond)
        )
        .map(([key, text]) => command("SET", key, text, "EX", 60))
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(key, fc.constantFrom("1:1", "0000000000000009:4", "many"), fc.constantFrom(1, 2e15))
        .map(([key, member, score]) => command("ZADD", key, score, member))
    }
  )

  describe(`the scripts of ${algorithm}`, () => {
    test(`answer and leave the same in memory and on a server (${numRuns} programs)`, () =>
      compareScript(scripts.consume, inputs, { others, numRuns, comparable }))

    // of one limit and time, as calls that share a command are; several of one key too
    const together = fc
      .tuple(
        numbers[algorithm],
        ahead,
        fc.array(fc.record({ key: name, cost: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(8)) }), {
          minLength: 1,
          maxLength: 5
        })
      )
      .map(
        ([numbers, ahead, calls]) =>
          (now: number): ReadonlyArray<Input> =>
            calls.map((call) => ({ ...call, ...numbers, now: now * 1_000 + ahead }))
      )
    for (const batch of [
      batchOf(scripts.consume),
      batchOf(scripts.peek),
      batchOf(scripts.refund),
      batchOf(scripts.penalize)
    ]) {
      test(`do in ${batch.name} what its calls do one after the other`, () =>
        compareScript(batch, together, { others, numRuns: numRuns / 10, comparable: eachOf(comparable) }))
    }
  })
}

describe("the scripts of TokenBucket", () => {
  const scripts = limitScripts.TokenBucket
  const rate = fc.record({
    limit: fc.constantFrom(3, 7, 999, 1_000_003),
    windowMillis: fc.constantFrom(1, 10, 1_000, 86_400_001),
    burst: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 1_000_000 }))
  })

  const changing = fc.record({
    rate: fc.record({
      limit: fc.constantFrom(1, 2, 3, 7, 12, 999),
      windowMillis: fc.constantFrom(1, 10, 1_000, 60_000, 86_400_001),
      burst: fc.integer({ min: 1, max: 12 })
    }),
    script: fc.constantFrom(scripts.consume, scripts.consume, scripts.peek, scripts.refund, scripts.penalize),
    cost: fc.integer({ min: 1, max: 12 }),
    ahead: fc.nat(3_000_000)
  })
  const foreign = fc
    .tuple(fc.constantFrom("", ":0:1", ":5:0", ":x", ":1:1:1", `:${"9".repeat(17)}:1`, ":7:5000"), fc.nat(9_999_999))
    .map(([tail, ahead]) =>
      command("SET", scripts.keyOf("limit"), `${1_800_000_000_000_000 + ahead}:${ahead % 9}${tail}`, "EX", 60)
    )
  test(`answer the same where the numbers of the limit change (${numRuns} programs)`, () =>
    compare({
      programs: fc.array(
        fc.oneof(
          {
            weight: 8,
            arbitrary: changing.map(({ rate, script: chosen, ...input }) =>
              script(chosen as typeof scripts.consume, timed({ key: "limit", ...rate, ...input }))
            )
          },
          { weight: 1, arbitrary: foreign }
        ),
        { maxLength: 20, size: "max" }
      ),
      observe: () => [],
      numRuns
    }))

  // the key's life is then no multiple of anything: only what is answered is compared
  test(`answer the same where a token takes no whole number of microseconds (${numRuns} programs)`, () =>
    compare({
      programs: rate.chain((rate) =>
        fc.array(
          fc
            .record({
              script: fc.constantFrom(scripts.consume, scripts.consume, scripts.peek, scripts.refund),
              cost: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: rate.burst })),
              ahead: fc.nat(3_000_000)
            })
            .map(({ script: chosen, ...input }) =>
              script(chosen as typeof scripts.consume, timed({ key: "limit", ...rate, ...input }))
            ),
          { maxLength: 20, size: "max" }
        )
      ),
      observe: () => [],
      numRuns
    }))
})

describe("the scripts of every algorithm", () => {
  it("touch no key but the one that they declare", () => {
    for (const { consume, keyOf, peek, penalize, refund } of Record.values(limitScripts)) {
      for (const { keys, lua } of [consume, peek, refund, penalize]) {
        expect(keys({ key: "limit", cost: 1, limit: 1, windowMillis: 1, burst: 1 })).toEqual([keyOf("limit")])
        const touched = [...lua.matchAll(/redis\.p?call\("(\w+)"(?:, ([^,)]+))?/g)].map(([, name, key]) => [name, key])
        expect(touched.length).toBeGreaterThan(0)
        for (const [name, key] of touched) {
          // `key` is the one of the call
          expect([name, key === "key" ? "KEYS[1]" : key]).toEqual([name, name === "TIME" ? undefined : "KEYS[1]"])
        }
      }
    }
  })

  test("go by the server's own clock, and leave no key without an expiry", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      for (const [algorithm, scripts] of Record.toEntries(limitScripts)) {
        const input = { key: "clock", cost: 2, limit: 3, windowMillis: 60_000, burst: 3 }
        expect(yield* client.run(scripts.consume)(input)).toMatchObject([1, 1, expect.any(Number), 0])
        const [remaining, reset] = yield* client.run(scripts.peek)(input)
        expect([algorithm, remaining]).toEqual([algorithm, 1])
        expect(reset).toBeGreaterThan(0)
        expect(reset).toBeLessThanOrEqual(120_000_000)
        const left = yield* client.ttl(scripts.keyOf("clock"))
        expect([algorithm, Option.exists(left, Duration.isFinite)]).toEqual([algorithm, true])
      }
    }).pipe(Effect.provide(onServer)))
})
