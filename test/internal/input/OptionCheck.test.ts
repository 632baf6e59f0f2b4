import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as OptionCheck from "../../../src/internal/input/OptionCheck.js"

const check = OptionCheck.make('TypedCache "user"')

const messageOf = (run: () => unknown): string => {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof OptionCheck.InvalidOption) return thrown.message
    throw thrown
  }
  return "accepted"
}

describe("an option check", () => {
  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("rejects %d as a whole number of at least 1", (value) => {
    expect(messageOf(() => check.wholeNumber("maxLookups", value))).toBe(
      `TypedCache "user": option \`maxLookups\` is ${value}; it must be a whole number of at least 1`
    )
  })

  it("keeps a whole number within its bounds and rejects one beyond them", () => {
    expect(check.wholeNumber("port", 65_535, { least: 1, most: 65_535 })).toBe(65_535)
    expect(check.wholeNumber("pause", 0, { least: 0 })).toBe(0)
    expect(messageOf(() => check.wholeNumber("port", 65_536, { least: 1, most: 65_535 }))).toMatch(
      /it must be a whole number from 1 to 65535$/
    )
  })

  it.each([-0.1, 7, Number.NaN])("rejects %d as a fraction", (value) => {
    expect(messageOf(() => check.fraction("jitter", value))).toBe(
      `TypedCache "user": option \`jitter\` is ${value}; it must be a number from 0 to 1`
    )
  })

  it("keeps the fractions 0 and 1", () => {
    expect([check.fraction("jitter", 0), check.fraction("jitter", 1)]).toEqual([0, 1])
  })

  it.each([
    [0, "0"],
    [-5, "-5"],
    [Number.NaN, "NaN"],
    ["-1 seconds" as Duration.DurationInput, '"-1 seconds"'],
    ["soon" as Duration.DurationInput, '"soon"'],
    [Duration.zero, "0"],
    [Duration.infinity, "Infinity"]
  ] as const)("rejects %s as a positive duration and shows it", (value, shown) => {
    expect(messageOf(() => check.positiveDuration("leaseTime", value))).toBe(
      `TypedCache "user": option \`leaseTime\` is ${shown}; it must be a duration of more than 0, and finite`
    )
  })

  it("keeps a duration of zero where zero is allowed, and an infinite one where infinity is", () => {
    expect(check.duration("pause", 0)).toBe(0)
    expect(check.positiveDuration("maxWait", Duration.infinity, { infinite: true })).toBe(Duration.infinity)
    expect(messageOf(() => check.duration("pause", -1))).toMatch(/it must be a duration of at least 0, and finite$/)
  })

  it("returns an absent option as it is", () => {
    expect(check.wholeNumber("maxLookups", undefined)).toBeUndefined()
    expect(check.fraction("jitter", undefined)).toBeUndefined()
    expect(check.duration("pause", undefined)).toBeUndefined()
  })

  it.effect("is the defect of the effect that builds", () =>
    Effect.gen(function* () {
      const building = Effect.sync(() => check.wholeNumber("maxLookups", 0))
      const defect = yield* Effect.flip(Effect.catchAllDefect(building, Effect.fail))
      expect(defect).toBeInstanceOf(OptionCheck.InvalidOption)
    })
  )
})
