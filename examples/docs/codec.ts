import { Console, Effect, Redacted, Schema } from "effect"
import { Encryption, MemoryRedis, RedisClient, TypedCache } from "effect-cache-toolkit"

// what the release before this one stores, as version 1
const ProfileV1 = Schema.Struct({ name: Schema.String })
const Profile = Schema.Struct({ first: Schema.String, last: Schema.String })

const program = Effect.gen(function* () {
  // Encryption.config("CACHE_KEYS") reads them from a variable
  const encryption = yield* Encryption.make([
    { id: "2026", key: Redacted.make("Zm9yIHRoaXMgZXhhbXBsZSBvbmx5LCBub3QgeW91cnM=") }, // openssl rand -base64 32
    { id: "2025", key: Redacted.make("YW4gb2xkZXIgb25lLCB0byByZWFkIHdpdGggb25seS4=") }
  ])
  const common = {
    name: "profile",
    key: Schema.String,
    timeToLive: "10 minutes",
    compression: { above: 1024 },
    encryption
  } as const
  const before = yield* TypedCache.make({
    ...common,
    value: ProfileV1,
    lookup: () => Effect.succeed({ name: "Ada Lovelace" })
  })
  const profiles = yield* TypedCache.make({
    ...common,
    value: Profile,
    schema: {
      version: 2,
      migrations: {
        1: TypedCache.migration(ProfileV1, ({ name }) => {
          const [first = "", ...last] = name.split(" ")
          return { first, last: last.join(" ") }
        })
      }
    },
    lookup: () => Effect.succeed({ first: "Ada", last: "Lovelace" })
  })

  yield* before.get("ada")
  const { source, value } = yield* profiles.getResult("ada")
  yield* Console.log(`${value.last}, ${value.first} (${source})`)

  const redis = yield* RedisClient.RedisClient
  yield* Console.log(yield* redis.get("profile:ada")) // {"created":…,"ttl":…,"keyId":"2026","value":"…"}
  if (value.last !== "Lovelace" || source !== "Redis") return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(Effect.scoped(program), MemoryRedis.layer()))
