import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { CacheCodecError } from "../../../src/cache/entry/CacheCodec.js"
import type { CacheEntry } from "../../../src/cache/entry/CacheEntry.js"
import { CacheKey } from "../../../src/cache/entry/CacheKey.js"
import type { EntryCodec } from "../../../src/cache/entry/EntryCodec.js"
import * as LocalTier from "../../../src/cache/tiers/LocalTier.js"

const entry = (
  value: string,
  { tags = [], timeToLive = 1_000 }: { tags?: ReadonlyArray<string>; timeToLive?: number } = {}
): CacheEntry<string> => ({
  value,
  createdAt: 0,
  timeToLive,
  tags,
  versionTag: undefined
})

/** Stores a value as its own text; "huge" does not encode. */
const encode: EntryCodec<string>["encode"] = (_key, text) =>
  text === "huge"
    ? Exit.fail(new CacheCodecError({ operation: "Encode", path: "" }))
    : Exit.succeed({ kind: "value", version: 1, encoding: undefined, text })

/** A tier whose time to live is 500 ms, with the clock and the epochs of a test. */
const world = (options: LocalTier.LocalTierOptions) => {
  let now = 0
  const epochs = new Map<string, number>()
  const tier = LocalTier.make<string>({
    ...options,
    timeToLiveMillis: 500,
    clock: { ...Clock.make(), unsafeCurrentTimeNanos: () => BigInt(now) * 1_000_000n },
    serverTime: () => now,
    epochOf: (key) => epochs.get(key) ?? 0,
    names: { ofText: (text) => text.slice("cache:".length) },
    codec: { encode }
  })
  const keyOf = (name: string) => new CacheKey(`cache:${name}`, name)
  return {
    tier,
    keyOf,
    keep: (name: string, kept: ReturnType<typeof entry>, text = "") =>
      tier.keep(keyOf(name), kept, tier.start(keyOf(name)), text),
    valueOf: (name: string) => tier.get(name)?.value,
    drop: (name: string) => tier.drop({ _tag: "Key", key: `cache:${name}` }),
    moveEpoch: (name: string) => void epochs.set(`cache:${name}`, 1),
    setTime: (millis: number) => {
      now = millis
    }
  }
}

