/** An application with two caches as services, for tests of `TypedCache.Tag` and of `TestCache`. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../../src/cache/TypedCache.js"

export const UserId = Schema.String.pipe(Schema.brand("UserId"))
export type UserId = typeof UserId.Type
export const ada = UserId.make("ada")
export const grace = UserId.make("grace")

export class Profile extends Schema.Class<Profile>("Profile")({ id: UserId, name: Schema.String }) {}
export class UserNotFound extends Schema.TaggedError<UserNotFound>()("UserNotFound", { id: UserId }) {}
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {}) {}

export class Database extends Context.Tag("test/Database")<
  Database,
  { readonly find: (id: UserId) => Effect.Effect<Profile, UserNotFound | DatabaseError> }
>() {}

export class Profiles extends TypedCache.Tag("test/Profiles")<Profiles, DatabaseError>()({
  name: "user:profile",
  key: UserId,
  value: Profile,
  negative: { error: UserNotFound },
  timeToLive: "5 minutes",
  staleFor: "1 hour",
  tags: ({ name }) => [`name:${name}`],
  local: { capacity: 100, timeToLive: "1 minute" }
}) {}

export class Visits extends TypedCache.Tag("test/Visits")<Visits>()({
  name: "user:visits",
  key: UserId,
  value: Schema.Int,
  timeToLive: "1 minute",
  refresh: { hardTimeout: "1 second" },
  outage: { onUnavailable: "fail" }
}) {}

export const profile = (id: UserId, name: string) => new Profile({ id, name })

/** What an application does with it. */
export const greeting = (id: UserId) =>
  Profiles.pipe(
    Effect.flatMap((profiles) => profiles.get(id)),
    Effect.map(({ name }) => `Hello, ${name}!`),
    Effect.catchTag("UserNotFound", () => Effect.succeed("Who are you?"))
  )

export const sourceOf = (id: UserId) =>
  Effect.flatMap(Profiles, (profiles) => Effect.map(profiles.getResult(id), ({ source }) => source))
