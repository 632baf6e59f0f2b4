/**
 * The toolkit's caches of profiles, as an application would make them.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as LocalCache from "../../src/cache/LocalCache.js"
import * as TypedCache from "../../src/cache/TypedCache.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { allKeys } from "../measure/Keys.js"
import { toolkitClient } from "../run/BenchServer.js"
import { Profile, profileOf } from "./Profile.js"

export const indexOf = (id: string): number => Number(id.slice(id.indexOf("-") + 1))

export const profiles = (
  url: string,
  options: {
    readonly name: string
    /** whether there is a tier in the process, or its capacity: default false */
    readonly local?: boolean | number
    readonly lookup?: (id: string) => Effect.Effect<Profile>
  }
) =>
  Effect.gen(function* () {
    const client = yield* toolkitClient(url)
    const capacity = options.local === true ? 2 * allKeys : options.local || undefined
    return yield* TypedCache.make({
      name: options.name,
      key: Schema.String,
      value: Profile,
      timeToLive: "1 hour",
      lookup: options.lookup ?? ((id) => Effect.succeed(profileOf(indexOf(id)))),
      ...(capacity === undefined ? {} : { local: { capacity, timeToLive: "1 hour" } })
    }).pipe(Effect.provideService(RedisClient, client))
  })

/** The toolkit's cache of profiles without Redis, as an application would make it. */
export const profilesInMemory = LocalCache.make({
  name: "profile-in-memory",
  key: Schema.String,
  value: Profile,
  timeToLive: "1 hour",
  local: { capacity: 2 * allKeys },
  lookup: (id) => Effect.succeed(profileOf(indexOf(id)))
})
