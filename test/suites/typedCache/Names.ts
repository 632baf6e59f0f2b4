/** Ids, names and tags that look like each other: no cache reaches what belongs to another, or to a board. */
import type { Vitest } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import * as Counter from "../../../src/coordination/Counter.js"
import * as Leaderboard from "../../../src/coordination/Leaderboard.js"
import * as Presence from "../../../src/coordination/Presence.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"

/** A cache whose values say whose they are. */
const named = (name: string) =>
  TypedCache.make({
    name,
    key: Schema.String,
    value: Schema.String,
    timeToLive: "1 minute",
    tags: (value) => [value, "all", "x:y"],
    lookup: (id) => Effect.succeed(`${id} of ${name}`)
  })

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.scoped("reads nothing of another cache whose name begins with its own, whatever the id", () =>
    Effect.gen(function* () {
      const [outer, inner] = [yield* named("name"), yield* named("name:inner")]
      yield* inner.get("ada")
      expect(yield* outer.getResult("inner:ada")).toMatchObject({ value: "inner:ada of name", source: "Lookup" })
      expect(yield* outer.getMany(["inner:ada", "inner"])).toEqual(["inner:ada of name", "inner of name"])
      expect(yield* outer.set("inner:bob", "set")).toBe(true)
      expect(yield* inner.getOption("bob")).toEqual(Option.none())
      expect(yield* outer.update("inner:cid", Effect.succeed("updated"))).toBe("updated")
      expect(yield* inner.getOption("cid")).toEqual(Option.none())
      const redis = yield* RedisClient
      expect(Option.isSome(yield* redis.get("name:inner:ada"))).toBe(true)
      expect(Option.isSome(yield* redis.get("name:inner%3Aada"))).toBe(true)
    })
  )

  it.scoped("invalidates nothing of another cache, by id, by tag or by clear", () =>
    Effect.gen(function* () {
      const [outer, inner] = [yield* named("lost"), yield* named("lost:inner")]
      const isKept = Effect.map(inner.getResult("ada"), ({ source }) => source === "Redis")
      yield* inner.get("ada")
      yield* outer.get("inner:ada")
      expect(yield* outer.invalidate("inner:ada")).toBe(true)
      expect(yield* isKept).toBe(true)
      for (const tag of ["all", "x:y", "inner:ada", "ada of lost:inner"]) yield* outer.invalidateTag(tag)
      expect(yield* isKept).toBe(true)
      expect(yield* outer.clear).toBe(true)
      expect(yield* isKept).toBe(true)
      expect(yield* outer.getOption("inner:ada")).toEqual(Option.none())
    })
  )

  it.scoped("treats an entry of an earlier release, under an id with a plain colon, as a miss", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const cache = yield* named("earlier")
      yield* cache.get("a:b")
      const entry = Option.getOrThrow(yield* redis.get("earlier:a%3Ab"))
      yield* redis.set("earlier:c:d", entry, { timeToLive: "1 minute" })
      expect(yield* cache.getResult("c:d")).toMatchObject({ value: "c:d of earlier", source: "Lookup" })
    })
  )

  it.effect("rejects a name that other keys begin with, or that could be mistaken for a marker", () =>
    Effect.gen(function* () {
      for (const name of [
        "",
        "lock",
        "lock:it",
        "semaphore",
        "ratelimit:login",
        "{a}",
        "a}:tag:b",
        '"a"',
        "a\n",
        "a\ud800"
      ]) {
        const made = yield* Effect.exit(Effect.scoped(named(name)))
        expect(Exit.isFailure(made) && Cause.isDie(made.cause), name).toBe(true)
        expect(String(made), name).toContain("no cache can have the name")
      }
      for (const name of ["locks", "a:lock:b", "a%7B", "a b", "é"]) yield* Effect.scoped(named(name))
    })
  )

  it.scoped("keeps boards, counters and presence off its entries while it lives, and only then", () =>
    Effect.gen(function* () {
      const board = yield* Leaderboard.make({ key: "owner:board" })
      const counter = yield* Counter.make({ key: "owner:counter" })
      const presence = yield* Presence.make({ key: "owner:presence", timeToLive: "1 minute" })
      const operations = [
        board.submit("ada", 1),
        board.size,
        counter.increment,
        counter.get,
        presence.beat("ada"),
        presence.count
      ]
      yield* Effect.gen(function* () {
        for (const prefix of ["counters", "presence", "leaderboard"]) yield* named(`${prefix}:owner`)
        for (const operation of operations) {
          expect(yield* Effect.flip<unknown, unknown, never>(operation)).toMatchObject({
            _tag: "InvalidArgument"
          })
        }
        expect(
          yield* Effect.map(RedisClient, (redis) => redis.mget).pipe(
            Effect.flatMap((mget) => mget(["counters:owner:counter"]))
          )
        ).toEqual([Option.none()])
      }).pipe(Effect.scoped)
      for (const operation of operations) yield* Effect.asVoid<unknown, unknown, never>(operation)
    })
  )
}
