import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as CurrentFiber from "../../../src/internal/effect/CurrentFiber.js"

describe("the current fiber", () => {
  it.effect("is the one that Fiber.getCurrentFiber answers, also in fibers that are forked", () =>
    Effect.gen(function* () {
      const both = Effect.sync(() => [CurrentFiber.get(), Option.getOrUndefined(Fiber.getCurrentFiber())] as const)
      const [own, documented] = yield* both
      expect(own).toBeDefined()
      expect(own).toBe(documented)
      const forked = yield* Effect.fork(both)
      const [inForked, documentedInForked] = yield* Fiber.join(forked)
      expect(inForked).toBe(forked)
      expect(inForked).toBe(documentedInForked)
    })
  )

  it("is undefined outside of fibers", async () => {
    await Promise.resolve()
    expect(CurrentFiber.get()).toBe(undefined)
  })

  it.effect("is kept where the module reads it", () =>
    Effect.sync(() => expect(Reflect.get(globalThis, "effect/FiberCurrent")).toBe(CurrentFiber.get()))
  )
})
