/** The permits of lookups that run because Redis is away: when one is needed, and when it returns. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as LookupRunner from "../../../src/cache/lookup/LookupRunner.js"
import { settle } from "../../support/until.js"

/** One lookup at a time. */
const withOnePermit = (hardTimeout?: Duration.DurationInput) =>
  LookupRunner.make({
    name: "lookups",
    observer: { lookedUp: () => {}, lookupRejected: () => {} },
    maxLookups: () => 1,
    maxBatch: 1,
    maxWaiting: 10,
    hardTimeout: hardTimeout === undefined ? undefined : Duration.decode(hardTimeout)
  })

/** An uninterruptible lookup, which ends when the test releases it. */
const stubborn = Effect.map(Deferred.make<number>(), (complete) => ({
  lookup: Effect.uninterruptible(Deferred.await(complete)),
  complete: Deferred.succeed(complete, 1)
}))

/** A lookup that reports whether it has begun. */
const noted = () => {
  let hasBegun = false
  const lookup = Effect.sync(() => {
    hasBegun = true
    return 2
  })
  return { lookup, hasBegun: () => hasBegun }
}

describe("a bounded lookup that cannot be interrupted", () => {
  it.scoped("keeps its permit until it has ended, also when its caller has failed at the hard timeout", () =>
    Effect.gen(function* () {
      const lookups = yield* withOnePermit("1 second")
      const first = yield* stubborn
      const second = noted()
      const reading = yield* Effect.fork(Effect.flip(lookups.call(true, first.lookup)))
      yield* settle
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(reading)).toMatchObject({ _tag: "LookupTimeout" })
      const waiting = yield* Effect.fork(lookups.call(true, second.lookup))
      yield* settle
      expect(second.hasBegun()).toBe(false)
      yield* first.complete
      expect(yield* Fiber.join(waiting)).toBe(2)
    })
  )

  it.scoped("keeps its permit until it has ended, also when its caller was interrupted", () =>
    Effect.gen(function* () {
      const lookups = yield* withOnePermit("1 second")
      const first = yield* stubborn
      const second = noted()
      const reading = yield* Effect.fork(lookups.call(true, first.lookup))
      yield* settle
      expect(Exit.isInterrupted(yield* Fiber.interrupt(reading))).toBe(true)
      const waiting = yield* Effect.fork(lookups.call(true, second.lookup))
      yield* settle
      expect(second.hasBegun()).toBe(false)
      yield* first.complete
      expect(yield* Fiber.join(waiting)).toBe(2)
    })
  )
})

describe("a permit", () => {
  for (const hardTimeout of [undefined, "1 second"] as const) {
    const where = hardTimeout === undefined ? "without a hard timeout" : "with a hard timeout"

    it.scoped(`returns however its lookup ends, ${where}`, () =>
      Effect.gen(function* () {
        const lookups = yield* withOnePermit(hardTimeout)
        for (const lookup of [Effect.succeed(1), Effect.fail("failed"), Effect.die("died"), Effect.interrupt]) {
          yield* Effect.exit(lookups.call(true, lookup))
        }
        const reading = yield* Effect.fork(lookups.call(true, Effect.never))
        yield* settle
        yield* Fiber.interrupt(reading)
        expect(yield* lookups.call(true, Effect.succeed(3))).toBe(3)
      })
    )

    it.scoped(`is not granted to a caller that no longer waits for it, ${where}`, () =>
      Effect.gen(function* () {
        const lookups = yield* withOnePermit(hardTimeout)
        const first = yield* stubborn
        const second = noted()
        yield* Effect.fork(lookups.call(true, first.lookup))
        yield* settle
        const waiting = yield* Effect.fork(lookups.call(true, second.lookup))
        yield* settle
        yield* Fiber.interrupt(waiting)
        yield* first.complete
        expect(yield* lookups.call(true, Effect.succeed(3))).toBe(3)
        expect(second.hasBegun()).toBe(false)
      })
    )
  }
})

describe("a lookup with Redis", () => {
  it.scoped("needs no permit", () =>
    Effect.gen(function* () {
      const lookups = yield* withOnePermit()
      const first = yield* stubborn
      yield* Effect.fork(lookups.call(true, first.lookup))
      yield* settle
      expect(yield* lookups.call(false, Effect.succeed(3))).toBe(3)
      yield* first.complete
    })
  )
})
