/** The promise of each algorithm, over every window of random sequences of calls. */
import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import type { RateLimit } from "../../../src/coordination/RateLimiter.js"
import { runs } from "../../support/effort.js"
import {
  type Call,
  costOf,
  granted,
  type Numbers,
  numbers,
  refunded,
  type Step,
  simulate,
  steps
} from "./simulation.js"

const numRuns = runs(1_000)

const holds = (
  algorithm: RateLimit["algorithm"],
  actions: ReadonlyArray<Step["action"]>,
  property: (numbers: Numbers, calls: ReadonlyArray<Call>) => void
) =>
  fc.assert(
    fc.property(
      numbers(algorithm).chain((numbers) => fc.tuple(fc.constant(numbers), steps(numbers, actions))),
      ([numbers, program]) => property(numbers, simulate(algorithm, numbers, program))
    ),
    { numRuns }
  )

const between = (calls: ReadonlyArray<Call>, from: number, to: number) =>
  calls.filter(({ at }) => at >= from && at < to)

/** The calls by the number of their window of the calendar. */
const inWindow = (calls: ReadonlyArray<Call>, { windowMillis }: Numbers, index: number) =>
  calls.filter(({ at }) => Math.floor(at / 1_000 / windowMillis) === index)

describe("a fixed window", () => {
  /** The windows by their first call, and what of the calls falls into each. */
  const windows = (calls: ReadonlyArray<Call>, { windowMillis }: Numbers) => {
    const all: Array<{ readonly start: number; readonly calls: Array<Call> }> = []
    for (const call of calls) {
      const millis = Math.floor(call.at / 1_000)
      const last = all.at(-1)
      if (last !== undefined && millis < last.start + windowMillis) last.calls.push(call)
      else if (call.action === "consume" && call.allowed) all.push({ start: millis, calls: [call] })
    }
    return all
  }

  it("allows exactly the limit from its first call until it ends", () => {
    holds("FixedWindow", ["consume"], (numbers, calls) => {
      for (const window of windows(calls, numbers)) {
        let used = 0
        for (const call of window.calls) {
          expect(call.allowed).toBe(used + call.cost <= numbers.limit)
          if (call.allowed) used += call.cost
          expect(call.remaining).toBe(numbers.limit - used)
          expect(call.reset).toBe((window.start + numbers.windowMillis - Math.floor(call.at / 1_000)) * 1_000)
        }
      }
      const outside = calls.filter((call) => !windows(calls, numbers).some((window) => window.calls.includes(call)))
      for (const call of outside) expect(call.cost).toBeGreaterThan(numbers.limit)
    })
  })

  it("allows the refunded cost once more in the window, and no more", () => {
    holds("FixedWindow", ["consume", "consume", "refund"], (numbers, calls) => {
      for (const window of windows(calls, numbers)) {
        expect(costOf(granted(window.calls))).toBeLessThanOrEqual(numbers.limit + costOf(refunded(window.calls)))
      }
    })
  })
})

