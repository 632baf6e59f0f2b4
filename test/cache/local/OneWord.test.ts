/** A cache of one process becomes a cache on Redis by another word: with the same options, and for the same program. */
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as LocalCache from "../../../src/cache/LocalCache.js"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import { onMemory } from "../../support/server/clientLayers.js"

class Missing extends Schema.TaggedError<Missing>()("Missing", { id: Schema.Int }) {}
class Broken extends Schema.TaggedError<Broken>()("Broken", {}) {}

const City = Schema.Struct({ name: Schema.String, people: Schema.Int })
type City = typeof City.Type

const rows = () => new Map<number, City>([1, 2, 3].map((id) => [id, { name: `city ${id}`, people: id }]))

/** Every option of a `LocalCache`. */
const optionsOf = (cities: Map<number, City>) => {
  const lookup = (id: number) =>
    Effect.suspend((): Effect.Effect<City, Missing | Broken> => {
      const city = cities.get(id)
      return city === undefined ? new Missing({ id }) : Effect.succeed(city)
    })
  return {
    name: "one-word",
    key: Schema.NumberFromString.pipe(Schema.int()),
    value: City,
    timeToLive: (city: City, id: number) => (city.people + id > 0 ? "1 hour" : "1 minute"),
    jitter: 0.2,
    staleFor: "1 hour",
    tags: (city: City) => [city.people % 2 === 0 ? "even" : "odd"],
    maxBatch: 10,
    local: { capacity: 100, maxBytes: 10_000 },
    refresh: { softTimeout: "1 second", hardTimeout: "1 minute", pause: "1 second" },
    negative: { error: Missing, timeToLive: "1 minute" },
    lookup,
    lookupMany: (ids: ReadonlyArray<number>) => Effect.forEach(ids, (id) => Effect.either(lookup(id)))
  } as const
}

type Failure = Missing | Broken | TypedCache.EngineError | TypedCache.LookupTimeout

/** What an application does with either cache. */
const program = (cache: TypedCache.TypedCache<number, City, Failure>, cities: Map<number, City>) =>
  Effect.gen(function* () {
    const people = (id: number) => Effect.map(cache.get(id), (city) => city.people)
    const seen: Array<unknown> = [yield* people(1), yield* people(1), yield* cache.getMany([2, 1, 2])]
    for (const id of [1, 2, 3]) cities.set(id, { name: `city ${id}`, people: id + 10 })
    seen.push(yield* people(1), yield* cache.invalidate(1), yield* people(1))
    seen.push(yield* cache.invalidateTag("even"), yield* people(2), yield* people(3))
    seen.push(yield* cache.set(1, { name: "set", people: 5 }), yield* cache.get(1))
    seen.push(yield* cache.update(2, Effect.succeed({ name: "updated", people: 7 })), yield* cache.get(2))
    seen.push(yield* cache.refresh(3), yield* cache.get(3, { maxAge: "1 hour" }), yield* cache.get(3, { maxAge: 0 }))
    seen.push(
      Option.map(yield* cache.getOption(1), ({ value }) => value),
      yield* cache.getOption(9)
    )
    seen.push(yield* Effect.flip(cache.get(9)), yield* cache.getMany([9], { mode: "either" }))
    seen.push(yield* Effect.forEach([1, 2], cache.request, { batching: true }), yield* cache.clear, yield* people(1))
    seen.push(yield* cache.warm([1, 2, 3]), (yield* cache.stats).invalidations, yield* cache.isAvailable)
    return seen
  })

describe("the word LocalCache", () => {
  it.scopedLive("may become TypedCache: the same options make a cache that does the same", () =>
    Effect.gen(function* () {
      const one = rows()
      const alone = yield* program(yield* LocalCache.make(optionsOf(one)), one)
      const other = rows()
      const shared = yield* Effect.flatMap(TypedCache.make(optionsOf(other)), (cache) => program(cache, other)).pipe(
        Effect.provide(onMemory)
      )
      expect(alone).toEqual(shared)
    })
  )

  it("takes no client, and says which errors cannot occur", () => {
    const alone = () => LocalCache.make(optionsOf(rows()))
    expectTypeOf(alone).returns.toEqualTypeOf<
      Effect.Effect<
        LocalCache.LocalCache<number, City, Missing | Broken | LocalCache.ReadError<never, never, "1 minute">>,
        never,
        Scope.Scope
      >
    >()
    const shared = () => TypedCache.make(optionsOf(rows()))
    expectTypeOf(shared).returns.toEqualTypeOf<
      Effect.Effect<TypedCache.TypedCache<number, City, Failure>, never, Scope.Scope | RedisClient>
    >()
    // what reads a TypedCache reads a LocalCache
    expectTypeOf<Effect.Effect.Success<ReturnType<typeof alone>>>().toExtend<
      TypedCache.TypedCache<number, City, Failure>
    >()
  })

  it("has a class whose layer needs no client", () => {
    class Cities extends LocalCache.Tag("test/Cities")<Cities, Broken>()({
      name: "cities",
      key: Schema.Int,
      value: City,
      timeToLive: "1 hour",
      negative: { error: Missing },
      local: { capacity: 100 }
    }) {}
    const layer = Cities.layer({
      jitter: 0,
      lookup: (id) =>
        id === 0 ? new Broken() : id < 0 ? new Missing({ id }) : Effect.succeed({ name: "", people: id })
    })
    expectTypeOf(layer).toEqualTypeOf<Layer.Layer<Cities>>()
    const read = Effect.flatMap(Cities, (cities) => Effect.zip(cities.get(1), Effect.flip(cities.get(-1))))
    expect(Effect.runSync(Effect.provide(read, layer))).toEqual([{ name: "", people: 1 }, new Missing({ id: -1 })])
  })

  it("takes the type of its values from the lookup, and no option that concerns Redis", () => {
    const required = { name: "user", key: Schema.String, timeToLive: "1 hour", local: { capacity: 1 } } as const
    // compiled and never run
    expectTypeOf(() => [
      LocalCache.make({ ...required, lookup: (id) => Effect.succeed({ id }) }),
      // @ts-expect-error a memory without a bound
      LocalCache.make({
        name: "user",
        key: Schema.String,
        timeToLive: "1 hour",
        lookup: (id) => Effect.succeed({ id })
      }),
      LocalCache.make({
        ...required,
        // @ts-expect-error there is no outage
        outage: { maxLookups: 1 },
        lookup: (id) => Effect.succeed({ id })
      }),
      LocalCache.make({
        ...required,
        // @ts-expect-error there is no lease
        lease: {},
        lookup: (id) => Effect.succeed({ id })
      }),
      LocalCache.make({
        ...required,
        // @ts-expect-error nothing is stored as text
        compression: { above: 1 },
        lookup: (id) => Effect.succeed({ id })
      }),
      LocalCache.make({
        ...required,
        // @ts-expect-error nothing is stored as text
        schema: { version: 2 },
        lookup: (id) => Effect.succeed({ id })
      }),
      LocalCache.make({
        ...required,
        value: Schema.String,
        // @ts-expect-error not the type of the values
        lookup: (id) => Effect.succeed({ id })
      })
    ]).returns.items.toExtend<
      Effect.Effect<LocalCache.LocalCache<string, unknown, unknown>, never, Scope.Scope> | unknown
    >()
    const inferred = LocalCache.make({ ...required, lookup: (id) => Effect.succeed({ id }) })
    expectTypeOf<Effect.Effect.Success<typeof inferred>>().toEqualTypeOf<
      LocalCache.LocalCache<string, { id: string }, LocalCache.ReadError<never, never, undefined>>
    >()
  })
})
