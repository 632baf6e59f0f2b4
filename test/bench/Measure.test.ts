import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { keySet, sequence } from "../../bench/measure/Keys.js"
import { CountMeter, effectful, measureOnce, promising, takingTurns, verify } from "../../bench/measure/Measure.js"
import { median } from "../../bench/measure/statistics.js"
import { compare } from "../../bench/report/Comparison.js"
import * as LookupTimes from "../../bench/workloads/lookups/LookupTimes.js"

describe("Measure", () => {
  it("the median is the middle, or the mean of the two in the middle", () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([])).toBeNaN()
  })

  it.effect("subjects take turns, each round begins with another one, and the first rounds do not count", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const subject = (name: string, rates: ReadonlyArray<number>) => {
        let asked = 0
        return {
          name,
          measure: async () => {
            order.push(name)
            return rates[asked++] ?? Number.NaN
          }
        }
      }
      const measured = yield* takingTurns([subject("a", [1_000, 1, 2, 9]), subject("b", [1_000, 30, 10, 20])], 3)
      expect(measured).toEqual([
        { subject: "a", rates: [1, 2, 9] },
        { subject: "b", rates: [30, 10, 20] }
      ])
      expect(order.join("")).toBe("abab" + "ba" + "ab")
    })
  )

  it.effect("a wrong answer ends the run, and says whose it is", () =>
    Effect.gen(function* () {
      const right = promising("right", async (index) => index)
      const wrong = effectful("wrong", (index) => Effect.succeed(index === 7 ? 8 : index))
      yield* verify("numbers", [right], [0, 7], (index) => index)
      const exit = yield* Effect.exit(verify("numbers", [right, wrong], [0, 7], (index) => index))
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("numbers: wrong answers 8 for key 7, not 7")
    })
  )

  it.live("what is counted is what was done, times its weight", () =>
    Effect.gen(function* () {
      let done = 0
      const subject = {
        ...promising("hundreds", async () => {
          done++
        }),
        weight: 100
      }
      const options = { concurrency: 3, rounds: 1, millis: 20, warmUpMillis: 0, keys: sequence(keySet(10, "uniform")) }
      const started = performance.now()
      const rate = yield* Effect.promise(() => measureOnce(subject, options))
      const seconds = (performance.now() - started) / 1_000
      expect(done).toBeGreaterThan(0)
      // the time inside is a part of the time around it
      expect(rate * seconds).toBeGreaterThanOrEqual(done * 100)
    })
  )

  it.effect("a round of a number of operations has so many, whatever the number of callers", () =>
    Effect.gen(function* () {
      let done = 0
      const subject = promising("counted", async () => {
        done++
      })
      const meter = new CountMeter(100)
      yield* Effect.promise(() => subject.run(7, meter, sequence(keySet(10, "uniform"))))
      expect([done, meter.completed]).toEqual([100, 100])
    })
  )

  it("each result has its ratio to each of the others: the median of those within each round", () => {
    expect(
      compare("reads", 128, [
        { subject: "toolkit", rates: [200, 50, 400] },
        { subject: "peer", rates: [80, 20, 200] }
      ])
    ).toEqual([
      { workload: "reads", concurrency: 128, subject: "toolkit", opsPerSecond: 200, ratioTo: { peer: 2.5 } },
      { workload: "reads", concurrency: 128, subject: "peer", opsPerSecond: 80, ratioTo: { toolkit: 0.4 } }
    ])
  })
})

describe("Keys", () => {
  const drawn = (size: number, distribution: "uniform" | "Zipf", count: number) => {
    const keys = sequence(keySet(size, distribution))
    return Array.from({ length: count }, keys.next)
  }

  it("are the same in every run, and all of the set", () => {
    expect(drawn(1_000, "uniform", 100)).toEqual(drawn(1_000, "uniform", 100))
    const many = new Set(drawn(1_000, "uniform", 100_000))
    expect(many.size).toBe(1_000)
    expect(Math.max(...many)).toBe(999)
  })

  it("by Zipf, the most popular of 1,000 gets 13 % of the calls", () => {
    const calls = drawn(1_000, "Zipf", 200_000)
    const share = (key: number) => calls.filter((drawn) => drawn === key).length / calls.length
    expect(share(0)).toBeCloseTo(0.13, 1)
    expect(share(0) / share(1)).toBeCloseTo(2 ** 0.99, 0)
  })

  it("have the exponent in their name where it is not the usual one", () => {
    expect(keySet(1_000, "Zipf").name).toBe("1,000 keys, Zipf")
    expect(keySet(1_000, "Zipf", 1.4).name).toBe("1,000 keys, Zipf 1.4")
  })
})

describe("LookupTimes", () => {
  it("count the lookups of the busiest window, wherever it begins", () => {
    const lookups = [0, 50, 99, 100, 120, 400].map((time, row) => [row, time] as const)
    expect(LookupTimes.mostWithin(100, lookups)).toBe(4)
    expect(LookupTimes.mostWithin(100, [])).toBe(0)
  })

  it("count overlapping lookups of one row as one expiry, and those of other rows apart", () => {
    const lookups = [
      [1, 0],
      [1, 30],
      [1, 80],
      [1, 500],
      [2, 40]
    ] as const
    expect(LookupTimes.expiries(50, lookups)).toBe(3)
  })
})
