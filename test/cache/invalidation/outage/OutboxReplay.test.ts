/** The replay of the outbox: what it sends, when, and what stays. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Outbox from "../../../../src/cache/invalidation/outage/Outbox.js"
import * as OutboxReplay from "../../../../src/cache/invalidation/outage/OutboxReplay.js"
import { type RedisError, RedisTimeout } from "../../../../src/redis/RedisError.js"
import { settle } from "../../../support/until.js"

const key = (name: string): Outbox.OutboxItem => ({ _tag: "Key", key: name })

/** A replay to a server that a test switches on and off, and that rejects some keys. */
const world = Effect.gen(function* () {
  const outbox = Outbox.make(100)
  const server = { isAvailable: true, rejects: new Set<string>(), sent: [] as Array<string> }
  const replay = yield* OutboxReplay.make({
    outbox,
    isAvailable: Effect.sync(() => server.isAvailable),
    send: (item) =>
      Effect.suspend((): Effect.Effect<void, RedisError> => {
        const name = item._tag === "Key" ? item.key : item._tag
        server.sent.push(name)
        return server.rejects.has(name)
          ? Effect.fail(new RedisTimeout({ command: "EVALSHA", waitedMillis: 1 }))
          : Effect.void
      })
  })
  const add = (name: string) => {
    outbox.add(key(name))
    replay.wake()
  }
  yield* settle
  return { add, outbox, replay, server }
})

describe("the replay of the outbox", () => {
  it.scoped("sends an item as soon as it is added, and removes it when it is acknowledged", () =>
    Effect.gen(function* () {
      const { add, outbox, server } = yield* world
      add("a")
      yield* settle
      expect([server.sent, outbox.size()]).toEqual([["a"], 0])
      add("b")
      yield* settle
      expect([server.sent, outbox.size()]).toEqual([["a", "b"], 0])
    })
  )

  it.scoped("sends an item that failed again, after a pause, and the others only once", () =>
    Effect.gen(function* () {
      const { add, outbox, server } = yield* world
      server.rejects.add("bad")
      add("bad")
      add("good")
      yield* settle
      expect(server.sent).toEqual(["bad", "good"])
      server.rejects.clear()
      yield* settle
      expect(outbox.size()).toBe(1)
      yield* TestClock.adjust("2 seconds")
      yield* settle
      expect([server.sent, outbox.size()]).toEqual([["bad", "good", "bad"], 0])
    })
  )

  it.scoped("sends nothing while Redis is unavailable, and everything afterwards", () =>
    Effect.gen(function* () {
      const { add, outbox, server } = yield* world
      server.isAvailable = false
      add("a")
      yield* TestClock.adjust("10 seconds")
      yield* settle
      expect([server.sent, outbox.size()]).toEqual([[], 1])
      server.isAvailable = true
      yield* TestClock.adjust("2 seconds")
      yield* settle
      expect([server.sent, outbox.size()]).toEqual([["a"], 0])
    })
  )

  it.scoped("sends at once with `sendNow`, however long its pause is", () =>
    Effect.gen(function* () {
      const { add, outbox, replay, server } = yield* world
      server.isAvailable = false
      add("a")
      yield* settle
      server.isAvailable = true
      replay.sendNow()
      yield* settle
      expect([server.sent, outbox.size()]).toEqual([["a"], 0])
    })
  )

  it.scoped("keeps an item that was added again while it was being sent", () =>
    Effect.gen(function* () {
      const outbox = Outbox.make(10)
      let sends = 0
      const replay = yield* OutboxReplay.make({
        outbox,
        isAvailable: Effect.succeed(true),
        send: (item) =>
          Effect.sync(() => {
            if (++sends === 1) outbox.add(item)
          })
      })
      // the background replay waits for `wake` from now on
      yield* settle
      outbox.add(key("a"))
      yield* replay.sendOnce
      expect([sends, outbox.size()]).toEqual([1, 1])
      yield* replay.sendOnce
      expect([sends, outbox.size()]).toEqual([2, 0])
    })
  )
})
