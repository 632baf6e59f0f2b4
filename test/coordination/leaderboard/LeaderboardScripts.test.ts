/** The models of the scripts of leaderboards against their Lua: the same random programs on both. */
import { describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as BoardKeys from "../../../src/coordination/leaderboard/BoardKeys.js"
import type { Order } from "../../../src/coordination/leaderboard/BoardScript.js"
import * as ReadScripts from "../../../src/coordination/leaderboard/ReadScripts.js"
import * as WriteScripts from "../../../src/coordination/leaderboard/WriteScripts.js"
import { compareScript } from "../../support/programs/compareScript.js"
import { command, type Step, script } from "../../support/programs/programs.js"
import { skipReasonOfUse } from "../../support/server/RedisServer.js"

const test = it.scopedLive.skipIf(skipReasonOfUse() !== undefined)
const numRuns = 2_000

const { arrivals, board, metadata, ranked } = BoardKeys.make("board")

const member = fc.constantFrom("ada", "bob", "cyd", "", "é", "🦊", "0000000000000001ada")
const score = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -2, max: 2 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0.1, -0.1, -0, 5e-324, -5e-324, 2 ** 53, 2 ** 53 + 2, 1e300, Number.MAX_VALUE)
  },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) }
)
const arrival = fc.option(fc.constantFrom(0, 1, 2, 3, 7, Number.MAX_SAFE_INTEGER - 1), { nil: undefined, freq: 3 })
const timeToLiveMillis = fc.constantFrom(0, 0, 5_000, 15_000, 60_000)
const anyway = fc.boolean()

/** Servers write doubles with 17 digits, the model with fewer: the same numbers. */
const scoresAsNumbers = (reply: unknown): unknown => {
  if (Array.isArray(reply)) return reply.map(scoresAsNumbers)
  const isNumber = typeof reply === "string" && /^-?(\d+(\.\d+)?(e[+-]?\d+)?|inf)$/.test(reply)
  return isNumber ? Number(reply.replace("inf", "Infinity")) + 0 : reply
}

/** The steps on a board of one kind: its order, and whether it has metadata. */
const stepsOf = (order: Order, isDescribed: boolean) => {
  const keys = BoardKeys.make("board", isDescribed)
  const described = fc.constantFrom("", "=", "fast", "{}")

  const submission = fc.record({ member, score, arrival, timeToLiveMillis, metadata: described }).map((given) => ({
    ...given,
    keys,
    order,
    expiresAt: 0,
    opening: undefined
  }))

  const best = submission.chain((given) =>
    fc.constantFrom("best" as const, "last" as const).map((policy) => ({ ...given, policy }))
  )
  const sum = submission.map((given) => ({ ...given, policy: "sum" as const }))

  /** The changes of other programs to the board, and evictions by a full server. */
  const fromOutside: fc.Arbitrary<Step> = fc.oneof(
    fc.tuple(member, score).map(([member, score]) => command("ZADD", board, String(score), member)),
    fc.tuple(member, score).map(([member, score]) => command("ZINCRBY", board, String(score), member)),
    member.map((member) => command("ZREM", board, member)),
    fc.constantFrom(board, ranked, arrivals, metadata).map((key) => command("DEL", key)),
    fc.constantFrom("inf", "-inf").map((score) => command("ZADD", board, score, "boundless"))
  )

  const others = fc.oneof(
    { weight: 3, arbitrary: best.map((input) => script(WriteScripts.submit, input, scoresAsNumbers)) },
    { weight: 3, arbitrary: sum.map((input) => script(WriteScripts.add, input, scoresAsNumbers)) },
    { weight: 2, arbitrary: member.map((member) => script(WriteScripts.remove, { keys, member })) },
    {
      weight: 2,
      arbitrary: fc
        .record({ anyway, offset: fc.nat({ max: 4 }), limit: fc.integer({ min: 1, max: 4 }) })
        .map((input) => script(ReadScripts.page, { ...input, keys }, scoresAsNumbers))
    },
    {
      weight: 2,
      arbitrary: fc
        .record({ anyway, member, above: fc.nat({ max: 3 }), below: fc.nat({ max: 3 }) })
        .map((input) => script(ReadScripts.around, { ...input, keys }, scoresAsNumbers))
    },
    { weight: 2, arbitrary: fc.nat({ max: 2 }).map((from) => script(ReadScripts.repair, { keys, from, order })) },
    ...(isDescribed
      ? [
          {
            weight: 2,
            arbitrary: fc
              .record({ member, metadata: described })
              .map((input) => script(WriteScripts.describe, { ...input, keys }))
          }
        ]
      : []),
    { weight: 2, arbitrary: fromOutside }
  )
  return { best, sum, others }
}

const plain = stepsOf("highest", false)
const ofTimes = stepsOf("lowest", true)

describe("the scripts of leaderboards", () => {
  test(`answer and leave the same in memory and on a server, keeping the best or the last (${numRuns} programs)`, () =>
    compareScript(WriteScripts.submit, plain.best, { others: plain.others, numRuns, comparable: scoresAsNumbers }))

  test(`answer and leave the same in memory and on a server, adding up (${numRuns} programs)`, () =>
    compareScript(WriteScripts.add, plain.sum, { others: plain.others, numRuns, comparable: scoresAsNumbers }))

  test("answer and leave the same in memory and on a server, with the lowest first and metadata", () =>
    compareScript(WriteScripts.submit, ofTimes.best, {
      others: ofTimes.others,
      numRuns: numRuns / 2,
      comparable: scoresAsNumbers
    }))

  test(`reject the same submissions outside of a window (${numRuns} programs)`, () =>
    compareScript(
      WriteScripts.submit,
      fc
        .tuple(plain.best, fc.constantFrom(-20_000, -10_000, 0, 10_000), fc.constantFrom(0, 1, 10_000, 20_000))
        .map(([input, opensIn, closesIn]) => (now: number) => ({
          ...input,
          now,
          opening: { opens: now + opensIn, closes: now + closesIn }
        })),
      { numRuns, comparable: scoresAsNumbers }
    ))
})
