import { Console, Context, Effect, Layer, Schema } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"
import { TestCache } from "effect-cache-toolkit/testing"

const Profile = Schema.Struct({ id: Schema.String, name: Schema.String })
type Profile = typeof Profile.Type

class ProfileNotFound extends Schema.TaggedError<ProfileNotFound>()("ProfileNotFound", { id: Schema.String }) {}

class Database extends Context.Tag("app/Database")<
  Database,
  { readonly findProfile: (id: string) => Effect.Effect<Profile, ProfileNotFound> }
>() {}

/** The definition. Its lookups can fail with ProfileNotFound. */
class Profiles extends TypedCache.Tag("app/Profiles")<Profiles, ProfileNotFound>()({
  name: "user:profile",
  key: Schema.String,
  value: Profile,
  timeToLive: "5 minutes",
  staleFor: "1 hour"
}) {
  /** The lookup: Layer<Profiles, never, RedisClient | Database>. */
  static readonly Live = Profiles.layer({
    lookup: (id) => Effect.flatMap(Database, ({ findProfile }) => findProfile(id))
  })
}

/** The application knows neither Redis nor the database. */
const greet = (id: string) =>
  Profiles.pipe(
    Effect.flatMap((profiles) => profiles.get(id)),
    Effect.map(({ name }) => `Hello, ${name}!`),
    Effect.catchTag("ProfileNotFound", () => Effect.succeed("Who are you?"))
  )

const database = Layer.succeed(Database, {
  findProfile: (id) => (id === "ada" ? Effect.succeed({ id, name: "Ada" }) : Effect.fail(new ProfileNotFound({ id })))
})
const live = Layer.provide(Profiles.Live, Layer.merge(MemoryRedis.layer(), database))

/** In a test: neither server nor database, and an outage in three lines. */
const test = Effect.gen(function* () {
  const { change, loseRedis, restoreRedis } = yield* TestCache.of(Profiles)
  yield* Console.log(yield* greet("ada"))
  yield* loseRedis
  yield* change("ada", { id: "ada", name: "Countess" })
  const during = yield* greet("ada")
  yield* restoreRedis
  const after = yield* greet("ada")
  yield* Console.log(during, after)
  if (during !== "Hello, Countess!" || after !== during) return yield* Effect.dieMessage("not as it should be")
})

const program = Effect.gen(function* () {
  yield* Effect.provide(Effect.flatMap(greet("ada"), Console.log), live)
  yield* Effect.provide(test, TestCache.layer(Profiles, { seed: [["ada", { id: "ada", name: "Ada" }]] }))
})

Effect.runPromise(program)
