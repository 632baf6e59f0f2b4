/** The board beside its simplest model: a list that is sorted for each answer. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Leaderboard from "../../../src/coordination/Leaderboard.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisError } from "../../../src/redis/RedisError.js"
import { runs } from "../../support/effort.js"
import { onEveryLayer } from "../../support/server/clientLayers.js"

type Keeps = "best" | "last" | "sum"

class SortedList {
  private rows: Array<{ readonly member: string; readonly score: number; readonly arrival: number }> = []
  private arrivals = 0

  constructor(
    private readonly keeps: Keeps,
    private readonly order: Leaderboard.Order = "highest"
  ) {}

  /** Whether a score ranks before another one. */
  private isBetter(score: number, other: number) {
    return this.order === "lowest" ? score < other : score > other
  }

  submit(member: string, submitted: number) {
    const before = this.rows.find((row) => row.member === member)
    const score = (this.keeps === "sum" ? (before?.score ?? 0) : 0) + submitted
    if (!Number.isFinite(score)) return "rejected"
    const isChanged =
      before === undefined || (this.keeps === "best" ? this.isBetter(score, before.score) : score !== before.score)
    if (isChanged) {
      this.remove(member)
      this.rows.push({ member, score: score + 0, arrival: this.arrivals++ })
    }
    return { score: (isChanged ? score : before.score) + 0, isNew: before === undefined, isChanged }
  }

  remove(member: string) {
    const before = this.rows.length
    this.rows = this.rows.filter((row) => row.member !== member)
    return this.rows.length < before
  }

  top(offset: number, limit: number) {
    return this.rows
      .toSorted((a, b) =>
        this.isBetter(a.score, b.score) ? -1 : this.isBetter(b.score, a.score) ? 1 : a.arrival - b.arrival
      )
      .map(({ member, score }, rank) => ({ rank, member, score }))
      .slice(offset, offset + limit)
  }

  find(member: string) {
    return Option.fromNullable(this.top(0, Infinity).find((row) => row.member === member))
  }

  around(member: string, above: number, below: number) {
    return Option.map(this.find(member), ({ rank }) => {
      const first = Math.max(rank - above, 0)
      return this.top(first, rank + below + 1 - first)
    })
  }

  percentileOf(member: string) {
    const others = this.rows.length - 1
    return Option.map(this.find(member), ({ rank }) => (others === 0 ? 100 : ((others - rank) / others) * 100))
  }
}

interface Step {
  readonly onBoard: (board: Leaderboard.Leaderboard) => Effect.Effect<unknown, RedisError>
  readonly onList: (list: SortedList) => unknown
}

const step = (description: string, onBoard: Step["onBoard"], onList: Step["onList"]): Step =>
  Object.assign({ onBoard, onList }, { [fc.toStringMethod]: () => description })

const member = fc.constantFrom("ada", "bob", "cyd", "dan", "é", "z")
const few = fc.nat({ max: 3 })
const score = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -2, max: 2 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(0.1, 0.2, -0, 5e-324, -5e-324, 2 ** 53, 2 ** 53 + 2, -(2 ** 60), 1e308, -1e308)
  },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) }
)

const rejectedAs = (error: RedisError) =>
  error._tag === "InvalidArgument" ? Effect.succeed("rejected") : Effect.fail(error)

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(member, score).map(([member, score]) =>
      step(
        `submit ${member} ${score}`,
        (board) => Effect.catchAll(board.submit(member, score), rejectedAs),
        (list) => list.submit(member, score)
      )
    )
  },
  member.map((member) =>
    step(
      `remove ${member}`,
      (board) => board.remove(member),
      (list) => list.remove(member)
    )
  ),
  fc.tuple(few, few).map(([offset, limit]) =>
    step(
      `top ${offset} ${limit}`,
      (board) => board.top({ offset, limit }),
      (list) => list.top(offset, limit)
    )
  ),
  fc.tuple(member, few, few).map(([member, above, below]) =>
    step(
      `around ${member} ${above} ${below}`,
      (board) => board.around(member, { above, below }),
      (list) => list.around(member, above, below)
    )
  ),
  member.map((member) =>
    step(
      `rankOf ${member}`,
      (board) => board.rankOf(member),
      (list) => Option.map(list.find(member), ({ rank, score }) => ({ rank, score }))
    )
  ),
  member.map((member) =>
    step(
      `percentileOf ${member}`,
      (board) => board.percentileOf(member),
      (list) => list.percentileOf(member)
    )
  ),
  fc.constant(
    step(
      "size",
      (board) => board.size,
      (list) => list.top(0, Infinity).length
    )
  )
)

describe("a leaderboard", () => {
  onEveryLayer((it) => {
    for (const order of ["highest", "lowest"] as const) {
      for (const keeps of ["best", "last", "sum"] as const) {
        it.effect(`answers as a list that is sorted each time does, the ${order} first, keeping the ${keeps}`, () =>
          Effect.gen(function* () {
            const board = yield* Leaderboard.make({ key: `model:${order}:${keeps}`, keeps, order })
            const agrees = fc.asyncProperty(fc.array(steps, { maxLength: 30, size: "max" }), (program) =>
              Effect.runPromise(
                Effect.gen(function* () {
                  yield* board.clear
                  const list = new SortedList(keeps, order)
                  for (const { onBoard, onList } of program) expect(yield* onBoard(board)).toEqual(onList(list))
                  expect(yield* board.top({ offset: 0, limit: 10 })).toEqual(list.top(0, 10))
                })
              )
            )
            yield* Effect.promise(() => fc.assert(agrees, { numRuns: runs(order === "highest" ? 500 : 200) }))
          })
        )
      }
    }

    it.effect("ranks 2,000 members with ties, fractions and doubles of every size exactly", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const board = yield* Leaderboard.make({ key: "model:exact" })
        const special = [
          0,
          -0,
          5e-324,
          -5e-324,
          2 ** 53 - 1,
          2 ** 53,
          2 ** 53 + 2,
          -(2 ** 53),
          0.1,
          0.1 + 0.2,
          0.3,
          1e308
        ]
        const list = new SortedList("best")
        const submissions = fc.sample(
          fc.oneof(
            fc.constantFrom(...special),
            fc.integer({ min: -5, max: 5 }),
            fc.double({ noNaN: true, noDefaultInfinity: true })
          ),
          { numRuns: 2_000, seed: 7 }
        )
        for (const [i, score] of submissions.entries()) list.submit(`member ${i}`, score)
        yield* Effect.forEach(submissions, (score, i) => board.submit(`member ${i}`, score), { concurrency: 64 })
        const expected = list.top(0, Infinity)
        expect(yield* board.top({ offset: 0, limit: 3_000 })).toEqual(expected)
        expect(yield* board.top({ offset: 990, limit: 100 })).toEqual(expected.slice(990, 1_090))
        for (const { member, rank, score } of expected.filter((_, i) => i % 97 === 0)) {
          expect(yield* board.rankOf(member)).toEqual(Option.some({ rank, score }))
        }
        expect(yield* client.zcard("leaderboard:model:exact")).toBe(2_000)
      })
    )
  })
})
