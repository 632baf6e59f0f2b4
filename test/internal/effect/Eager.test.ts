import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Eager from "../../../src/internal/effect/Eager.js"

const later = (n: number) => Effect.as(Effect.yieldNow(), n)
const half = (n: number): Effect.Effect<number, string> => (n % 2 === 0 ? Exit.succeed(n / 2) : Exit.fail(`odd: ${n}`))

describe("an eager combinator", () => {
  it("answers the exit of an exit, and skips its function for a failure", () => {
    const failed: Effect.Effect<number, string> = Exit.fail("no")
    expect(Eager.map(Exit.succeed(2), (n) => n + 1)).toEqual(Exit.succeed(3))
    expect(Eager.map(failed, (n) => n + 1)).toEqual(Exit.fail("no"))
    expect(Eager.flatMap(Exit.succeed(2), half)).toEqual(Exit.succeed(1))
    expect(Eager.flatMap(Exit.succeed(3), half)).toEqual(Exit.fail("odd: 3"))
    expect(Eager.flatMap(failed, half)).toEqual(Exit.fail("no"))
  })

  it.effect("answers an effect for any other effect, with the same result", () =>
    Effect.gen(function* () {
      const mapped = Eager.map(later(2), (n) => n + 1)
      const chained = Eager.flatMap(later(3), half)
      expect([mapped, chained].map(Exit.isExit)).toEqual([false, false])
      expect(yield* mapped).toBe(3)
      expect(yield* Effect.exit(chained)).toEqual(Exit.fail("odd: 3"))
      expect(Exit.isExit(Eager.flatMap(Exit.succeed(2), later))).toBe(false)
    })
  )
})
