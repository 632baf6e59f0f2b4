import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { testWith } from "../faults/FaultSuite.js"
import * as RedisSentinels from "./RedisSentinels.js"

describe("sentinels of a test", () => {
  testWith("Sentinel")("promote a replica when the primary is killed, is stopped, or is to hand over", () =>
    Effect.gen(function* () {
      const world = yield* RedisSentinels.make({ password: "secret", sentinelPassword: "other" })
      const first = yield* world.primary
      yield* first.send("SET", "key", "value")
      yield* first.send("WAIT", "2", "0")

      yield* first.kill
      yield* world.awaitAgreement
      const second = yield* world.primary
      expect(second.port).not.toBe(first.port)
      expect(yield* second.send("GET", "key")).toBe("value")

      yield* first.start
      yield* world.awaitAgreement
      expect((yield* world.primary).port).toBe(second.port)

      yield* second.signal("SIGSTOP")
      yield* world.awaitAgreement
      const third = yield* world.primary
      expect(third.port).not.toBe(second.port)
      yield* second.signal("SIGCONT")
      yield* world.awaitAgreement

      yield* world.failover
      expect((yield* world.primary).port).not.toBe(third.port)

      yield* world.sentinels[0]?.kill ?? Effect.void
      yield* world.awaitAgreement
      yield* world.sentinels[0]?.start ?? Effect.void
      yield* world.awaitAgreement
    })
  )
})
