/** One database of numbers, and any number of caches on it, which are to one another what processes are. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as LocalCache from "../../../src/cache/LocalCache.js"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { until } from "../until.js"
import { whenListening } from "./Listening.js"
import * as TestDatabase from "./TestDatabase.js"

export type Settings = Partial<TypedCache.Options<string, number, TestDatabase.NotFound, never>>
/** Settings, or what makes them of the world's database. */
export type SettingsOf = Settings | ((database: TestDatabase.TestDatabase<number>) => Settings)
export type Cache = TypedCache.TypedCache<string, number, TestDatabase.NotFound | TypedCache.EngineError>

export interface CacheWorld {
  /** a name that no other test uses, so that tests share a server in any order */
  readonly name: string
  readonly database: TestDatabase.TestDatabase<number>
  readonly cache: (settings?: Settings) => Effect.Effect<Cache, never, RedisClient | Scope.Scope>
  readonly key: (id: string) => string
  readonly lease: (id: string) => string
  readonly clearMarker: string
}

/** The constructor of the caches of a test. */
export class MadeBy extends Context.Reference<MadeBy>()("test/MadeBy", {
  defaultValue: (): "TypedCache" | "LocalCache" => "TypedCache"
}) {}

/** The sources of a hit, by either constructor, where the cache has no tier before Redis. */
export const hit = /^(Redis|Local)$/

/** Makes a cache by the constructor of the test: from the same options, without those that concern Redis. */
export const build = <Key, Value, E>(
  options: TypedCache.Options<Key, Value, E, never>
): Effect.Effect<TypedCache.TypedCache<Key, Value, E | TypedCache.EngineError>, never, RedisClient | Scope.Scope> =>
  Effect.gen(function* () {
    if ((yield* MadeBy) === "TypedCache") return yield* TypedCache.make(options)
    const {
      compression: _,
      encryption: __,
      failureLog: ___,
      lease: ____,
      outage: _____,
      schema: ______,
      ...own
    } = options
    const made = yield* LocalCache.make({ ...own, local: options.local ?? { capacity: 1_000 } })
    const cache: TypedCache.TypedCache<Key, Value, E | TypedCache.EngineError> = made
    return cache
  })

let worlds = 0

/** As `make`, with caches whose subscription has begun. */
export const listening = (rows: Readonly<Record<string, number>>, settings: SettingsOf = {}): CacheWorld => {
  const world = make(rows, settings)
  return { ...world, cache: (own) => whenListening(world.cache(own)) }
}

/** `rows` in the database; `settings` of every cache. Nothing is jittered unless a test asks for it. */
export const make = (rows: Readonly<Record<string, number>>, settings: SettingsOf = {}): CacheWorld => {
  const name = `world:${process.pid}:${++worlds}`
  const database = TestDatabase.make(Object.entries(rows))
  return {
    name,
    database,
    cache: (own = {}) =>
      build({
        name,
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 minute",
        jitter: 0,
        lookup: database.lookup,
        ...(typeof settings === "function" ? settings(database) : settings),
        ...own
      }),
    key: (id) => `${name}:${id}`,
    lease: (id) => `{${name}:${id}}:lease`,
    clearMarker: `{${name}}:clear`
  }
}

/** Reads until the local tier has the value: a cache that has just begun to listen drops what it holds once. */
export const inLocalTier = (cache: Cache, id: string) =>
  until(`${id} is in the local tier`, () =>
    Effect.map(Effect.orDie(cache.getResult(id)), ({ source }) => source === "Local")
  )

/** Waits until Redis holds nothing under a key. */
export const gone = (key: string) =>
  Effect.flatMap(RedisClient, (redis) =>
    until(`${key} is gone`, () => Effect.map(redis.get(key), (text) => text._tag === "None"))
  )
