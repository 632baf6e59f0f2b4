/** Every script of the cache protocol: its model against its Lua, and the creation times that it answers. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as CacheEntry from "../../../src/cache/entry/CacheEntry.js"
import type { Target } from "../../../src/cache/scripts/CacheScript.js"
import * as LeaseScripts from "../../../src/cache/scripts/LeaseScripts.js"
import * as MarkerScripts from "../../../src/cache/scripts/MarkerScripts.js"
import * as WriteScripts from "../../../src/cache/scripts/WriteScripts.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisKey from "../../../src/redis/RedisKey.js"
import type { RedisScript } from "../../../src/redis/RedisScript.js"
import { batchOf } from "../../support/programs/batches.js"
import { compareScript } from "../../support/programs/compareScript.js"
import { command, type Step, script as stepOf } from "../../support/programs/programs.js"
import { onEveryLayer } from "../../support/server/clientLayers.js"
import { skipReasonOfUse } from "../../support/server/RedisServer.js"

const channel = "told"
const message = "changed"
const clear = "{user}:clear"
const tagFloor = "{user}:tags"
const tagMarkers = ["{user}:tag:red", "{user}:tag:round"]
const target = (key: string): Target => ({ key, lease: RedisKey.auxiliary(key, "lease"), channel })

const targets = fc.constantFrom("user:1", "user:2", "user:3").map(target)
const token = fc.constantFrom("mine", "theirs")
const millis = fc.constantFrom(5_000, 10_000, 60_000)
/** differences from the present, of what a caller knows and of creation times */
const offset = fc.constantFrom(-60_000, -1, 0, 1, 60_000)
const bodyOf = (timeToLive: number, text: string) =>
  CacheEntry.body(
    { timeToLive, tags: [], versionTag: undefined },
    { kind: "value", version: 1, encoding: undefined, text }
  )
const body = fc.constantFrom(bodyOf(5_000, '"a"'), bodyOf(60_000, '{"b":[1,"ü"]}'))

type At<Input> = (now: number) => Input

const acquire = fc.record({ target: targets, token, leaseMillis: millis, offset, ahead: offset }).map(
  ({ ahead, target, offset, ...rest }): At<Parameters<typeof LeaseScripts.acquire.args>[0]> =>
    (now) => ({
      ...target,
      ...rest,
      newerThan: now + offset,
      floor: now + ahead,
      now
    })
)
const begin = acquire
const renew = fc
  .record({ target: targets, token, leaseMillis: millis })
  .map(({ target, ...rest }) => ({ ...target, ...rest }))
const release = fc.record({ target: targets, token }).map(({ target, token }) => ({ ...target, token, message }))
const fill = fc.record({ target: targets, token, body, keepMillis: millis, offset }).map(
  ({ target, offset, ...rest }): At<Parameters<typeof LeaseScripts.fill.args>[0]> =>
    (now) => ({
      ...target,
      ...rest,
      created: now + offset,
      message
    })
)
const finish = fill
const invalidate = targets.map((target) => ({ ...target, message }))
const set = fc.record({ target: targets, body, keepMillis: millis, offset, deadline: offset }).map(
  ({ target, body, deadline, keepMillis, offset }): At<Parameters<typeof WriteScripts.set.args>[0]> =>
    (now) => ({
      ...target,
      body,
      keepMillis,
      floor: now + offset,
      deadline: now + deadline,
      message,
      now
    })
)
const ensureMarkers = fc
  .record({ keepMillis: millis, tags: fc.option(fc.subarray(tagMarkers), { nil: undefined }), offset })
  .map(
    ({ keepMillis, offset, tags }): At<Parameters<typeof MarkerScripts.ensureMarkers.args>[0]> =>
      (now) => ({ clear, tagFloor, tags, keepMillis, now: now + offset })
  )
