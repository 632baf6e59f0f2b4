import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as ServerProcess from "./ServerProcess.js"

describe("a process of a test", () => {
  it.scopedLive("that ends at its start is a defect with its last words", () =>
    Effect.gen(function* () {
      const program = yield* ServerProcess.make("sh", yield* ServerProcess.freePort)
      const cause = yield* Effect.flip(Effect.sandbox(program.start(["-c", "echo the port is taken; exit 1"])))
      expect(Cause.pretty(cause)).toContain("the port is taken")
      expect(program.isRunning()).toBe(false)
    })
  )
})
