import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as TypedCache from "../../src/cache/TypedCache.js"
import * as ThrottledLog from "../../src/internal/ThrottledLog.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import * as CapturedLog from "../support/CapturedLog.js"
import { settle } from "../support/until.js"

describe("what does not fit", () => {
  it.effect("is logged once per kind and minute, with the number that was not", () =>
    Effect.gen(function* () {
      const { layer, lines } = yield* CapturedLog.make
      yield* Effect.gen(function* () {
        const { note } = yield* ThrottledLog.make("cache user")
        const say = (what: string, cause?: Cause.Cause<unknown>) => note({ what, why: "so", cause }) ?? Effect.void
        for (let i = 0; i < 3; i++) yield* say("read")
        yield* say("read", Cause.die("thrown"))
        yield* say("stored")
        yield* TestClock.adjust("59 seconds")
        yield* say("read")
        expect(lines.map(({ text }) => text)).toEqual([
          "cache user: read: so",
          "cache user: read: so",
          "cache user: stored: so"
        ])
        yield* TestClock.adjust("1 second")
        yield* say("read")
        expect(lines.at(-1)).toEqual({ level: "WARN", text: "cache user: read: so (and 3 more since the last line)" })
      }).pipe(Effect.provide(layer))
    })
  )

  it.scoped("is logged by a cache without the value, and with the key at debug level only", () =>
    Effect.gen(function* () {
      const { layer, lines } = yield* CapturedLog.make
      yield* Effect.gen(function* () {
        const cache = yield* TypedCache.make({
          name: "secret",
          key: Schema.String,
          value: Schema.Struct({ pin: Schema.Number.pipe(Schema.lessThan(1000)) }),
          tags: ({ pin }) => (pin === 7 ? [""] : []),
          timeToLive: "1 minute",
          lookup: () => Effect.succeed({ pin: 4711 })
        })
        for (let i = 0; i < 100; i++) yield* cache.getMany(["ada", "bob"])
        yield* cache.set("ada", { pin: 7 })
        expect((yield* cache.stats).storeFailures).toBe(201)
        expect(lines.filter(({ level }) => level !== "DEBUG")).toEqual([
          { level: "WARN", text: "cache secret: a value is not stored: the value cannot be stored (at pin)" }
        ])
        expect(lines.filter(({ text }) => text.includes("ada"))).toEqual([
          { level: "DEBUG", text: "cache secret: a value is not stored: secret:ada" }
        ])
        expect(lines.some(({ text }) => text.includes("4711"))).toBe(false)
      }).pipe(Effect.provide([MemoryRedis.layer(), layer]))
    })
  )

  it.scoped("includes a refresh in the background that dies, which nobody else hears of", () =>
    Effect.gen(function* () {
      const { layer, lines } = yield* CapturedLog.make
      yield* Effect.gen(function* () {
        let isBroken = false
        const { get } = yield* TypedCache.make({
          name: "stale",
          key: Schema.String,
          value: Schema.String,
          timeToLive: "1 minute",
          staleFor: "1 hour",
          lookup: () => (isBroken ? Effect.dieMessage("broken") : Effect.succeed("fine"))
        })
        yield* get("ada")
        isBroken = true
        yield* TestClock.adjust("2 minutes")
        expect(yield* get("ada")).toBe("fine")
        yield* settle
        expect(lines.filter(({ level }) => level !== "DEBUG")).toEqual([
          { level: "WARN", text: "cache stale: a refresh in the background: its lookup died" }
        ])
      }).pipe(Effect.provide([MemoryRedis.layer(), layer]))
    })
  )
})
