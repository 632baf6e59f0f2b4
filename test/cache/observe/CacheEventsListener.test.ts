/** Listeners beside the stream of events. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as CacheEvents from "../../../src/cache/observe/CacheEvents.js"
import { settle } from "../../support/until.js"

const hit = CacheEvents.CacheEvent.Hit({ key: "a", tier: "Local" })
const miss = CacheEvents.CacheEvent.Miss({ key: "a" })

/** Emits as the observer of a cache does. */
const hits = ({ emitFrequent, takesFrequent }: CacheEvents.CacheEvents, count: number) =>
  Effect.sync(() => {
    for (let i = 0; i < count; i++) if (takesFrequent()) emitFrequent(hit)
  })

describe("a listener of a cache's events", () => {
  it.effect("gets every miss and one of 61 hits, with its weight, until its scope is closed", () =>
    Effect.gen(function* () {
      const events = yield* CacheEvents.make
      const heard: Array<string> = []
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* events.listen(({ _tag }, weight) => void heard.push(`${_tag} ${weight}`))
          yield* hits(events, 122)
          events.emit(() => miss)
        })
      )
      yield* hits(events, 122)
      events.emit(() => miss)
      expect(heard).toEqual(["Hit 61", "Hit 61", "Miss 1"])
    })
  )

  it.effect("gets every hit while the stream has a subscriber, which loses none", () =>
    Effect.gen(function* () {
      const events = yield* CacheEvents.make
      let weights = 0
      yield* events.listen((_, weight) => {
        weights += weight
      })
      const seen = yield* Effect.fork(Stream.runCount(Stream.take(events.stream, 20)))
      yield* settle
      yield* hits(events, 20)
      expect(yield* Fiber.join(seen)).toBe(20)
      expect(weights).toBe(20)
    }).pipe(Effect.scoped)
  )
})
