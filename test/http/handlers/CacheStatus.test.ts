import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import * as CacheStatus from "../../../src/http/handlers/CacheStatus.js"

const served = (options: Partial<Parameters<typeof CacheStatus.format>[0]>) =>
  CacheStatus.format({ source: "Redis", timeLeft: Duration.zero, reason: undefined, ...options })

describe("Cache-Status", () => {
  it("tells a hit with the whole seconds it stays fresh, and which tier had it", () => {
    expect(served({ timeLeft: Duration.millis(299_900) })).toBe("effect-cache-toolkit; hit; ttl=299; detail=redis")
    expect(served({ source: "Local", timeLeft: Duration.millis(900) })).toBe(
      "effect-cache-toolkit; hit; ttl=0; detail=local"
    )
    expect(served({ timeLeft: Duration.infinity })).toBe("effect-cache-toolkit; hit; detail=redis")
  })

  it("tells a stale hit, which nobody had to wait for", () => {
    expect(served({ source: "Stale" })).toBe("effect-cache-toolkit; hit; ttl=0; detail=stale")
  })

  it("tells a miss", () => {
    expect(served({ source: "Lookup", timeLeft: Duration.minutes(5) })).toBe("effect-cache-toolkit; fwd=miss")
  })

  it("tells why the cache was passed by, in a string that is always one", () => {
    const degraded = (reason: string) => served({ source: "Degraded", reason })
    expect(degraded("CircuitOpen")).toBe(`effect-cache-toolkit; fwd=bypass; detail="degraded: CircuitOpen"`)
    expect(degraded(`it "broke" \\ ü`)).toBe(
      `effect-cache-toolkit; fwd=bypass; detail="degraded: it \\"broke\\" \\\\ ?"`
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: "binary" }), (reason) => {
        expect(degraded(reason)).toMatch(
          /^effect-cache-toolkit; fwd=bypass; detail="([\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"$/
        )
      })
    )
  })
})
