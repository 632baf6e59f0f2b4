/** An effect whose result is often known without a step of the runtime behaves like any other effect. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as SyncEffect from "../../../src/internal/effect/SyncEffect.js"

/**
 * An effect that answers an exit where one is set, and otherwise -1 after a step of the runtime. Where it peeks, it finds
 * the value of a success before it is asked for the exit.
 */
const cell = ({ peeks = false } = {}) => {
  let set: Exit.Exit<number, string> | undefined
  let calls = 0
  let steps = 0
  const get = SyncEffect.make(
    {
      peek: (_: string) => {
        if (!peeks || set === undefined || Exit.isFailure(set)) return undefined
        calls++
        return set
      },
      absent: (_: string): Effect.Effect<number, string> => {
        calls++
        if (set !== undefined) return set
        return Effect.suspend(() => {
          steps++
          return Effect.as(Effect.yieldNow(), -1)
        })
      }
    },
    (_: string, { answer }: { readonly answer: number }) => Effect.succeed(answer)
  )
  return {
    get,
    hold: (exit: Exit.Exit<number, string> | undefined) => {
      set = exit
    },
    steps: () => steps,
    calls: () => calls
  }
}

describe.each([{ peeks: true }, { peeks: false }])("a SyncEffect that peeks: $peeks", (options) => {
  it.effect("gives an exit to a generator without a step of the runtime, and runs any other effect", () =>
    Effect.gen(function* () {
      const { calls, get, hold, steps } = cell(options)
      expect(yield* get("a")).toBe(-1)
      expect([steps(), calls()]).toEqual([1, 1])
      hold(Exit.succeed(1))
      expect(yield* get("a")).toBe(1)
      expect([steps(), calls()]).toEqual([1, 2])
    })
  )

  it.effect("runs another effect for a call with options, and ignores the place that a list passes", () =>
    Effect.gen(function* () {
      const { get, hold } = cell(options)
      hold(Exit.succeed(1))
      expect(yield* get("a", { answer: 7 })).toBe(7)
      expect(yield* Effect.forEach(["a", "b"], get)).toEqual([1, 1])
    })
  )

  it.effect("calls its function when it runs, each time anew, and not when it is made", () =>
    Effect.gen(function* () {
      const { get, hold } = cell(options)
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

  it.effect("fails a generator with an exit that is a failure, and its caller can catch it", () =>
    Effect.gen(function* () {
      const { get, hold, steps } = cell(options)
      hold(Exit.fail("no"))
      let isPast = false
      const reading = Effect.gen(function* () {
        yield* get("a")
        isPast = true
      })
      expect(yield* Effect.exit(reading)).toEqual(Exit.fail("no"))
      expect(isPast).toBe(false)
      expect(steps()).toBe(0)
      expect(yield* Effect.flip(get("a"))).toBe("no")
    })
  )

  it.effect("yields to other fibers and to interruption in a long loop of exits", () =>
    Effect.gen(function* () {
      const { get, hold } = cell(options)
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
      // the loop ends only if the other fiber runs
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
