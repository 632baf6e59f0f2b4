/** A lookup runs with the context of the cache's construction, and with nothing of its callers. */
import type { Vitest } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import { globalValue } from "effect/GlobalValue"
import * as HashSet from "effect/HashSet"
import * as ParseResult from "effect/ParseResult"
import * as RuntimeFlags from "effect/RuntimeFlags"
import * as RuntimeFlagsPatch from "effect/RuntimeFlagsPatch"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import { withRetry } from "../../../src/redis/RetryPolicy.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { until } from "../../support/until.js"

class Tenant extends Context.Reference<Tenant>()("test/Tenant", { defaultValue: () => "nobody's" }) {}

const ref = FiberRef.unsafeMake("nobody's")
const load = globalValue("effect-cache-toolkit/LoadGraph", () => FiberRef.unsafeMake<unknown>(undefined))
const retryPolicy = globalValue("effect-cache-toolkit/RetryPolicy", () => FiberRef.unsafeMake<unknown>(undefined))

/** Everything that an effect can have of the fiber that calls it. */
const asCaller = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  effect.pipe(
    Effect.locally(ref, "the caller's"),
    Effect.provideService(Tenant, "the caller's"),
    Effect.annotateLogs("request", "the caller's"),
    Effect.withSpan("the caller's"),
    Effect.withRequestBatching(true),
    Effect.withConcurrency(3),
    withRetry({ within: "1 minute" }),
    Effect.withRuntimeFlagsPatch(RuntimeFlagsPatch.disable(RuntimeFlags.CooperativeYielding))
  )

const surroundings = Effect.all({
  refs: Effect.getFiberRefs,
  flags: Effect.getRuntimeFlags,
  tenant: Tenant,
  context: Effect.context<never>()
})
type Surroundings = Effect.Effect.Success<typeof surroundings>

/** The names of what differs. */
const differences = (one: Surroundings, other: Surroundings): ReadonlyArray<string> => {
  const refs = HashSet.union(FiberRefs.fiberRefs(one.refs), FiberRefs.fiberRefs(other.refs))
  const ignored = [FiberRef.currentContext, load]
  return [
    ...Array.from(refs)
      .filter((each) => !ignored.some((other) => other === each))
      .filter((each) => !Equal.equals(FiberRefs.getOrDefault(one.refs, each), FiberRefs.getOrDefault(other.refs, each)))
      .map((each) => (each === retryPolicy ? "withRetry" : each === ref ? "ref" : "another FiberRef")),
    ...(one.flags === other.flags ? [] : ["flags"]),
    ...(one.tenant === other.tenant ? [] : ["tenant"]),
    ...[...one.context.unsafeMap.keys(), ...other.context.unsafeMap.keys()].filter(
      (key) => one.context.unsafeMap.get(key) !== other.context.unsafeMap.get(key)
    )
  ]
}

/** A cache that is made in surroundings of its own, and notes those of its lookups. */
const world = (settings: CacheWorld.Settings = {}) =>
  Effect.gen(function* () {
    const made = yield* surroundings
    const seen: Array<Surroundings> = []
    const note = Effect.map(surroundings, (each) => seen.push(each))
    const { cache, database, key } = CacheWorld.listening({ a: 1, b: 2 }, settings)
    const own = yield* cache({
      lookup: (id) => Effect.zipRight(note, database.lookup(id)),
      ...(settings.lookupMany === undefined
        ? {}
        : { lookupMany: (ids) => Effect.zipRight(note, database.lookupMany(ids)) })
    })
    /** Runs a read as a caller, and expects lookups that see nothing of this caller. */
    const nothingOf = (act: Effect.Effect<unknown, unknown, RedisClient>, lookups = 1) =>
      Effect.gen(function* () {
        const before = seen.length
        yield* asCaller(act)
        yield* until("it was looked up", () => seen.length >= before + lookups)
        for (const each of seen.splice(before)) expect(differences(made, each)).toEqual([])
      })
    return { made, own, key, nothingOf }
  }).pipe(Effect.annotateLogs("made", "where the cache was made"), Effect.locally(ref, "the cache's"))

const many: CacheWorld.Settings = { lookupMany: () => Effect.succeed([]) }

