/** The cities with their visits: a database, a cache in front of it, and the change of a city. */
import { Effect, Layer, Schema } from "effect"
import { DistributedLock, RateLimiter, TypedCache } from "effect-cache-toolkit"

const City = Schema.Struct({ name: Schema.String, founded: Schema.Int, visits: Schema.Int })
type City = typeof City.Type

export class CityNotFound extends Schema.TaggedError<CityNotFound>()("CityNotFound", { id: Schema.String }) {
  override get message(): string {
    return `there is no city "${this.id}"`
  }
}

/** Stands for a database. */
class Database extends Effect.Service<Database>()("app/Database", {
  sync: () => {
    const cities = new Map<string, City>([["gothenburg", { name: "Gothenburg", founded: 1621, visits: 0 }]])
    return {
      find: (id: string) =>
        Effect.suspend(() => {
          const city = cities.get(id)
          return city === undefined ? Effect.fail(new CityNotFound({ id })) : Effect.succeed(city)
        }),
      save: (id: string, city: City) => Effect.sync(() => void cities.set(id, city))
    }
  }
}) {}

export class Cities extends TypedCache.Tag("app/Cities")<Cities, CityNotFound>()({
  name: "city",
  key: Schema.String,
  value: City,
  timeToLive: "10 minutes"
}) {}

// without Redis visitors are not counted, and nobody is turned away
const visits = RateLimiter.slidingLog({ limit: 3, window: "1 minute", onUnavailable: "allow" })

/** Counts a visit. One process at a time changes a city, and the cache forgets what was before. */
export const visit = (visitor: string, id: string) =>
  Effect.gen(function* () {
    const database = yield* Database
    const cities = yield* Cities
    const limiter = yield* RateLimiter.RateLimiter
    const lock = yield* DistributedLock.DistributedLock
    const change = Effect.gen(function* () {
      const city = yield* database.find(id)
      const visited = { ...city, visits: city.visits + 1 }
      yield* database.save(id, visited)
      yield* cities.invalidate(id)
      return visited
    })
    return yield* lock
      .withLock(`city:${id}`, { timeToLive: "10 seconds", maxWait: "2 seconds" })(change)
      .pipe(limiter.withLimit(yield* RateLimiter.key("visit", visitor), visits, { onExceeded: "fail" }))
  })

/** Everything but the client: `Layer<…, never, RedisClient>`. */
export const layer = Layer.mergeAll(
  Cities.layer({ lookup: (id) => Effect.flatMap(Database, ({ find }) => find(id)) }),
  RateLimiter.layer,
  DistributedLock.layer
).pipe(Layer.provideMerge(Database.Default))
