/** Which keys a process may read, and which entries it may serve. */
import { describe, expect, it } from "@effect/vitest"
import * as Distrust from "../../../src/cache/invalidation/outage/Distrust.js"
import type { MutableState } from "../../../src/cache/invalidation/outage/OutageWatch.js"
import * as Outbox from "../../../src/cache/invalidation/outage/Outbox.js"
import { readFailureOf } from "../../../src/cache/invalidation/outage/ReadFailure.js"
import * as ReadGuard from "../../../src/cache/invalidation/ReadGuard.js"
import { RedisUnavailable } from "../../../src/redis/RedisError.js"

const world = () => {
  const state: MutableState = {
    openGeneration: 1,
    failure: readFailureOf(new RedisUnavailable({ reason: "Disconnected" }))
  }
  const outbox = Outbox.make(10)
  const distrust = Distrust.make({ serverTime: () => 1_000, askTime: () => {} })
  const overrides = { isOff: false }
  return { state, outbox, distrust, overrides, guard: ReadGuard.make({ state, outbox, distrust, overrides }) }
}

describe("the guard of reads", () => {
  it("lets a key be read unless its invalidation, or a clear, is pending", () => {
    const { guard, outbox } = world()
    outbox.add({ _tag: "Key", key: "a" })
    expect([guard.mayRead("a"), guard.failureOf("a").reason]).toEqual([false, "InvalidationPending"])
    expect(guard.mayRead("b")).toBe(true)
    outbox.add({ _tag: "Clear" })
    expect(guard.mayRead("b")).toBe(false)
  })

  it("lets no key be read, and no reply be used, while no generation is open", () => {
    const { guard, state } = world()
    expect([guard.isUsable(1, "a"), guard.isUsable(2, "a"), guard.isOpen()]).toEqual([true, false, true])
    state.openGeneration = undefined
    expect([guard.mayRead("a"), guard.isUsable(1, "a"), guard.isOpen()]).toEqual([false, false, false])
    expect(guard.failureOf("a").reason).toBe("Disconnected")
  })

  it("trusts an entry only when it was created after every marker, and no marker is missing", () => {
    const { guard } = world()
    const isTrusted = (created: number, clear: number | undefined, ...tags: ReadonlyArray<number | undefined>) =>
      guard.isTrusted(
        created,
        tags.map((_, i) => `t${i}`),
        { clear, tags },
        0,
        "a"
      )
    expect([isTrusted(11, 10), isTrusted(10, 10), isTrusted(11, undefined)]).toEqual([true, false, false])
    expect([isTrusted(11, 10, 10), isTrusted(11, 10, 11), isTrusted(11, 10, undefined)]).toEqual([true, false, false])
  })

  it("trusts no entry from before the end of an outage", () => {
    const { distrust, guard } = world()
    distrust.outageEnded(500)
    const isTrusted = (created: number) => guard.isTrusted(created, [], { clear: 10, tags: [] }, 0, "a")
    expect([isTrusted(500), isTrusted(501), guard.distrustedUpTo("a")]).toEqual([false, true, 500])
  })

  it("trusts no entry with a tag that is pending, or that was acknowledged since the entry was asked for", () => {
    const { guard, outbox } = world()
    const tag = { _tag: "Tag", tag: "t" } as const
    const asked = guard.tagsAcknowledged()
    const isTrusted = () => guard.isTrusted(11, ["t"], { clear: 10, tags: [10] }, asked, "a")
    expect(isTrusted()).toBe(true)
    outbox.add(tag)
    expect(isTrusted()).toBe(false)
    for (const [item, addition] of outbox.items()) outbox.acknowledge(item, addition)
    expect(isTrusted()).toBe(false)
    expect(guard.isTrusted(11, ["t"], { clear: 10, tags: [10] }, guard.tagsAcknowledged(), "a")).toBe(true)
  })
})