/** What a cache of one process promises too. */
export const inOneProcess = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.scoped("gives a lookup nothing of its first caller, whichever way it is read", () =>
    Effect.gen(function* () {
      const { made, nothingOf, own } = yield* world()
      const caller = yield* asCaller(surroundings)
      expect(differences(made, caller).length).toBeGreaterThan(7)
      yield* nothingOf(own.get("a"))
      yield* own.clear
      yield* nothingOf(own.getResult("a"))
      yield* own.clear
      yield* nothingOf(own.getMany(["a", "b"]), 2)
      yield* own.clear
      yield* nothingOf(own.request("a"))
      yield* nothingOf(own.refresh("a"))
      yield* own.clear
      yield* nothingOf(own.warm(["a", "b"]), 2)
      yield* nothingOf(Effect.zipRight(own.invalidate("a"), own.get("a")))
    })
  )

  it.scoped("gives a lookup of several keys nothing of its first caller", () =>
    Effect.gen(function* () {
      const { nothingOf, own } = yield* world(many)
      yield* nothingOf(own.getMany(["a", "b"]))
      yield* own.clear
      yield* nothingOf(Effect.all([own.get("a"), own.get("b")], { concurrency: "unbounded" }))
      yield* own.clear
      yield* nothingOf(own.warm(["a", "b"]))
    })
  )

  it.scoped("gives a refresh of a stale value nothing of the caller that read it", () =>
    Effect.gen(function* () {
      const { nothingOf, own } = yield* world({ timeToLive: "1 millis", staleFor: "1 hour" })
      yield* own.get("a")
      yield* nothingOf(until("it is stale", () => Effect.map(own.getResult("a"), ({ source }) => source === "Stale")))
    })
  )

  it.scoped("gives a refresh ahead nothing of the caller that read the value", () =>
    Effect.gen(function* () {
      const { nothingOf, own } = yield* world({ refresh: { ahead: { after: 0 } } })
      yield* own.get("a")
      yield* nothingOf(own.get("a"))
    })
  )

  it.scoped("runs the write of an update in the context of its caller", () =>
    Effect.gen(function* () {
      const { own } = yield* world()
      const write = Effect.zip(FiberRef.get(ref), Tenant)
      let written: readonly [string, string] | undefined
      yield* asCaller(
        own.update(
          "a",
          Effect.map(write, (each) => {
            written = each
            return 3
          })
        )
      )
      expect(written).toEqual(["the caller's", "the caller's"])
    })
  )
}

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  inOneProcess(it)

  it.scoped("gives a lookup with a hard timeout nothing of its first caller", () =>
    Effect.gen(function* () {
      const { database, name } = CacheWorld.listening({ a: 1 })
      const made = yield* surroundings
      let seen: Surroundings | undefined
      const own = yield* TypedCache.make({
        name,
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 minute",
        refresh: { hardTimeout: "1 minute" },
        lookup: (id) =>
          Effect.flatMap(surroundings, (each) => {
            seen = each
            return database.lookup(id)
          })
      })
      yield* asCaller(own.get("a"))
      expect(seen === undefined ? undefined : differences(made, seen)).toEqual([])
    })
  )

  it.scoped("gives a migration nothing of the caller that reads", () =>
    Effect.gen(function* () {
      const { cache, name } = CacheWorld.listening({ a: 1 })
      yield* Effect.flatMap(cache(), (old) => old.get("a"))
      const seen: Array<string> = []
      const text = Schema.transformOrFail(Schema.Number, Schema.String, {
        strict: true,
        decode: (value) =>
          Effect.map(Effect.zip(FiberRef.get(ref), Tenant), ([ref, tenant]) => {
            seen.push(ref, tenant)
            return String(value)
          }),
        encode: (value) => ParseResult.succeed(Number(value))
      })
      const own = yield* TypedCache.make({
        name,
        key: Schema.String,
        value: Schema.String,
        schema: { version: 2, migrations: { 1: TypedCache.migration(text, (old) => old) } },
        timeToLive: "1 minute",
        lookup: () => Effect.succeed("looked up")
      })
      expect(yield* asCaller(own.getResult("a"))).toMatchObject({ value: "1", source: "Redis" })
      expect(seen).toEqual(["nobody's", "nobody's"])
    })
  )
}
