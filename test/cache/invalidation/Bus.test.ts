/** The messages between processes: what a listener does with each, with one that it cannot read, and with a gap. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Bus from "../../../src/cache/invalidation/Bus.js"
import type { OutboxItem } from "../../../src/cache/invalidation/outage/Outbox.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import { settle } from "../../support/until.js"

/** A process that listens, and the messages of another one. */
const world = Effect.gen(function* () {
  const server = yield* OutageRedis.make
  const make = (heard: Array<OutboxItem>) =>
    Effect.flatMap(server.connect, (connection) =>
      Effect.map(
        Bus.make({ redis: connection.redis, name: "bus", onInvalidation: (item) => heard.push(item) }),
        (bus) => ({ bus, connection })
      )
    )
  const heard: Array<OutboxItem> = []
  const own = yield* make(heard)
  const other = yield* make([])
  yield* settle
  heard.length = 0
  const tell = (message: string) => Effect.zipRight(server.direct.publish(own.bus.channel, message), settle)
  return { heard, own, other, tell }
})

const isOver = (fiber: Fiber.RuntimeFiber<void>) => Effect.map(Fiber.poll(fiber), Option.isSome)

describe("a process that listens", () => {
  it.scoped("receives the key, the tag or the clear that another process has invalidated, but not its own", () =>
    Effect.gen(function* () {
      const { heard, other, own, tell } = yield* world
      const { bus } = other
      for (const message of [bus.invalidateMessage("k"), bus.tagMessage("t"), bus.clearMessage]) yield* tell(message)
      for (const message of [own.bus.invalidateMessage("k"), own.bus.clearMessage]) yield* tell(message)
      expect(heard).toEqual([{ _tag: "Key", key: "k" }, { _tag: "Tag", tag: "t" }, { _tag: "Clear" }])
    })
  )

  it.scoped("treats a message that it cannot read as a clear", () =>
    Effect.gen(function* () {
      const { heard, tell } = yield* world
      for (const message of ["", "null", '{"from":"x","kind":"later"}', '{"from":"x","kind":"key"}'])
        yield* tell(message)
      expect(heard).toEqual([{ _tag: "Clear" }, { _tag: "Clear" }, { _tag: "Clear" }, { _tag: "Clear" }])
    })
  )
})

describe("a caller that waits for a lease", () => {
  it.scoped("resumes at a message that names its key, from any process, and at no other", () =>
    Effect.gen(function* () {
      const { other, own, tell } = yield* world
      for (const message of [own.bus.readyMessage, other.bus.readyMessage, other.bus.invalidateMessage]) {
        const waiting = yield* Effect.fork(own.bus.awaitLease("k"))
        yield* settle
        yield* tell(message("l"))
        expect(yield* isOver(waiting)).toBe(false)
        yield* tell(message("k"))
        expect(yield* isOver(waiting)).toBe(true)
      }
    })
  )

  it.scoped("resumes at a gap and at a message that cannot be read", () =>
    Effect.gen(function* () {
      const { own, tell } = yield* world
      for (const happens of [tell("unreadable"), Effect.zipRight(own.connection.gap, settle)]) {
        const waiting = yield* Effect.fork(own.bus.awaitLease("k"))
        yield* settle
        yield* happens
        expect(yield* isOver(waiting)).toBe(true)
      }
    })
  )
})
