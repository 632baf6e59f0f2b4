/** The peers' caches of the versions of rows: see `Versions`. */
import * as Effect from "effect/Effect"
import { idOf } from "../subjects/Profile.js"
import type { VersionCache, VersionOptions } from "../subjects/Versions.js"
import * as Bento from "./Bento.js"
import * as Cacheables from "./Cacheables.js"

/** Shares a lookup among the callers of a process. */
export const bentocache = (url: string, { lookUp, timeToLiveMillis: ttl }: VersionOptions) =>
  Effect.map(
    Bento.onRedis(url),
    (bento): VersionCache => ({
      get: (index) => bento.getOrSet({ key: idOf(index), ttl, factory: () => lookUp(index) }),
      invalidate: (index) => bento.delete({ key: idOf(index) }),
      peek: (index) => bento.get<number>({ key: idOf(index) }),
      fillsRejected: async () => 0
    })
  )

/** Shares a lookup among the callers of a process. */
export const cacheable = (url: string, { lookUp, timeToLiveMillis: ttl }: VersionOptions) =>
  Effect.map(
    Cacheables.onRedis(url),
    (cacheable): VersionCache => ({
      get: async (index) => (await cacheable.getOrSet(idOf(index), () => lookUp(index), { ttl })) ?? Number.NaN,
      invalidate: (index) => cacheable.delete(idOf(index)),
      peek: (index) => cacheable.get<number>(idOf(index)),
      fillsRejected: async () => 0
    })
  )
