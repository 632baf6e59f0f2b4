import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import * as CacheStatus from "../../src/http/CacheStatus.js"

describe("Cache-Status", () => {
  it("tells a hit with the whole seconds it stays fresh", () => {
    const hit = (ttl: Duration.Duration) => CacheStatus.format({ _tag: "Hit", value: 0, ttl })
    expect(hit(Duration.millis(299_900))).toBe("effect-cache-toolkit; hit; ttl=299")
    expect(hit(Duration.zero)).toBe("effect-cache-toolkit; hit; ttl=0")
    expect(hit(Duration.infinity)).toBe("effect-cache-toolkit; hit")
  })

  it("tells a miss", () => {
    expect(CacheStatus.format({ _tag: "Miss" })).toBe("effect-cache-toolkit; fwd=miss")
  })

  it("tells why the cache was passed by, in a string that is always one", () => {
    expect(CacheStatus.format({ _tag: "Bypass", reason: `it "broke" \\ ü` })).toBe(
      `effect-cache-toolkit; fwd=bypass; detail="it \\"broke\\" \\\\ ?"`
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: "binary" }), (reason) => {
        expect(CacheStatus.format({ _tag: "Bypass", reason })).toMatch(
          /^effect-cache-toolkit; fwd=bypass; detail="([\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"$/
        )
      })
    )
  })
})