describe("the local tier", () => {
  it("keeps an entry until its time to live has passed since the read started", () => {
    const { keyOf, setTime, tier, valueOf } = world({ capacity: 2 })
    const started = tier.start(keyOf("a"))
    setTime(100)
    tier.keep(keyOf("a"), entry("one"), started, "")
    setTime(499)
    expect(valueOf("a")).toBe("one")
    setTime(500)
    expect(valueOf("a")).toBeUndefined()
    expect(tier.size()).toBe(0)
  })

  it("keeps no entry for longer than it is fresh", () => {
    const { keep, setTime, valueOf } = world({ capacity: 2 })
    keep("a", entry("one", { timeToLive: 300 }))
    setTime(299)
    expect(valueOf("a")).toBe("one")
    setTime(300)
    expect(valueOf("a")).toBeUndefined()
  })

  it("keeps an entry for no longer than its time to live where the estimate of the server's time is before its creation", () => {
    const { keep, setTime, valueOf } = world({ capacity: 2 })
    keep("a", { ...entry("one", { timeToLive: 300 }), createdAt: 100 })
    setTime(299)
    expect(valueOf("a")).toBe("one")
    setTime(300)
    expect(valueOf("a")).toBeUndefined()
  })

  it.effect("keeps no entry whose key was invalidated since the read started", () =>
    Effect.gen(function* () {
      const { keyOf, moveEpoch, tier, valueOf } = world({ capacity: 2 })
      const started = tier.start(keyOf("a"))
      moveEpoch("a")
      tier.keep(keyOf("a"), entry("one"), started, "")
      yield* tier.keepLoaded(keyOf("a"), entry("one"), started, undefined)
      expect(valueOf("a")).toBeUndefined()
      yield* tier.keepLoaded(keyOf("a"), entry("two"), tier.start(keyOf("a")), undefined)
      expect(valueOf("a")).toBe("two")
    })
  )

  it("keeps the attributes of an entry, and an entry without any in an object of six fields", () => {
    const { keep, tier } = world({ capacity: 2 })
    keep("a", { ...entry("one", { tags: ["red"] }), createdAt: 5, versionTag: "v1" })
    expect(tier.get("a")).toMatchObject({ createdAt: 5, timeToLive: 1_000, tags: ["red"], versionTag: "v1" })
    keep("b", entry("two"))
    const plain = tier.get("b")
    expect([plain?.tags, plain?.versionTag]).toEqual([[], undefined])
    expect(Object.keys(plain ?? {})).toHaveLength(6)
  })

  it("evicts the entry that was not read when there are too many, and counts it", () => {
    const { keep, tier, valueOf } = world({ capacity: 2 })
    keep("a", entry("1"))
    keep("b", entry("2"))
    valueOf("a")
    keep("c", entry("3"))
    expect([valueOf("a"), valueOf("b"), valueOf("c")]).toEqual(["1", undefined, "3"])
    expect(tier.evictions()).toBe(1)
  })

  it("evicts entries that are too large together, and keeps none that is too large alone", () => {
    const { keep, valueOf } = world({ capacity: 10, maxBytes: 100 })
    keep("a", entry("1"), "a".repeat(60))
    keep("b", entry("2"), "é".repeat(30))
    expect([valueOf("a"), valueOf("b")]).toEqual([undefined, "2"])
    keep("c", entry("3"), "a".repeat(101))
    expect([valueOf("b"), valueOf("c")]).toEqual(["2", undefined])
  })

  it.effect("measures a loaded entry without a stored text, and keeps none that does not encode", () =>
    Effect.gen(function* () {
      const { keyOf, tier, valueOf } = world({ capacity: 10, maxBytes: 100 })
      const load = (name: string, value: string) =>
        tier.keepLoaded(keyOf(name), entry(value), tier.start(keyOf(name)), undefined)
      yield* load("a", "a".repeat(60))
      yield* load("b", "b".repeat(60))
      expect([valueOf("a"), valueOf("b")]).toEqual([undefined, "b".repeat(60)])
      yield* load("b", "huge")
      expect([valueOf("b"), tier.size()]).toEqual([undefined, 0])
    })
  )

  it("counts no eviction for an entry that was replaced, deleted, cleared or has expired", () => {
    const { drop, keep, setTime, tier, valueOf } = world({ capacity: 2 })
    keep("a", entry("1"))
    keep("a", entry("2"))
    drop("a")
    keep("b", entry("3"))
    setTime(600)
    valueOf("b")
    keep("c", entry("4"))
    tier.drop({ _tag: "Clear" })
    expect(tier.evictions()).toBe(0)
    expect(tier.size()).toBe(0)
  })

  it("drops the entries with a tag and no others, however often they were replaced", () => {
    const { keep, tier, valueOf } = world({ capacity: 3 })
    keep("a", entry("1", { tags: ["red", "round"] }))
    keep("b", entry("2", { tags: ["red"] }))
    keep("c", entry("3", { tags: ["round"] }))
    // it replaces the tags too
    keep("a", entry("4", { tags: ["square"] }))
    tier.drop({ _tag: "Tag", tag: "red" })
    expect([valueOf("a"), valueOf("b"), valueOf("c")]).toEqual(["4", undefined, "3"])
    tier.drop({ _tag: "Tag", tag: "round" })
    tier.drop({ _tag: "Tag", tag: "round" })
    expect([valueOf("a"), valueOf("c")]).toEqual(["4", undefined])
    tier.drop({ _tag: "Tag", tag: "square" })
    expect(tier.size()).toBe(0)
    expect(tier.evictions()).toBe(0)
  })

  it.effect("keeps nothing where it is off", () =>
    Effect.gen(function* () {
      const tier = LocalTier.none<string>()
      const key = new CacheKey("cache:a", "a")
      tier.keep(key, entry("1"), tier.start(key), "")
      yield* tier.keepLoaded(key, entry("1"), tier.start(key), "")
      expect([tier.isEnabled, tier.get("a"), tier.size()]).toEqual([false, undefined, 0])
    })
  )
})
