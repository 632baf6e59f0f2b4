import { describe, expect, it } from "@effect/vitest"
import * as ServerTime from "../../src/redis/ServerTime.js"

describe("the reply of TIME", () => {
  it.each([
    [["1700000000", "123456"], 1_700_000_000_123.456],
    [[1_700_000_000, 123_456], 1_700_000_000_123.456]
  ])("is read as milliseconds from %j", (reply, millis) => {
    expect(ServerTime.millisOf(reply)).toBe(millis)
  })

  it.each([
    null,
    "1700000000",
    1_700_000_000,
    [],
    ["1700000000"],
    ["1700000000", "1", "2"],
    ["soon", "1"],
    ["1700000000", ""],
    ["1700000000", null],
    [true, "1"],
    ["-1", "0"],
    ["Infinity", "0"],
    ["NaN", "0"],
    { seconds: "1700000000" }
  ])("is no time when it is %j", (reply) => {
    expect(ServerTime.millisOf(reply)).toBeUndefined()
    expect(ServerTime.microsOf(reply)).toBeUndefined()
  })
})
