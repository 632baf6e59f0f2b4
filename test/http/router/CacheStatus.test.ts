import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import * as CacheStatus from "../../../src/http/router/CacheStatus.js"

const headerOf = (options: Partial<Parameters<typeof CacheStatus.format>[0]>) =>
  CacheStatus.format({ source: "Redis", timeLeft: Duration.zero, reason: undefined, ...options })

describe("the Cache-Status header", () => {
  it("names the tier of a hit and the whole seconds that it stays fresh", () => {
    expect(headerOf({ timeLeft: Duration.millis(299_900) })).toBe("effect-cache-toolkit; hit; ttl=299; detail=redis")
    expect(headerOf({ source: "Local", timeLeft: Duration.millis(900) })).toBe(
      "effect-cache-toolkit; hit; ttl=0; detail=local"
    )
    expect(headerOf({ timeLeft: Duration.infinity })).toBe("effect-cache-toolkit; hit; detail=redis")
  })

  it("calls a stale value a hit", () => {
    expect(headerOf({ source: "Stale" })).toBe("effect-cache-toolkit; hit; ttl=0; detail=stale")
    expect(headerOf({ source: "Stale", reason: "Disconnected", lookupReason: "SqlError" })).toBe(
      'effect-cache-toolkit; hit; ttl=0; detail="remembered: Disconnected, SqlError"'
    )
  })

  it("calls a lookup a forwarded miss", () => {
    expect(headerOf({ source: "Lookup", timeLeft: Duration.minutes(5) })).toBe("effect-cache-toolkit; fwd=miss")
  })

  it("gives the reason for a bypass as a valid structured string", () => {
    const degraded = (reason: string) => headerOf({ source: "Degraded", reason })
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