const moveClear = fc.record({ keepMillis: millis, offset }).map(
  ({ keepMillis, offset }): At<Parameters<typeof MarkerScripts.moveClear.args>[0]> =>
    (now) => ({ clear, keepMillis, channel, message, now: now + offset })
)
const moveTag = fc.record({ keepMillis: millis, tag: fc.constantFrom(...tagMarkers), offset }).map(
  ({ keepMillis, offset, tag }): At<Parameters<typeof MarkerScripts.moveTag.args>[0]> =>
    (now) => ({ tag, clear, tagFloor, keepMillis, channel, message, now: now + offset })
)

/** Texts that may stand under a key: an entry, a truncated one, one with a wrong creation time, and foreign ones. */
const strayTexts = fc
  .constantFrom(
    '{"created":1800000000000,"ttl":5000,"value":"a"}',
    '{"created":1800000000000,"ttl":5000,"val',
    '{"created":999999999999999,"ttl":1,"value":1}',
    '{"created":1234567890123456,"ttl":1,"value":1}',
    '{"created":,"ttl":1,"value":1}',
    '{"created":-1,',
    ' {"created":1800000000000,',
    "",
    "0",
    "-5",
    "1e99",
    "0x10",
    "nan",
    "1800000000000",
    "1234567890123456"
  )
  .chain((text) =>
    fc
      .constantFrom("user:1", "{user:1}:lease", clear, tagFloor, ...tagMarkers)
      .map((key): Step => command("SET", key, text, "EX", 60))
  )

/** Another program's structure under the key of a value, a lease or a marker. */
const strayTypes = fc
  .constantFrom("user:1", "{user:1}:lease", clear, tagFloor, ...tagMarkers)
  .chain((key) =>
    fc.constantFrom<Step>(command("DEL", key), command("ZADD", key, "1", "a"), command("HSET", key, "a", "b"))
  )

const strays = fc.oneof({ weight: 3, arbitrary: strayTexts }, strayTypes)

const steps = <Input, Output>(script: RedisScript<Input, Output>, inputs: fc.Arbitrary<Input | At<Input>>) =>
  inputs.map((input) => stepOf(script, input))

const anything: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: strays },
  steps(LeaseScripts.acquire, acquire),
  steps(LeaseScripts.renew, renew),
  steps(LeaseScripts.release, release),
  steps(LeaseScripts.fill, fill),
  steps(WriteScripts.invalidate, invalidate),
  steps(WriteScripts.set, set),
  steps(WriteScripts.begin, begin),
  steps(WriteScripts.finish, finish),
  steps(MarkerScripts.ensureMarkers, ensureMarkers),
  steps(MarkerScripts.moveClear, moveClear),
  steps(MarkerScripts.moveTag, moveTag)
)

const agrees = <Input, Output>(script: RedisScript<Input, Output>, inputs: fc.Arbitrary<Input | At<Input>>) =>
  it.scopedLive(`${script.name} does on a server what its model does, with any content of its keys`, () =>
    compareScript(script, inputs, { others: anything, numRuns: 200 })
  )

/** Inputs of calls that may share a command: all know the same of the clear marker, and few scripts allow a key twice. */
const batched = <Input extends Target & { readonly floor?: number; readonly now?: number }>(
  inputs: fc.Arbitrary<Input | At<Input>>,
  sharesKeys: boolean
): fc.Arbitrary<At<ReadonlyArray<Input>>> =>
  fc.array(inputs, { minLength: 1, maxLength: 4 }).map((inputs) => (now) => {
    const all = inputs.map((input) => (typeof input === "function" ? input(now) : input))
    const calls = sharesKeys ? all : Array.from(new Map(all.map((input) => [input.key, input])).values())
    const floor = Math.max(...calls.map(({ floor = 0 }) => floor))
    return calls.map((input) => ({ ...input, ...(input.floor === undefined ? {} : { floor }) }))
  })