describe("a sliding log", () => {
  const most = (calls: ReadonlyArray<Call>, window: number) =>
    Math.max(0, ...calls.map(({ at }) => costOf(between(calls, at, at + window))))

  it("never allows more than the limit in any time as long as the window", () => {
    holds("SlidingLog", ["consume"], ({ limit, windowMillis }, calls) => {
      expect(most(granted(calls), windowMillis * 1_000)).toBeLessThanOrEqual(limit)
    })
  })

  it("rejects no call that it could allow", () => {
    holds("SlidingLog", ["consume"], ({ limit, windowMillis }, calls) => {
      for (const [i, { allowed, at, cost, remaining }] of calls.entries()) {
        const used = costOf(between(granted(calls.slice(0, i)), at - windowMillis * 1_000 + 1, at + 1))
        expect(allowed).toBe(used + cost <= limit)
        expect(remaining).toBe(limit - used - (allowed ? cost : 0))
      }
    })
  })

  it("keeps its promise for the calls that were not refunded, whichever calls were", () => {
    fc.assert(
      fc.property(
        numbers("SlidingLog").chain((numbers) =>
          fc.tuple(fc.constant(numbers), steps(numbers, ["consume", "consume", "refund"]), fc.array(fc.nat(100)))
        ),
        ([numbers, program, choices]) => {
          // each refund is of some call of the last window, so that what it costs is known only when it is its turn
          const fixed: Array<Step> = []
          const kept: Array<number> = []
          for (const [i, step] of program.entries()) {
            const calls = simulate("SlidingLog", numbers, [...fixed, { ...step, action: "consume" }])
            const last = calls.at(-1)
            if (step.action === "consume") {
              if (last?.allowed === true) kept.push(fixed.length)
              fixed.push(step)
              continue
            }
            const recent = kept.filter((k) => (calls[k]?.at ?? 0) > (last?.at ?? 0) - numbers.windowMillis * 1_000)
            const chosen = recent[(choices[i % Math.max(choices.length, 1)] ?? 0) % Math.max(recent.length, 1)]
            if (chosen === undefined) continue
            kept.splice(kept.indexOf(chosen), 1)
            fixed.push({ ...step, cost: fixed[chosen]?.cost ?? 1 })
          }
          const calls = simulate("SlidingLog", numbers, fixed)
          const stay = kept.flatMap((k) => calls[k] ?? [])
          expect(most(stay, numbers.windowMillis * 1_000)).toBeLessThanOrEqual(numbers.limit)
        }
      ),
      { numRuns: runs(500) }
    )
  })
})

describe("a sliding counter", () => {
  it("never allows more than the limit in a window counted from 1970", () => {
    holds("SlidingCounter", ["consume"], (numbers, calls) => {
      for (const { at } of calls) {
        const index = Math.floor(at / 1_000 / numbers.windowMillis)
        expect(costOf(inWindow(granted(calls), numbers, index))).toBeLessThanOrEqual(numbers.limit)
      }
    })
  })

  it("exceeds the limit in any time as long as the window by no more than the error of its estimate", () => {
    holds("SlidingCounter", ["consume"], (numbers, calls) => {
      const allowed = granted(calls)
      for (const { at } of allowed) {
        const millis = Math.floor(at / 1_000)
        const index = Math.floor(millis / numbers.windowMillis)
        const passed = (millis - index * numbers.windowMillis) / numbers.windowMillis
        const previous = costOf(inWindow(allowed, numbers, index - 1))
        const real = allowed.filter(
          (other) => other.at <= at && Math.floor(other.at / 1_000) > millis - numbers.windowMillis
        )
        expect(costOf(real)).toBeLessThanOrEqual(numbers.limit + passed * previous)
        expect(costOf(real)).toBeLessThan(2 * numbers.limit)
      }
    })
  })

  it("rejects no call that its estimate allows", () => {
    holds("SlidingCounter", ["consume"], (numbers, calls) => {
      for (const [i, { allowed, at, cost }] of calls.entries()) {
        const before = granted(calls.slice(0, i))
        const millis = Math.floor(at / 1_000)
        const index = Math.floor(millis / numbers.windowMillis)
        const left = (index + 1) * numbers.windowMillis - millis
        const weighted = (costOf(inWindow(before, numbers, index - 1)) * left) / numbers.windowMillis
        expect(allowed).toBe(costOf(inWindow(before, numbers, index)) + weighted + cost <= numbers.limit + 1e-9)
      }
    })
  })

  it("allows the refunded cost once more in a window counted from 1970, and no more", () => {
    holds("SlidingCounter", ["consume", "consume", "refund"], (numbers, calls) => {
      for (const { at } of calls) {
        const window = inWindow(calls, numbers, Math.floor(at / 1_000 / numbers.windowMillis))
        expect(costOf(granted(window))).toBeLessThanOrEqual(numbers.limit + costOf(refunded(window)))
      }
    })
  })
})

