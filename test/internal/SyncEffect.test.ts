/** Effects whose answer may be at hand: they behave as any other effect does. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as SyncEffect from "../../src/internal/SyncEffect.js"

/** A cell that is asked for, and how often it was not at hand. */
const cell = () => {
  let held: Exit.Exit<number, string> | undefined
  let runs = 0
  let peeks = 0
  const get = SyncEffect.make(
    (_: string) => {
      peeks++
      return held
    },
    () =>
      Effect.suspend(() => {
        runs++
        return Effect.as(Effect.yieldNow(), -1)
      })
  )
  return {
    get,
    hold: (exit: Exit.Exit<number, string> | undefined) => {
      held = exit
    },
    runs: () => runs,
    peeks: () => peeks
  }
}

describe("an effect whose answer may be at hand", () => {
  it.effect("gives it to a generator without a step of the runtime, and runs where it is not there", () =>
    Effect.gen(function* () {
      const { get, hold, peeks, runs } = cell()
      expect(yield* get("a")).toBe(-1)
      expect([runs(), peeks()]).toEqual([1, 1])
      hold(Exit.succeed(1))
      expect(yield* get("a")).toBe(1)
      expect(runs()).toBe(1)
    })
  )

  it.effect("is what it is when it is run, not when it was made, and each time anew", () =>
    Effect.gen(function* () {
      const { get, hold } = cell()
      hold(Exit.succeed(1))
      const made = get("a")
      expect(yield* made).toBe(1)
      hold(Exit.succeed(2))
      expect(yield* made).toBe(2)
      hold(undefined)
      expect(yield* made).toBe(-1)
      hold(Exit.succeed(3))
      expect(yield* Effect.all([made, Effect.map(made, (n) => n + 1), Effect.either(made)])).toMatchObject([
        3,
        4,
        { right: 3 }
      ])
      expect(yield* Effect.forEach(["a", "b"], get, { concurrency: "unbounded" })).toEqual([3, 3])
      expect(Effect.runSync(made)).toBe(3)
    })
  )

  it.effect("fails with a failure that is at hand, which a generator does not survive and its caller can catch", () =>
    Effect.gen(function* () {
      const { get, hold, runs } = cell()
      hold(Exit.fail("no"))
      let isPast = false
      const reading = Effect.gen(function* () {
        yield* get("a")
        isPast = true
      })
      expect(yield* Effect.exit(reading)).toEqual(Exit.fail("no"))
      expect(isPast).toBe(false)
      expect(runs()).toBe(0)
      expect(yield* Effect.flip(get("a"))).toBe("no")
    })
  )

  it.effect("lets other fibers have their turn, however many answers follow one another, and be interrupted", () =>
    Effect.gen(function* () {
      const { get, hold } = cell()
      hold(Exit.succeed(1))
      let turns = 0
      const other = yield* Effect.fork(
        Effect.forever(
          Effect.zipRight(
            Effect.yieldNow(),
            Effect.sync(() => {
              turns++
            })
          )
        )
      )
      // ends only if the other fiber has had its turns meanwhile
      while (turns < 3) yield* get("a")
      yield* Fiber.interrupt(other)
      const reader = yield* Effect.fork(
        Effect.gen(function* () {
          while (true) yield* get("a")
        })
      )
      yield* Effect.yieldNow()
      expect(Exit.isInterrupted(yield* Fiber.interrupt(reader))).toBe(true)
    })
  )
})
