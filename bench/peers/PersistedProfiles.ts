/**
 * PersistedCache of @effect/experimental over its own Redis persistence. The caller sets the capacity
 * of its memory tier: 1 where the shared tier is measured.
 */
import * as PersistedCache from "@effect/experimental/PersistedCache"
import * as RedisPersistence from "@effect/experimental/Persistence/Redis"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PrimaryKey from "effect/PrimaryKey"
import * as Schema from "effect/Schema"
import { allKeys } from "../measure/Keys.js"
import { idOf, listOf, Profile, profileOf } from "../subjects/Profile.js"
import { indexOf } from "../subjects/Toolkit.js"

export class ProfileById extends Schema.TaggedRequest<ProfileById>()("ProfileById", {
  payload: { id: Schema.String },
  success: Profile,
  failure: Schema.String
}) {
  [PrimaryKey.symbol](): string {
    return this.id
  }
}

/** Made before anything is timed, although an application makes one for each read. */
export const requests = listOf(allKeys, (index) => new ProfileById({ id: idOf(index) }))

/** @effect/experimental makes its ioredis itself and takes no URL. */
export const ioredisOptions = (url: string) => {
  const { hostname, password, pathname, port, username } = new URL(url)
  return {
    host: hostname,
    port: Number(port || 6379),
    db: Number(pathname.slice(1) || 0),
    enableAutoPipelining: true,
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) })
  }
}

export const make = (
  url: string,
  options: {
    readonly storeId: string
    readonly inMemoryCapacity: number
    /** whether ioredis gathers the commands of a turn: default true, as for the other peers */
    readonly enableAutoPipelining?: boolean
    readonly lookup?: (id: string) => Effect.Effect<Profile>
  }
) =>
  Effect.gen(function* () {
    const persistence = yield* Layer.build(
      RedisPersistence.layerResult({
        ...ioredisOptions(url),
        ...(options.enableAutoPipelining === undefined ? {} : { enableAutoPipelining: options.enableAutoPipelining })
      })
    )
    return yield* PersistedCache.make({
      storeId: options.storeId,
      lookup: ({ id }: ProfileById) => options.lookup?.(id) ?? Effect.succeed(profileOf(indexOf(id))),
      timeToLive: () => "1 hour",
      inMemoryCapacity: options.inMemoryCapacity,
      inMemoryTTL: "1 hour"
    }).pipe(Effect.provide(persistence))
  })
