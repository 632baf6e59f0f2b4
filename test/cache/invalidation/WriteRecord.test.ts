/** What a process records of its own writes. */
import { describe, expect, it } from "@effect/vitest"
import * as LocalInvalidation from "../../../src/cache/invalidation/LocalInvalidation.js"
import type { MutableState } from "../../../src/cache/invalidation/outage/OutageWatch.js"
import * as Outbox from "../../../src/cache/invalidation/outage/Outbox.js"
import { readFailureOf } from "../../../src/cache/invalidation/outage/ReadFailure.js"
import * as WriteRecord from "../../../src/cache/invalidation/WriteRecord.js"
import { RedisUnavailable } from "../../../src/redis/RedisError.js"

const key = { _tag: "Key", key: "a" } as const

const world = (reason: RedisUnavailable["reason"] = "Disconnected") => {
  const dropped: Array<Outbox.OutboxItem> = []
  const woken: Array<number> = []
  const outbox = Outbox.make(10)
  const local = LocalInvalidation.make((item) => dropped.push(item))
  const state: MutableState = {
    openGeneration: undefined,
    failure: readFailureOf(new RedisUnavailable({ reason }))
  }
  const replay = { wake: () => woken.push(outbox.size()) }
  return { dropped, woken, outbox, local, writes: WriteRecord.make({ local, outbox, replay, state }) }
}

describe("the record of writes", () => {
  it("drops local values before a write and after it, and moves the epoch of its key each time", () => {
    const { dropped, local, outbox, writes } = world()
    const epochs = [local.epochOf("a")]
    writes.begin(key)
    epochs.push(local.epochOf("a"))
    writes.end(key, true)
    epochs.push(local.epochOf("a"))
    expect(new Set(epochs).size).toBe(3)
    expect([dropped, outbox.size()]).toEqual([[key, key], 0])
  })

  it("moves the epochs of all keys for a tag and for a clear", () => {
    const { local, writes } = world()
    for (const item of [{ _tag: "Tag", tag: "t" } as const, { _tag: "Clear" } as const]) {
      const before = local.epochOf("a")
      writes.end(item, true)
      expect([item, local.epochOf("a") === before]).toEqual([item, false])
    }
  })

  it("adds a write that was not acknowledged to the outbox, and then wakes the replay", () => {
    const { outbox, woken, writes } = world()
    writes.end(key, false)
    expect([outbox.has("a"), woken]).toEqual([true, [1]])
  })

  it("adds nothing to the outbox of a client that is switched off", () => {
    const { dropped, outbox, woken, writes } = world("Disabled")
    writes.end(key, false)
    expect([outbox.size(), woken, dropped]).toEqual([0, [], [key]])
  })
})
