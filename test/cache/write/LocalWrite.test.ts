/** What a process has written stays in its own local tier, unless another write may have come between. */
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { CacheKey } from "../../../src/cache/entry/CacheKey.js"
import * as LocalInvalidation from "../../../src/cache/invalidation/LocalInvalidation.js"
import * as LocalTier from "../../../src/cache/tiers/LocalTier.js"
import { LocalWrite } from "../../../src/cache/write/LocalWrite.js"
import { processes, read } from "../../support/cache/CacheProcesses.js"
import { settle } from "../../support/until.js"

const local = { capacity: 10, timeToLive: "5 seconds" } as const

describe("the local tier of the process that writes", () => {
  it.scoped("keeps what a set and an update have stored", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 }, { local })
      yield* one.cache.set("a", 1)
      expect(yield* read(one.cache)).toEqual(["Local", 1, undefined])
      yield* one.cache.update("a", Effect.succeed(2))
      expect(yield* read(one.cache)).toEqual(["Local", 2, undefined])
      // the other process has heard of both, and reads what is stored
      expect((yield* read(other.cache))[1]).toBe(2)
      expect(database.lookups()).toBe(0)
    })
  )

  it.scoped("keeps the last of several sets of a key at a time, and what it holds until one of them has ended", () =>
    Effect.gen(function* () {
      const { one, other } = yield* processes({}, { local })
      yield* one.cache.set("a", 0)
      const release = one.connection.holdReplies("cache.set")
      const setting = yield* Effect.fork(
        Effect.forEach([1, 2, 3], (version) => one.cache.set("a", version), { concurrency: "unbounded" })
      )
      yield* settle
      expect(yield* read(one.cache)).toEqual(["Local", 0, undefined])
      yield* release
      expect(yield* Fiber.join(setting)).toEqual([true, true, true])
      expect(yield* read(one.cache)).toEqual(["Local", 3, undefined])
      expect((yield* read(other.cache))[1]).toBe(3)
    })
  )

  it.scoped("keeps no set that another process's message, or a gap, has overtaken", () =>
    Effect.gen(function* () {
      for (const cause of ["message", "gap"] as const) {
        const { database, one, other } = yield* processes({ a: 1 }, { local })
        const release = one.connection.holdReplies("cache.set")
        const setting = yield* Effect.fork(one.cache.set("a", 1))
        yield* settle
        if (cause === "gap") one.connection.deafen(true)
        database.rows.set("a", 2)
        yield* other.cache.invalidate("a")
        if (cause === "gap") yield* one.connection.gap
        yield* settle
        yield* release
        expect(yield* Fiber.join(setting)).toBe(true)
        expect([cause, (yield* read(one.cache))[1]]).toEqual([cause, 2])
      }
    })
  )

  it.scoped("keeps no update whose tag another process has invalidated since the update began", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 }, { local, tags: () => ["t"] })
      const written = yield* Deferred.make<number>()
      const updating = yield* Effect.fork(one.cache.update("a", Deferred.await(written)))
      yield* settle
      yield* other.cache.invalidateTag("t")
      yield* settle
      yield* Deferred.succeed(written, 1)
      yield* Fiber.join(updating)
      database.rows.set("a", 2)
      expect((yield* read(one.cache))[1]).toBe(2)
    })
  )

  it.scoped("keeps no update that another process's write has overtaken, though no message has arrived", () =>
    Effect.gen(function* () {
      const { one, other } = yield* processes({ a: 1 }, { local })
      one.connection.deafen(true)
      const written = yield* Deferred.make<number>()
      const updating = yield* Effect.fork(one.cache.update("a", Deferred.await(written)))
      yield* settle
      yield* other.cache.set("a", 2)
      yield* Deferred.succeed(written, 1)
      yield* Fiber.join(updating)
      expect((yield* read(one.cache))[0]).toBe("Lookup")
    })
  )

  it.scoped("counts the local time to live of a set from before it was sent", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 }, { local })
      one.connection.deafen(true)
      const release = one.connection.holdReplies("cache.set")
      const setting = yield* Effect.fork(one.cache.set("a", 1))
      yield* settle
      database.rows.set("a", 2)
      yield* other.cache.invalidate("a")
      yield* TestClock.adjust("900 millis")
      yield* release
      yield* Fiber.join(setting)
      yield* TestClock.adjust("4100 millis")
      expect((yield* read(one.cache))[1]).toBe(2)
    })
  )
})

describe("a write of the local tier", () => {
  const entry = { value: "v", createdAt: 0, timeToLive: 1_000, tags: [], versionTag: undefined }

  const world = (isUsable: boolean) => {
    const key = new CacheKey("cache:a", "a")
    const invalidation = LocalInvalidation.make((item) => tier.drop(item))
    const tier = LocalTier.make<string>({
      capacity: 10,
      timeToLiveMillis: 500,
      clock: Clock.make(),
      serverTime: () => 0,
      epochOf: (key) => invalidation.epochOf(key),
      names: { ofText: () => "a" },
      codec: { encode: () => Effect.die("its text is known") }
    })
    const context = {
      tier,
      epochOf: invalidation.epochOf,
      guard: { isUsable: (generation: number) => isUsable && generation === 1 },
      sets: new Map()
    }
    const move = () => invalidation.invalidateLocally({ _tag: "Key", key: key.text })
    const start = (value: string, isSet = true) => {
      const write = new LocalWrite<string>(context, key, isSet)
      return (generation: number | "notStored" = 1) => {
        if (write.end(move, generation === "notStored" ? undefined : generation)) write.keep({ ...entry, value }, value)
        return tier.get("a")?.value
      }
    }
    return { context, move, start }
  }

  it("is kept when only the write itself has moved the epoch", () => {
    const { context, start } = world(true)
    expect(start("v")()).toBe("v")
    expect(start("u", false)()).toBe("u")
    expect(context.sets.size).toBe(0)
  })

  it("is not kept when anything else has moved it", () => {
    const { move, start } = world(true)
    const end = start("v")
    move()
    expect(end()).toBeUndefined()
  })

  it("is not kept where it was not stored, nor on a generation whose replies are not used", () => {
    const { start } = world(true)
    const end = start("v")
    expect(end("notStored")).toBeUndefined()
    expect(start("v")(2)).toBeUndefined()
    expect(world(false).start("v")()).toBeUndefined()
  })

  it("follows sets of its process that were sent before it, and no others", () => {
    const { context, start } = world(true)
    const [first, second, third] = [start("1"), start("2"), start("3")]
    expect(first()).toBe("1")
    expect(third()).toBe("3")
    // its fiber continues after that of the third
    expect(second()).toBeUndefined()
    const update = start("u", false)
    const fourth = start("4")
    expect(update()).toBe("u")
    expect(fourth()).toBeUndefined()
    expect(context.sets.size).toBe(0)
  })

  it("follows no set that was not stored", () => {
    const { start } = world(true)
    const [first, second] = [start("1"), start("2")]
    expect(first("notStored")).toBeUndefined()
    expect(second()).toBeUndefined()
  })
})
