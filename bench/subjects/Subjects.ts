/**
 * The subjects that need no peer: the toolkit, the bare client of the runtime, and Effect's own cache. The regression
 * gate measures these.
 */
import type { RedisClient as BunClient } from "bun"
import * as Cache from "effect/Cache"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as TypedCache from "../../src/cache/TypedCache.js"
import type { RedisClient } from "../../src/redis/RedisClient.js"
import { allKeys } from "../measure/Keys.js"
import { effectful, promising, type Subject } from "../measure/Measure.js"
import { idOf, listOf, type Profile, profileOf } from "./Profile.js"
import { indexOf } from "./Toolkit.js"

export const ids = listOf(allKeys, idOf)

export const textKeys = listOf(allKeys, (index) => `bench:text:${idOf(index)}`)

export const texts = listOf(allKeys, (index) => JSON.stringify(profileOf(index)))

/**
 * A profile from its text, as a cache on Redis makes it. The texts of `profileOf` are parts that are not joined yet, and
 * shared constants: what holds them takes less memory than what holds the same values from Redis.
 */
export const parsedProfile = (index: number): Profile => JSON.parse(texts(index))

/** how many keys one command stores while a server is filled */
const fillAtOnce = 1_000

const fillPairs = (
  client: BunClient,
  size: number,
  pair: (index: number) => ReadonlyArray<string>
): Effect.Effect<void> =>
  Effect.promise(async () => {
    for (let from = 0; from < size; from += fillAtOnce) {
      const indexes = Array.from({ length: Math.min(fillAtOnce, size - from) }, (_, i) => from + i)
      await client.send("MSET", indexes.flatMap(pair))
    }
  })

/** Stores the texts of the first so many profiles. */
export const fillTexts = (client: BunClient, size: number): Effect.Effect<void> =>
  fillPairs(client, size, (index) => [textKeys(index), texts(index)])

/** Stores the first so many profiles, or has them looked up and kept. */
export const fill = <A, E>(size: number, store: (index: number) => Effect.Effect<A, E>): Effect.Effect<void> =>
  Effect.forEach(Array.from({ length: size }).keys(), store, { concurrency: 500, discard: true }).pipe(Effect.orDie)

/** The first so many profiles by promises. */
export const fillPromising = <A>(size: number, store: (index: number) => Promise<A>): Effect.Effect<void> =>
  fill(size, (index) => Effect.promise(() => store(index)))

export const toolkitGet = (client: RedisClient.Service): Subject =>
  effectful("toolkit", (index) => client.get(textKeys(index)), Option.getOrNull)

export const bunGet = (client: BunClient): Subject => promising("Bun client", (index) => client.get(textKeys(index)))

export type Profiles = TypedCache.TypedCache<string, Profile, TypedCache.EngineError>

/**
 * Stores the first so many profiles, or other values, many at once: what the cache itself stores for one of them, with each
 * other's value in its place.
 */
export const fillCached = (
  profiles: Profiles,
  client: BunClient,
  size: number,
  valueOf: (index: number) => Profile = profileOf
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { name } = profiles
    const textOf = (index: number) => JSON.stringify(valueOf(index))
    yield* profiles.set(ids(0), valueOf(0))
    const stored = yield* Effect.promise(() => client.get(`${name}:${ids(0)}`))
    const [head, tail] = stored?.split(textOf(0)) ?? []
    if (head === undefined || tail === undefined) return yield* Effect.dieMessage(`the value is not in ${stored}`)
    yield* fillPairs(client, size, (index) => [`${name}:${ids(index)}`, `${head}${textOf(index)}${tail}`])
    const last = yield* profiles.getOption(ids(size - 1))
    if (Option.isNone(last)) return yield* Effect.dieMessage("the cache does not take what was stored for it")
  }).pipe(Effect.orDie)

/** Reads the first so many profiles, so that a tier in the process has them. */
export const readAll = (profiles: Profiles, size: number): Effect.Effect<void> =>
  fill(size, (index) => profiles.get(ids(index)))

export const toolkitProfile = (profiles: Profiles, name = "toolkit"): Subject =>
  effectful(name, (index) => profiles.get(ids(index)))

/** The bare client and JSON.parse: nothing is validated. */
export const bunProfile = (client: BunClient): Subject =>
  promising("Bun client + JSON.parse", async (index) => {
    const text = await client.get(textKeys(index))
    return text === null ? null : JSON.parse(text)
  })

/** Effect's own cache, filled with the first so many profiles. */
export const filledEffectCache = (size: number) =>
  Effect.gen(function* () {
    const cache = yield* Cache.make({
      capacity: 2 * allKeys,
      timeToLive: "1 hour",
      lookup: (id: string) => Effect.sync(() => parsedProfile(indexOf(id)))
    })
    yield* fill(size, (index) => cache.get(ids(index)))
    return cache
  })

/** Effect's own cache, which lives in the process only. */
export const effectCache = (size: number) =>
  Effect.map(filledEffectCache(size), (cache) => effectful("effect's Cache", (index) => cache.get(ids(index))))

/** The name of the subject that `bunGetOrSet` makes. */
export const bunGetThenSet = "Bun client, GET then SET"

/** The bare client's GET, and on a miss the lookup and a SET. No lease: two processes may both look up. */
export const bunGetOrSet =
  (client: BunClient, prefix: string, lookUp: (index: number) => Promise<Profile>) =>
  async (index: number): Promise<Profile> => {
    const key = `${prefix}:${ids(index)}`
    const text = await client.get(key)
    if (text !== null) return JSON.parse(text)
    const profile = await lookUp(index)
    await client.set(key, JSON.stringify(profile), "EX", 3_600)
    return profile
  }

/** how many keys a read of many asks for */
export const manyKeys = 100

/** For each index so many others, the same ones every time. */
export const manyOf = <A>(size: number, make: (index: number) => A): ((index: number) => ReadonlyArray<A>) =>
  // spread over all keys: neighbours could be found together by luck
  listOf(size, (index) => Array.from({ length: manyKeys }, (_, i) => make((index + i * 127) % size)))

export const toolkitMany = (profiles: Profiles, size: number): Subject => {
  const many = manyOf(size, ids)
  return { ...effectful("toolkit getMany", (index) => profiles.getMany(many(index))), weight: manyKeys }
}

/** The bare client's MGET, and JSON.parse of each: nothing is validated. */
export const bunMany = (client: BunClient, size: number): Subject => {
  const many = manyOf(size, textKeys)
  return {
    ...promising("Bun client MGET + JSON.parse", async (index) =>
      (await client.mget(...many(index))).map((text) => (text === null ? null : JSON.parse(text)))
    ),
    weight: manyKeys
  }
}
