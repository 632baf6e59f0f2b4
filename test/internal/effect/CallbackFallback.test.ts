/** `Callback` where a release of Effect represents an asynchronous operation otherwise than the module expects. */
import { afterEach, describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

afterEach(() => {
  vi.doUnmock("effect/Effectable")
  vi.resetModules()
})

/** Loads the module on an Effect to which its objects are no effects. */
const onChangedEffect = Effect.promise(async () => {
  vi.resetModules()
  vi.doMock("effect/Effectable", () => ({ Class: class {} }))
  return await import("../../../src/internal/effect/Callback.js")
})

describe("a callback effect", () => {
  it.effect("is this module's own object on the Effect that is installed", () =>
    Effect.gen(function* () {
      const { isNative } = yield* Effect.promise(() => import("../../../src/internal/effect/Callback.js"))
      expect(isNative).toBe(true)
    })
  )

  it.effect("is an Effect.async where Effect has changed, and resumes its fiber all the same", () =>
    Effect.gen(function* () {
      const Callback = yield* onChangedEffect
      expect(Callback.isNative).toBe(false)
      let resume: (effect: Effect.Effect<number>) => void = () => {}
      const later = yield* Effect.fork(
        Callback.make<number>((given) => {
          resume = given
        })
      )
      yield* Effect.yieldNow()
      resume(Effect.succeed(1))
      expect(yield* Fiber.join(later)).toBe(1)
      const double = Callback.inTurnOf<number, number, never>((given, _caller, of) => given(Effect.succeed(2 * of)))
      expect(yield* double(2)).toBe(4)
      const own = yield* Callback.makeInTurn<string>((given, caller) => given(Effect.succeed(String(caller.id().id))))
      expect(own).toMatch(/^\d+$/)
    })
  )
})
