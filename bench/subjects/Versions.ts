/**
 * Caches of the versions of rows, whose lookups read a database that all processes share: the toolkit's, and by the bare
 * client as an application writes them.
 */
import type { RedisClient as BunClient } from "bun"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../src/cache/TypedCache.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { toolkitClient } from "../run/BenchServer.js"
import { idOf } from "./Profile.js"
import { indexOf } from "./Toolkit.js"

export interface VersionCache {
  /** the version of a row by its number; looked up where the cache has none */
  readonly get: (index: number) => Promise<number>
  readonly invalidate: (index: number) => Promise<unknown>
  /** what the cache holds; undefined for nothing */
  readonly peek: (index: number) => Promise<number | undefined>
  /** how many looked up values were not stored, since their row was written meanwhile */
  readonly fillsRejected: () => Promise<number>
}

export interface VersionOptions {
  readonly lookUp: (index: number) => Promise<number>
  readonly timeToLiveMillis: number
}

type Ahead = NonNullable<NonNullable<TypedCache.Options<string, number, never, never>["refresh"]>["ahead"]>

export const toolkit = (url: string, { lookUp, timeToLiveMillis }: VersionOptions, ahead?: Ahead) =>
  Effect.gen(function* () {
    const cache = yield* TypedCache.make({
      name: "versions",
      key: Schema.String,
      value: Schema.Number,
      timeToLive: timeToLiveMillis,
      jitter: 0,
      lookup: (id) => Effect.promise(() => lookUp(indexOf(id))),
      ...(ahead === undefined ? {} : { refresh: { ahead } })
    }).pipe(Effect.provideService(RedisClient, yield* toolkitClient(url)))
    const versions: VersionCache = {
      get: (index) => Effect.runPromise(cache.get(idOf(index))),
      invalidate: (index) => Effect.runPromise(cache.invalidate(idOf(index))),
      peek: async (index) => Option.getOrUndefined(await Effect.runPromise(cache.getOption(idOf(index))))?.value,
      fillsRejected: async () => (await Effect.runPromise(cache.stats)).fillsRejected
    }
    return versions
  })

const keyOf = (index: number) => `bench:version:${idOf(index)}`

/** GET, and on a miss the lookup and a SET: no flight is shared, and no lease is taken. */
export const bare = (client: BunClient, { lookUp, timeToLiveMillis }: VersionOptions): VersionCache => ({
  get: async (index) => {
    const text = await client.get(keyOf(index))
    if (text !== null) return Number(text)
    const version = await lookUp(index)
    await client.set(keyOf(index), `${version}`, "PX", timeToLiveMillis)
    return version
  },
  invalidate: (index) => client.del(keyOf(index)),
  peek: async (index) => {
    const text = await client.get(keyOf(index))
    return text === null ? undefined : Number(text)
  },
  fillsRejected: async () => 0
})

/** The paper's beta: 1 is its optimum. */
const beta = 1

/**
 * XFetch (A. Vattani, F. Chierichetti, K. Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015): each
 * read decides alone, by chance, whether it looks the value up before it expires. It then waits for its lookup.
 */
export const xfetch = (client: BunClient, { lookUp, timeToLiveMillis }: VersionOptions): VersionCache => ({
  ...bare(client, { lookUp, timeToLiveMillis }),
  get: async (index) => {
    const text = await client.get(keyOf(index))
    if (text !== null) {
      const { delta, expiry, version } = JSON.parse(text)
      if (Date.now() - delta * beta * Math.log(Math.random()) < expiry) return version
    }
    const started = Date.now()
    const version = await lookUp(index)
    const delta = Date.now() - started
    const stored = JSON.stringify({ version, delta, expiry: Date.now() + timeToLiveMillis })
    await client.set(keyOf(index), stored, "PX", timeToLiveMillis)
    return version
  }
})
