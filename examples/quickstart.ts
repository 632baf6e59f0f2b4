import { Console, Effect, Schema } from "effect"
import { CacheAside, CacheCodec, MemoryRedis, RedisKey, ValueCache } from "effect-cache-toolkit"

const codec = CacheCodec.make(Schema.Struct({ name: Schema.String, founded: Schema.Int }))
const key = (id: string) => RedisKey.make("city", id)

const program = Effect.gen(function* () {
  const cache = yield* ValueCache.make
  const cities = yield* CacheAside.make({
    lookup: (id: string) => cache.lookup(key(id), codec),
    load: (id) => Effect.succeed({ name: id, founded: 1624 }), // your database
    store: (id, city) => cache.set(key(id), codec, city, "10 minutes"),
    remove: (id) => cache.del(key(id))
  })
  const first = yield* cities.read("Gothenburg") // a Miss: loaded and stored
  const second = yield* cities.read("Gothenburg") // a Hit; while Redis is away a Bypass: loaded, and no error
  yield* Console.log(first.source._tag, second.source._tag, second.value)
})

Effect.runPromise(Effect.provide(program, MemoryRedis.layer)) // BunRedis.layer({ host: "localhost" }) for a server
