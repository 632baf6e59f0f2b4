import { describe, expect, it } from "@effect/vitest"
import * as LocalTier from "../../../src/cache/tiers/LocalTier.js"

const entry = (value: string, tags: ReadonlyArray<string> = []) => ({
  value,
  createdAt: 0,
  timeToLive: 1000,
  tags,
  versionTag: undefined
})

describe("the local tier", () => {
  it("answers an entry until its time has come, and not at it", () => {
    const tier = LocalTier.make<string>({ capacity: 2 })
    tier.set("a", entry("one"), 500, 1)
    expect(tier.get("a", 499)?.value).toBe("one")
    expect(tier.get("a", 500)).toBeUndefined()
    expect(tier.size()).toBe(0)
  })

  it("gives up what was not asked for when there are too many, and counts it", () => {
    const tier = LocalTier.make<string>({ capacity: 2 })
    tier.set("a", entry("1"), 500, 1)
    tier.set("b", entry("2"), 500, 1)
    tier.get("a", 0)
    tier.set("c", entry("3"), 500, 1)
    expect([tier.get("a", 0)?.value, tier.get("b", 0)?.value, tier.get("c", 0)?.value]).toEqual(["1", undefined, "3"])
    expect(tier.evictions()).toBe(1)
  })

  it("gives up entries when they are too large together, and takes none that is too large alone", () => {
    const tier = LocalTier.make<string>({ capacity: 10, maxBytes: 100 })
    tier.set("a", entry("1"), 500, 60)
    tier.set("b", entry("2"), 500, 60)
    expect([tier.get("a", 0)?.value, tier.get("b", 0)?.value]).toEqual([undefined, "2"])
    tier.set("huge", entry("3"), 500, 101)
    expect(tier.get("huge", 0)).toBeUndefined()
    expect(tier.get("b", 0)?.value).toBe("2")
  })

  it("counts no eviction for what was replaced, deleted, cleared or past its time", () => {
    const tier = LocalTier.make<string>({ capacity: 2 })
    tier.set("a", entry("1"), 500, 1)
    tier.set("a", entry("2"), 500, 1)
    tier.drop({ _tag: "Key", key: "a" })
    tier.set("b", entry("3"), 500, 1)
    tier.get("b", 600)
    tier.set("c", entry("4"), 500, 1)
    tier.drop({ _tag: "Clear" })
    expect(tier.evictions()).toBe(0)
    expect(tier.size()).toBe(0)
  })

  it("drops what has a tag, and nothing else, however often it was replaced or evicted", () => {
    const tier = LocalTier.make<string>({ capacity: 3 })
    tier.set("a", entry("1", ["red", "round"]), 500, 1)
    tier.set("b", entry("2", ["red"]), 500, 1)
    tier.set("c", entry("3", ["round"]), 500, 1)
    // its tags are no longer what they were
    tier.set("a", entry("4", ["square"]), 500, 1)
    tier.drop({ _tag: "Tag", tag: "red" })
    expect([tier.get("a", 0)?.value, tier.get("b", 0), tier.get("c", 0)?.value]).toEqual(["4", undefined, "3"])
    tier.drop({ _tag: "Tag", tag: "round" })
    tier.drop({ _tag: "Tag", tag: "round" })
    expect([tier.get("a", 0)?.value, tier.get("c", 0)]).toEqual(["4", undefined])
    tier.drop({ _tag: "Tag", tag: "square" })
    expect(tier.size()).toBe(0)
    expect(tier.evictions()).toBe(0)
  })
})
