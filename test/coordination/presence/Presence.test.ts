import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Presence from "../../../src/coordination/Presence.js"
import * as PresenceScripts from "../../../src/coordination/presence/PresenceScripts.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisError } from "../../../src/redis/RedisError.js"
import { age, onEveryLayer } from "../../support/server/clientLayers.js"
import { until } from "../../support/until.js"

/** Lets all beats under a key grow older, and the key with them. */
const ageBeats = (key: string, millis: number) =>
  Effect.gen(function* () {
    const client = yield* RedisClient
    for (const member of yield* client.zrevrange(key, 0, -1)) yield* client.zincrby(key, -millis, member)
    yield* age(key, millis)
  })

describe("presence", () => {
  onEveryLayer((it) => {
    it.scoped("rejects a member with a lone surrogate, since two of them would be one", () =>
      Effect.gen(function* () {
        const online = yield* Presence.make({ key: "surrogates", timeToLive: "1 minute" })
        yield* online.beat("a\ufffd")
        for (const member of ["a\ud800", "a\udfff"]) {
          for (const rejected of [
            online.beat(member),
            online.leave(member),
            online.isOnline(member),
            online.whileOnline(member)(Effect.void)
          ]) {
            expect(yield* Effect.flip<unknown, RedisError, never>(rejected)).toMatchObject({ _tag: "InvalidArgument" })
          }
        }
        expect(yield* online.list({ offset: 0, limit: 10 })).toEqual(["a\ufffd"])
      })
    )

    it.effect("counts each member that has beaten once, until it leaves", () =>
      Effect.gen(function* () {
        const online = yield* Presence.make({ key: "beats", timeToLive: "1 minute" })
        expect(yield* online.count).toBe(0)
        expect(yield* online.beat("ada")).toBe(1)
        expect(yield* online.beat("bob")).toBe(2)
        expect(yield* online.beat("ada")).toBe(2)
        expect(yield* online.isOnline("ada")).toBe(true)
        expect(yield* online.isOnline("cyd")).toBe(false)
        expect(yield* online.leave("ada")).toBe(1)
        expect(yield* online.leave("ada")).toBe(1)
        expect(yield* online.isOnline("ada")).toBe(false)
        expect(yield* online.count).toBe(1)
      })
    )

    it.effect("counts a member no longer when it stops beating, and removes it later", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const name = "aged"
        const key = `presence:${name}`
        const online = yield* Presence.make({ key: name, timeToLive: "1 minute" })
        yield* online.beat("ada")
        yield* ageBeats(key, 40_000)
        yield* online.beat("bob")
        yield* ageBeats(key, 40_000)
        expect(yield* online.count).toBe(1)
        expect(yield* online.isOnline("ada")).toBe(false)
        expect(yield* online.list({ offset: 0, limit: 10 })).toEqual(["bob"])
        expect(yield* online.leave("nobody")).toBe(1)
        expect(yield* client.zcard(key)).toBe(2)
        expect(yield* online.beat("bob")).toBe(1)
        expect(yield* client.zcard(key)).toBe(1)
        const left = Option.getOrThrow(yield* client.ttl(key))
        expect(Duration.lessThanOrEqualTo(left, "1 minute")).toBe(true)
        yield* ageBeats(key, 60_000)
        expect(yield* client.send("EXISTS", key)).toBe(0)
        expect(yield* online.count).toBe(0)
      })
    )

    it.effect("removes a bounded number of offline members at a time", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const name = "many"
        const key = `presence:${name}`
        yield* Effect.forEach(
          Array.from({ length: 250 }, (_, i) => `gone ${i}`),
          (member) => client.zadd(key, 1, member),
          { concurrency: "unbounded" }
        )
        const online = yield* Presence.make({ key: name, timeToLive: "1 minute" })
        expect(yield* online.count).toBe(0)
        expect(yield* online.beat("ada")).toBe(1)
        expect(yield* client.zcard(key)).toBe(251 - PresenceScripts.clearedAtOnce)
        yield* online.beat("ada")
        yield* online.beat("ada")
        expect(yield* client.zcard(key)).toBe(1)
      })
    )

    it.effect("lists the online members page by page, the latest beat first", () =>
      Effect.gen(function* () {
        const name = "list"
        const key = `presence:${name}`
        const online = yield* Presence.make({ key: name, timeToLive: "1 minute" })
        for (const member of ["ada", "bob", "cyd", "dan", "eve"]) {
          yield* online.beat(member)
          yield* ageBeats(key, 1_000)
        }
        expect(yield* online.list({ offset: 0, limit: 2 })).toEqual(["eve", "dan"])
        expect(yield* online.list({ offset: 2, limit: 9 })).toEqual(["cyd", "bob", "ada"])
        expect(yield* online.list({ offset: 0, limit: 0 })).toEqual([])
        for (const page of [
          { offset: -1, limit: 1 },
          { offset: 0, limit: -1 },
          { offset: 0, limit: 0.5 }
        ]) {
          expect(yield* Effect.flip(online.list(page))).toMatchObject({ _tag: "InvalidArgument" })
        }
      })
    )

    it.effect("has members of any type that a schema writes as text", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const name = "typed"
        const key = `presence:${name}`
        const online = yield* Presence.make({
          key: name,
          timeToLive: "1 minute",
          member: Schema.compose(Schema.NumberFromString, Schema.Int)
        })
        yield* online.beat(7)
        yield* client.zadd(key, Number.MAX_SAFE_INTEGER, "no number")
        expect(yield* online.list({ offset: 0, limit: 10 })).toEqual([7])
        expect(yield* online.isOnline(7)).toBe(true)
        expect(yield* Effect.flip(online.beat(0.5))).toMatchObject({ _tag: "InvalidArgument" })
        expect(yield* Effect.flip(Effect.scoped(online.stayOnline(0.5)))).toMatchObject({ _tag: "InvalidArgument" })
      })
    )

    it.effect("rejects a member on which its schema throws, and skips one that another program has stored", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const name = "unlucky"
        const key = `presence:${name}`
        const unlucky = (n: string) => {
          if (n === "13") throw new Error("unlucky")
          return n
        }
        const member = Schema.transform(Schema.String, Schema.String, {
          strict: true,
          decode: unlucky,
          encode: unlucky
        })
        const online = yield* Presence.make({ key: name, timeToLive: "1 minute", member })
        yield* online.beat("7")
        yield* client.zadd(key, Number.MAX_SAFE_INTEGER, "13")
        expect(yield* online.list({ offset: 0, limit: 10 })).toEqual(["7"])
        expect(yield* Effect.flip(online.beat("13"))).toMatchObject({ _tag: "InvalidArgument" })
      })
    )

    it.effect("fails when its key holds something else", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        yield* client.set("presence:text", "text")
        const online = yield* Presence.make({ key: "text", timeToLive: "1 minute" })
        for (const call of [online.beat("ada"), online.leave("ada"), online.count, online.isOnline("ada")]) {
          expect(yield* Effect.flip<unknown, unknown, never>(call)).toMatchObject({ code: "WRONGTYPE" })
        }
      })
    )

    it.effect("keeps a member online while an effect runs, and not after it, however it ends", () =>
      Effect.gen(function* () {
        const online = yield* Presence.make({ key: "while", timeToLive: "1 minute" })
        const during = online.isOnline("ada")
        expect(yield* during.pipe(online.whileOnline("ada"))).toBe(true)
        expect(yield* during).toBe(false)
        expect(yield* Effect.flip(Effect.zipRight(during, Effect.fail("ended")).pipe(online.whileOnline("ada")))).toBe(
          "ended"
        )
        expect(yield* during).toBe(false)
        const running = yield* Effect.fork(Effect.never.pipe(online.whileOnline("ada")))
        yield* until("ada is online", () => Effect.orDie(during))
        yield* Fiber.interrupt(running)
        expect(yield* during).toBe(false)
      })
    )
  })
})