const agreesTogether = <Input extends Target, Output>(
  script: RedisScript<Input, Output>,
  inputs: fc.Arbitrary<Input | At<Input>>
) =>
  it.scopedLive(`calls of ${script.name} in one command do what its model does one after the other`, () =>
    compareScript(batchOf(script), batched(inputs, script.batch?.sharesKeys === true), {
      others: anything,
      numRuns: 200
    })
  )

describe.skipIf(skipReasonOfUse() !== undefined)("the scripts of the cache, several calls at once", () => {
  agreesTogether(LeaseScripts.acquire, acquire)
  agreesTogether(LeaseScripts.release, release)
  agreesTogether(LeaseScripts.fill, fill)
  agreesTogether(WriteScripts.invalidate, invalidate)
  agreesTogether(WriteScripts.set, set)
})

describe.skipIf(skipReasonOfUse() !== undefined)("the scripts of the cache", () => {
  agrees(LeaseScripts.acquire, acquire)
  agrees(LeaseScripts.renew, renew)
  agrees(LeaseScripts.release, release)
  agrees(LeaseScripts.fill, fill)
  agrees(WriteScripts.invalidate, invalidate)
  agrees(WriteScripts.set, set)
  agrees(WriteScripts.begin, begin)
  agrees(WriteScripts.finish, finish)
  agrees(MarkerScripts.ensureMarkers, ensureMarkers)
  agrees(MarkerScripts.moveClear, moveClear)
  agrees(MarkerScripts.moveTag, moveTag)
})

