/** The models of the scripts of locks and semaphores against their Lua: the same random programs on both. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import * as LockScripts from "../../../src/coordination/lock/LockScripts.js"
import * as SemaphoreScripts from "../../../src/coordination/lock/SemaphoreScripts.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { batchOf, eachOf } from "../../support/programs/batches.js"
import { compareScript } from "../../support/programs/compareScript.js"
import { coarse, command, script } from "../../support/programs/programs.js"
import { onServer } from "../../support/server/clientLayers.js"
import { skipReasonOfUse } from "../../support/server/RedisServer.js"

const test = it.scopedLive.skipIf(skipReasonOfUse() !== undefined)
const numRuns = 2_000

const token = fc.constantFrom("one", "two", "three", "").map((text) => text as DistributedLock.LockToken)
const channel = fc.constantFrom("released", "shop:{lock:a}:released{2}")
const timeToLiveMillis = fc.constantFrom(5_000, 15_000, 60_000)

describe("the scripts of locks", () => {
  const key = fc.constantFrom("lock:a", "lock:b")
  // now and then the clock is set back
  const ahead = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(-600_000_000) })
  const fences = [
    "7",
    "0",
    "-1",
    "007",
    "1e9",
    "0x10",
    "many",
    "9007199254740990",
    "9007199254740991",
    "99999999999999999999"
  ]
  const others = fc.oneof(
    fc.record({ key, token, timeToLiveMillis }).map((input) => script(LockScripts.extend, input)),
    fc.record({ key, token, channel }).map((input) => script(LockScripts.release, input)),
    fc.tuple(key, fc.constantFrom(...fences)).map(([key, fence]) => command("SET", `{${key}}:fence`, fence, "EX", 60)),
    key.map((key) => command("SET", key, "one")),
    key.map((key) => command("DEL", key))
  )

  const acquisitions = fc
    .record({ key, token, timeToLiveMillis, ahead })
    .map(({ ahead, ...input }) => (now: number) => ({
      ...input,
      now: now * 1000 + ahead
    }))
  // for how long another holds it
  const comparable = (reply: unknown) => (Array.isArray(reply) && reply[0] === 0 ? [0, coarse(reply[1], 5_000)] : reply)

  for (const acquire of [LockScripts.acquire, LockScripts.acquireOrAnnounce]) {
    const which = acquire === LockScripts.acquire ? "" : ", those of waiting callers too"
    test(`answer and leave the same in memory and on a server${which} (${numRuns} programs)`, () =>
      compareScript(acquire, acquisitions, { others, numRuns, comparable }))
  }

  /** Several calls of a script in one command, of which no two have a key in common. */
  const together = <Input extends { readonly key: string }>(
    calls: fc.Arbitrary<Input | ((now: number) => Input)>
  ): fc.Arbitrary<(now: number) => ReadonlyArray<Input>> =>
    fc.array(calls, { minLength: 1, maxLength: 3 }).map((calls) => (now) => {
      const inputs = calls.map((call) => (typeof call === "function" ? call(now) : call))
      return Array.from(new Map(inputs.map((input) => [input.key, input])).values())
    })
  const mixed = fc.oneof(
    others,
    acquisitions.map((input) => script(LockScripts.acquireOrAnnounce, input, comparable))
  )

  test(`do in one command what they do one after the other (${numRuns} programs each)`, () =>
    Effect.all(
      [
        compareScript(
          batchOf(LockScripts.acquire),
          together(acquisitions).map((calls) => (now: number) => {
            const inputs = calls(now)
            // one command reads one clock
            return inputs.map((input) => ({ ...input, now: inputs[0]?.now ?? 0 }))
          }),
          { others: mixed, numRuns, comparable: eachOf(comparable) }
        ),
        compareScript(batchOf(LockScripts.extend), together(fc.record({ key, token, timeToLiveMillis })), {
          others: mixed,
          numRuns,
          comparable: eachOf()
        }),
        compareScript(batchOf(LockScripts.release), together(fc.record({ key, token, channel })), {
          others: mixed,
          numRuns,
          comparable: eachOf()
        })
      ],
      { discard: true }
    ))
})

describe("the scripts of semaphores", () => {
  const key = fc.constantFrom("semaphore:a", "semaphore:b")
  const permits = fc.integer({ min: 1, max: 5 })
  const take = fc.constantFrom(undefined, 1, 2, 3)
  const others = fc.oneof(
    {
      weight: 2,
      arbitrary: fc
        .record({ key, token, timeToLiveMillis, take })
        .map((input) => script(SemaphoreScripts.extend, (now) => ({ ...input, now: now * 1000 })))
    },
    {
      weight: 2,
      arbitrary: fc.record({ key, token, channel, take }).map((input) => script(SemaphoreScripts.release, input))
    },
    { weight: 1, arbitrary: key.map((key) => command("DEL", key)) }
  )

  test(`answer and leave the same in memory and on a server (${numRuns} programs)`, () =>
    compareScript(
      SemaphoreScripts.acquire,
      fc
        .record({ key, token, timeToLiveMillis, permits, take })
        .map((input) => (now: number) => ({ ...input, now: now * 1000 })),
      { others, numRuns }
    ))
})

describe("the scripts of locks on a server's own clock", () => {
  test("give fencing tokens that grow, near the server's time in microseconds", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      const lock = yield* DistributedLock.make
      const tokens = yield* Effect.replicateEffect(
        lock.withLock("clock", { timeToLive: "10 seconds", maxWait: 0 })(({ fencingToken }) =>
          Effect.succeed(fencingToken)
        ),
        50
      )
      expect(tokens.every((token, i) => i === 0 || token > (tokens[i - 1] ?? 0))).toBe(true)
      const serverMicros = (yield* client.serverTime) * 1_000
      for (const token of tokens) expect(Math.abs(token - serverMicros)).toBeLessThan(60_000_000)
    }).pipe(Effect.provide(onServer)))
})
