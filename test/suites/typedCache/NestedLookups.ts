/** Lookups that read caches: cycles, stale values, leases and interruption. */
import type { Vitest } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { whenListening } from "../../support/cache/Listening.js"
import { until } from "../../support/until.js"

type Failure = TypedCache.EngineError
export type Texts = TypedCache.TypedCache<string, string, Failure>
export type Settings = Partial<TypedCache.Options<string, string, Failure, never>>

/** A cache of texts whose lookup is given the cache itself. */
export const recursive = (
  lookup: (id: string, cache: Texts) => Effect.Effect<string, Failure>,
  settings: Settings = {}
) =>
  Effect.gen(function* () {
    const { name } = CacheWorld.listening({})
    const cache: Texts = yield* whenListening(
      CacheWorld.build({
        name,
        key: Schema.String,
        value: Schema.String,
        timeToLive: "1 minute",
        jitter: 0,
        lookup: (id): Effect.Effect<string, Failure> => lookup(id, cache),
        ...settings
      })
    )
    return cache
  })

const cycleOf = (cache: { readonly name: string }, ...ids: ReadonlyArray<string>) =>
  new TypedCache.LookupCycle({ keys: ids.map((id) => `${cache.name}:${id}`) })

/** What a cache of one process promises too. */
export const inOneProcess = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  const ways: Readonly<Record<string, (cache: Texts, id: string) => Effect.Effect<unknown, Failure>>> = {
    get: (cache, id) => cache.get(id),
    getResult: (cache, id) => cache.getResult(id),
    getMany: (cache, id) => cache.getMany([id]),
    request: (cache, id) => cache.request(id),
    refresh: (cache, id) => cache.refresh(id)
  }

  for (const [way, read] of Object.entries(ways)) {
    it.scoped(`ends a lookup that comes back to its own key by ${way} in an error that names the keys`, () =>
      Effect.gen(function* () {
        const cache = yield* recursive((id, cache) =>
          Effect.as(read(cache, id === "a" ? "b" : id === "b" ? "c" : "a"), id)
        )
        expect(yield* Effect.flip(cache.get("a"))).toEqual(cycleOf(cache, "a", "b", "c", "a"))
      })
    )

    it.scoped(`ends a lookup that reads its own key by ${way}, also in a fiber that it forks`, () =>
      Effect.gen(function* () {
        const cache = yield* recursive((id, cache) => Effect.as(read(cache, id), id))
        expect(yield* Effect.flip(cache.get("a"))).toEqual(cycleOf(cache, "a", "a"))
        expect(yield* Effect.flip(cache.refresh("a"))).toEqual(cycleOf(cache, "a", "a"))
        const forking = yield* recursive((id, cache) =>
          Effect.as(Effect.flatMap(Effect.forkDaemon(read(cache, id)), Fiber.join), id)
        )
        expect(yield* Effect.flip(forking.get("a"))).toEqual(cycleOf(forking, "a", "a"))
      })
    )
  }

  it.scoped("ends two reads that wait for each other, in one of them, and the other gets its value", () =>
    Effect.gen(function* () {
      const begun = { a: yield* Deferred.make<void>(), b: yield* Deferred.make<void>() }
      const both = Effect.zipRight(Deferred.await(begun.a), Deferred.await(begun.b))
      const cache = yield* recursive((id, cache) => {
        const other = id === "a" ? "b" : "a"
        return Effect.zipRight(Deferred.succeed(begun[id === "a" ? "a" : "b"], undefined), both).pipe(
          Effect.zipRight(cache.get(other)),
          Effect.map((text) => `${id} of ${text}`),
          Effect.catchTag("LookupCycle", ({ keys }) => Effect.succeed(`${id} alone, since ${keys.length} keys wait`))
        )
      })
      const answers = yield* Effect.all([cache.get("a"), cache.get("b")], { concurrency: "unbounded" })
      // where an invalidation comes in between, such as the gap of a new subscription, a key is loaded once more
      for (const answer of answers) expect(answer).toMatch(/^[ab]( of [ab]){0,2} alone, since 3 keys wait$/)
    })
  )

  it.scoped("ends a cycle round several caches", () =>
    Effect.gen(function* () {
      const one: Texts = yield* recursive((id) => Effect.suspend(() => other.get(id)))
      const between: Texts = yield* recursive((id) => one.get(id))
      const other: Texts = yield* recursive((id) => between.get(id))
      expect(yield* Effect.flip(one.get("a"))).toEqual(
        new TypedCache.LookupCycle({ keys: [one, other, between, one].map(({ name }) => `${name}:a`) })
      )
    })
  )

  it.scoped("ends a cycle inside of lookupMany, whichever of its keys is read, for all of its keys", () =>
    Effect.gen(function* () {
      const reading: Texts = yield* recursive((id) => Effect.suspend(() => cache.get(id)))
      const cache: Texts = yield* recursive((id, cache) => Effect.as(cache.get(id), id), {
        lookupMany: (ids) => Effect.map(reading.get(ids.at(-1) ?? ""), (text) => ids.map(() => Either.right(text)))
      })
      // the keys of the cycle depend on the lease that is granted first, and several servers grant leases
      for (const failed of yield* cache.getMany(["a", "b"], { mode: "either" })) {
        expect(failed).toMatchObject({ _tag: "Left", left: { _tag: "LookupCycle" } })
      }
    })
  )

  it.scoped("leaves nothing behind after a cycle: the next read looks up and stores its value", () =>
    Effect.gen(function* () {
      let isCyclic = true
      const cache = yield* recursive((id, cache) =>
        isCyclic ? Effect.as(cache.get(id === "a" ? "b" : "a"), id) : Effect.succeed(id)
      )
      const cycle = yield* Effect.all([Effect.flip(cache.get("a")), Effect.flip(cache.get("b"))], {
        concurrency: "unbounded"
      })
      expect(cycle.map(({ _tag }) => _tag)).toEqual(["LookupCycle", "LookupCycle"])
      isCyclic = false
      expect(yield* cache.getResult("a")).toMatchObject({ value: "a", source: "Lookup" })
      expect(yield* cache.getResult("a")).toMatchObject({ value: "a", source: expect.stringMatching(CacheWorld.hit) })
      expect(yield* cache.get("b")).toBe("b")
    })
  )

  it.scoped(
    "takes no cycle for one when a key is read from several places, or by a fiber that its lookup has left",
    () =>
      Effect.gen(function* () {
        const left = yield* Deferred.make<Fiber.Fiber<string, Failure>>()
        const ended = yield* Deferred.make<void>()
        const cache = yield* recursive((id, cache) =>
          id === "top"
            ? Effect.map(
                Effect.all([cache.get("left"), cache.get("right"), cache.get("bottom")], { concurrency: "unbounded" }),
                (texts) => texts.join()
              )
            : id === "bottom"
              ? Effect.forkDaemon(Effect.zipRight(Deferred.await(ended), cache.refresh("bottom"))).pipe(
                  Effect.flatMap((fiber) => Deferred.succeed(left, fiber)),
                  Effect.as(id)
                )
              : cache.get("bottom")
        )
        expect(yield* cache.get("top")).toBe("bottom,bottom,bottom")
        yield* Deferred.succeed(ended, undefined)
        expect(yield* Fiber.join(yield* Deferred.await(left))).toBe("bottom")
      })
  )

  it.scoped("lets an update read its own key, without waiting for its own lease", () =>
    Effect.gen(function* () {
      const { cache } = CacheWorld.listening({ a: 1 })
      const { get, update } = yield* cache({ lease: { maxWait: "1 hour" } })
      expect(
        yield* update(
          "a",
          Effect.map(Effect.orDie(get("a")), (value) => value + 1)
        )
      ).toBe(2)
      expect(yield* get("a")).toBe(2)
    })
  )

  it.scoped("interrupts the lookups that a lookup waits for when its last caller is interrupted", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 })
      const inner = yield* cache()
      database.hold()
      const outer = yield* recursive((id) => Effect.map(Effect.orDie(inner.get(id)), String))
      const callers = yield* Effect.forkAll([outer.get("a"), outer.get("a")])
      yield* database.begun(1)
      yield* Fiber.interrupt(callers)
      yield* until("the inner lookup has stopped", () => database.running() === 0)
      database.release()
      expect(yield* Effect.timeout(outer.get("a"), Duration.infinity)).toBe("1")
    })
  )
}

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  inOneProcess(it)

  it.scoped("serves a lookup the stale value of its own key at once, whatever the soft timeout", () =>
    Effect.gen(function* () {
      let isNested = false
      const cache = yield* recursive(
        (id, cache) => (isNested ? Effect.map(cache.get(id), (text) => `${text}, again`) : Effect.succeed(id)),
        { timeToLive: "1 millis", staleFor: "1 hour", refresh: { softTimeout: "1 hour" } }
      )
      yield* cache.get("a")
      yield* until("it is stale", () =>
        Effect.map(cache.getOption("a"), (held) => held._tag === "Some" && held.value.source === "Stale")
      )
      isNested = true
      expect(yield* cache.get("a")).toMatch(/^a/)
    })
  )

  it.scoped("lets one cache be the source of another of the same name, without waiting for its lease", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 }, { lease: { maxWait: "1 hour" } })
      const inner = yield* cache()
      const outer = yield* cache({ lookup: (id) => Effect.orDie(inner.get(id)) })
      expect(yield* outer.get("a")).toBe(1)
      expect(database.lookups()).toBe(1)
    })
  )
}