onEveryLayer((it) => {
  it.effect("acquire grants one lease, repeatedly to its holder, and the next one only after its end", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const lease = target("scripts:lease")
      const ask = (token: string) =>
        redis.run(LeaseScripts.acquire)({ ...lease, token, leaseMillis: 60_000, newerThan: 0, floor: 0 })
      expect((yield* ask("a"))[0]).toBe("granted")
      expect((yield* ask("a"))[0]).toBe("granted")
      expect(yield* ask("b")).toEqual(["held"])
      expect(yield* redis.run(LeaseScripts.release)({ ...lease, token: "b", message })).toBe(0)
      expect(yield* ask("b")).toEqual(["held"])
      expect(yield* redis.run(LeaseScripts.release)({ ...lease, token: "a", message })).toBe(1)
      expect((yield* ask("b"))[0]).toBe("granted")
    })
  )

  it.effect("fill stores nothing when an invalidation, a set or an update has ended its lease", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const rejected = (key: string, intruder: (target: Target) => Effect.Effect<unknown, unknown>) =>
        Effect.gen(function* () {
          const own = target(`scripts:fill:${key}`)
          yield* redis.run(LeaseScripts.acquire)({ ...own, token: "mine", leaseMillis: 60_000, newerThan: 0, floor: 0 })
          yield* intruder(own)
          const old = bodyOf(60_000, '"old"')
          const filled = yield* redis.run(LeaseScripts.fill)({
            ...own,
            token: "mine",
            created: 1,
            body: old,
            keepMillis: 60_000,
            message
          })
          expect([key, filled]).toEqual([key, 0])
          expect(JSON.stringify(yield* redis.get(own.key))).not.toContain("old")
        })
      yield* rejected("invalidate", (own) => redis.run(WriteScripts.invalidate)({ ...own, message }))
      yield* rejected("set", (own) =>
        redis.run(WriteScripts.set)({
          ...own,
          body: bodyOf(60_000, '"new"'),
          keepMillis: 60_000,
          floor: 0,
          deadline: Number.MAX_SAFE_INTEGER,
          message
        })
      )
      yield* rejected("begin", (own) =>
        redis.run(WriteScripts.begin)({ ...own, token: "writer", leaseMillis: 60_000, floor: 0 })
      )
    })
  )

  it.effect("set publishes the messages of the calls that have stored, and of no others", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const isListening = yield* Deferred.make<void>()
      const heard = yield* redis.subscribe("scripts:told").pipe(
        Stream.tap(({ _tag }) => (_tag === "Gap" ? Deferred.succeed(isListening, undefined) : Effect.void)),
        Stream.filterMap((event) => (event._tag === "Message" ? Option.some(event.message) : Option.none())),
        Stream.takeUntil((message) => message === "end"),
        Stream.runCollect,
        Effect.fork
      )
      yield* Deferred.await(isListening)
      const call = (key: string, deadline: number) => ({
        key: `scripts:told:${key}`,
        lease: `{scripts:told:${key}}:lease`,
        channel: "scripts:told",
        body: bodyOf(60_000, '"new"'),
        keepMillis: 60_000,
        floor: 0,
        message: `of ${key}`,
        now: 1_000,
        deadline
      })
      const set = redis.run(batchOf(WriteScripts.set))
      expect(yield* set([call("a", 1_000), call("b", 999), call("c", 2_000)])).toEqual([1, 0, 1])
      expect(yield* set([call("d", 1_000), call("e", 1_000)])).toEqual([1, 1])
      expect(yield* set([call("f", 999), call("g", 0)])).toEqual([0, 0])
      yield* redis.publish("scripts:told", "end")
      const lines = Array.from(yield* Fiber.join(heard)).flatMap((text) => text.split("\n"))
      expect(lines).toEqual(["of a", "of c", "of d", "of e", "end"])
    })
  )

  it.effect("moveClear moves a marker forward even when the clock stands still or goes back", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const move = (now: number) =>
        redis.run(MarkerScripts.moveClear)({ clear: "{scripts}:clear", keepMillis: 60_000, channel, message, now })
      expect(yield* move(1000)).toBe(1000)
      expect(yield* move(1000)).toBe(1001)
      expect(yield* move(400)).toBe(1002)
      expect(yield* move(2000)).toBe(2000)
    })
  )

  it.effect("moveTag moves a tag's marker past every entry that was created directly after the clear marker", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const move = { keepMillis: 60_000, channel, message, now: 1000 }
      const names = { clear: "{ahead}:clear", tagFloor: "{ahead}:tags", tag: "{ahead}:tag:red" }
      yield* redis.run(MarkerScripts.moveClear)({ ...names, ...move })
      yield* redis.run(MarkerScripts.moveClear)({ ...names, ...move })
      // a new entry is created at 1002, ahead of the clock
      expect(yield* redis.run(MarkerScripts.moveTag)({ ...names, ...move })).toBe(1002)
    })
  )

  it.effect("ensureMarkers creates a tag's missing marker at the latest move of any tag, and no later", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const names = { clear: "{evicted}:clear", tagFloor: "{evicted}:tags" }
      const ensure = (now: number, ...tags: ReadonlyArray<string>) =>
        redis.run(MarkerScripts.ensureMarkers)({ ...names, tags, keepMillis: 60_000, now })
      expect(yield* ensure(1000, "{evicted}:tag:red")).toEqual([1000, 1000])
      yield* redis.run(MarkerScripts.moveTag)({
        ...names,
        tag: "{evicted}:tag:red",
        keepMillis: 60_000,
        channel,
        message,
        now: 2000
      })
      yield* redis.del("{evicted}:tag:red")
      expect(yield* ensure(3000, "{evicted}:tag:red", "{evicted}:tag:new")).toEqual([1000, 2000, 2000])
      // without the floor, the moves are unknown
      yield* redis.del("{evicted}:tag:red", "{evicted}:tags")
      expect(yield* ensure(4000, "{evicted}:tag:red")).toEqual([1000, 4000])
    })
  )

  it.effect("acquire creates an entry after the clear marker that its caller has seen, and after nothing else", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const acquired = yield* redis.run(LeaseScripts.acquire)({
        ...target("scripts:born"),
        token: "mine",
        leaseMillis: 60_000,
        newerThan: 9000,
        floor: 5000,
        now: 5000
      })
      expect(acquired).toEqual(["granted", 5001])
    })
  )
})
