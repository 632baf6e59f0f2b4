/** A module of an application, as `--module` of `effect-cache` takes it: exports that are Effects of caches. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../../src/cache/TypedCache.js"

class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { id: Schema.String }) {
  override get message(): string {
    return `there is no user ${this.id}`
  }
}

const users = TypedCache.make({
  name: "warmed:user",
  key: Schema.String,
  value: Schema.String,
  timeToLive: "1 hour",
  lookup: (id) => (id.startsWith("no") ? Effect.fail(new NotFound({ id })) : Effect.succeed(`user ${id}`))
})

export default users

export const seats = TypedCache.make({
  name: "warmed:seat",
  key: Schema.Struct({ row: Schema.String, number: Schema.Int }),
  value: Schema.String,
  timeToLive: "1 hour",
  lookup: ({ number, row }) => Effect.succeed(`${row}${number}`)
})

/** Its local tier keeps values for longer than they are fresh. */
export const contradictory = TypedCache.make({
  name: "contradictory",
  key: Schema.String,
  value: Schema.String,
  timeToLive: "1 minute",
  local: { timeToLive: "1 hour", capacity: 10 },
  lookup: (id) => Effect.succeed(id)
})

/** It asks for changes by other programs. */
export const tracked = TypedCache.make({
  name: "tracked",
  key: Schema.String,
  value: Schema.String,
  timeToLive: "1 hour",
  local: { capacity: 10, tracking: true },
  lookup: (id) => Effect.succeed(id)
})

export const nothing = "no cache"
