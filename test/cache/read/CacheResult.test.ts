import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as CacheResult from "../../../src/cache/read/CacheResult.js"

describe("an entry that is served", () => {
  const entry = { value: 1, createdAt: 1_000, timeToLive: 300, tags: [], versionTag: undefined }

  it("has between nothing and its time to live left, whatever the server's time is taken for", () => {
    const at = (serverTime: number) => {
      const { age, timeLeft } = CacheResult.make(entry, "Redis", serverTime)
      return [Duration.toMillis(age), Duration.toMillis(timeLeft)]
    }
    expect(at(1_100)).toEqual([100, 200])
    expect(at(1_300)).toEqual([300, 0])
    expect(at(1_301)).toEqual([301, 0])
    // a guess, and half a millisecond too early
    expect(at(999.5)).toEqual([0, 300])
  })
})
