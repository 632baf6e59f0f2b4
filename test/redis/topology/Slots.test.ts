import { describe, expect, it } from "vitest"
import * as Slots from "../../../src/redis/topology/Slots.js"

describe("the slot of a key", () => {
  it.each([
    // the check value of CRC16/XMODEM, which the specification of Redis Cluster names
    ["123456789", 0x31c3],
    ["", 0],
    ["foo", 12_182],
    ["bar", 5061],
    ["user:1000", 1649],
    // as CLUSTER KEYSLOT answers them
    ["grüße", 3194],
    ["🎲", 13_387]
  ])("of %j is %d", (key, slot) => {
    expect(Slots.of(key)).toBe(slot)
  })

  it("is that of the text between the first braces", () => {
    for (const key of ["{user1000}.following", "{user1000}.followers", "x{user1000}y{z}"]) {
      expect(Slots.of(key)).toBe(Slots.of("user1000"))
    }
  })

  it("is that of the whole key where the braces hold nothing or do not close", () => {
    for (const key of ["foo{}{bar}", "foo{bar", "foo}bar{"]) expect(Slots.of(key)).not.toBe(Slots.of("bar"))
    expect(Slots.of("foo{{bar}}zap")).toBe(Slots.of("{bar"))
  })
})