describe("a token bucket", () => {
  it("never allows more than the burst and the rate in any time", () => {
    holds("TokenBucket", ["consume"], ({ burst, limit, windowMillis }, calls) => {
      const allowed = granted(calls)
      for (const [i, first] of allowed.entries()) {
        let sum = 0
        for (const last of allowed.slice(i)) {
          sum += last.cost
          const most = BigInt(burst) * BigInt(windowMillis) * 1_000n + BigInt(last.at - first.at) * BigInt(limit)
          expect(BigInt(sum) * BigInt(windowMillis) * 1_000n <= most).toBe(true)
        }
      }
    })
  })

  /**
   * The other form of the algorithm in I.371: a bucket that leaks and overflows. Its content is counted in microseconds
   * times the limit, a call of cost 1 pours a window into it.
   */
  const leakyBucket = ({ burst, limit, windowMillis }: Numbers) => {
    const [window, leak] = [BigInt(windowMillis) * 1_000n, BigInt(limit)]
    const size = BigInt(burst) * window
    const ceiling = (parts: bigint) => Number((parts + leak - 1n) / leak)
    let content = 0n
    let lastAt = 0n
    return ({ action, at, cost }: Call) => {
      const leaked = (BigInt(at) - lastAt) * leak
      content = content > leaked ? content - leaked : 0n
      lastAt = BigInt(at)
      const poured = BigInt(cost) * window
      const allowed = action === "refund" || content + poured <= size
      const retry = allowed ? 0 : cost > burst ? -1 : ceiling(content + poured - size)
      if (action === "refund") content = content > poured ? content - poured : 0n
      else if (allowed) content += poured
      return { allowed, remaining: Number((size - content) / window), reset: ceiling(content), retry }
    }
  }

  it("decides as a leaky bucket that overflows does, in exact fractions", () => {
    holds("TokenBucket", ["consume", "consume", "consume", "refund"], (numbers, calls) => {
      const expected = leakyBucket(numbers)
      for (const call of calls) {
        const { allowed, remaining, reset, retry } = call
        expect({ allowed, remaining, reset, retry }).toEqual(expected(call))
      }
    })
  })
})

describe("every algorithm", () => {
  for (const algorithm of ["FixedWindow", "SlidingLog", "SlidingCounter", "TokenBucket"] as const) {
    // the fixed window and the counter know whole milliseconds
    const instant = algorithm === "FixedWindow" || algorithm === "SlidingCounter" ? 1_000 : 1

    it(`allows a rejected call exactly when it said (${algorithm})`, () => {
      holds(algorithm, ["consume", "consume", "refund"], (_, calls) => {
        for (const { action, allowed, allowedLater, at, cost, retry } of calls) {
          if (action === "refund" || allowed || retry === -1) continue
          expect(retry).toBeGreaterThan(0)
          // a millisecond in which the server is in the middle begins earlier than the call
          const begun = (at + retry) % instant
          expect(allowedLater(retry, cost)).toBe(true)
          const earlier = retry - Math.max(begun, 1) - (instant - 1)
          expect(earlier > 0 && allowedLater(earlier, cost)).toBe(false)
        }
      })
    })

    it(`changes nothing for a rejected call (${algorithm})`, () => {
      holds(algorithm, ["consume", "consume", "refund"], (_, calls) => {
        for (const { allowed, before, left } of calls) if (!allowed) expect(left()).toBe(before())
      })
    })

    it(`never allows a call that costs more than the limit (${algorithm})`, () => {
      holds(algorithm, ["consume"], ({ burst, limit }, calls) => {
        for (const { allowed, cost, retry } of calls) {
          const never = cost > (algorithm === "TokenBucket" ? burst : limit)
          expect(retry === -1).toBe(never)
          if (never) expect(allowed).toBe(false)
        }
      })
    })

    it(`has the whole limit available when it said, and leaves no key without an expiry (${algorithm})`, () => {
      holds(algorithm, ["consume", "consume", "refund"], ({ burst, limit, windowMillis }, calls) => {
        const whole = algorithm === "TokenBucket" ? burst : limit
        const longest = 2 * windowMillis * (algorithm === "TokenBucket" ? burst : 1) + 1_000
        for (const { allowedLater, life, reset } of calls) {
          expect(allowedLater(reset, whole)).toBe(true)
          // -2: there is no key, -1: it has no end
          expect(life()).not.toBe(-1)
          expect(life()).toBeLessThanOrEqual(longest)
        }
      })
    })
  }
})
