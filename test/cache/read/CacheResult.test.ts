import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as CacheResult from "../../../src/cache/read/CacheResult.js"

describe("the result for an entry", () => {
  const entry = { value: 1, createdAt: 1_000, timeToLive: 300, tags: [], versionTag: undefined }

  it("has a time left between zero and its time to live, for any estimate of the server's time", () => {
    const at = (serverTime: number) => {
      const { age, timeLeft } = CacheResult.make(entry, "Redis", serverTime)
      return [Duration.toMillis(age), Duration.toMillis(timeLeft)]
    }
    expect(at(1_100)).toEqual([100, 200])
    expect(at(1_300)).toEqual([300, 0])
    expect(at(1_301)).toEqual([301, 0])
    // an estimate, half a millisecond too early
    expect(at(999.5)).toEqual([0, 300])
  })
})
