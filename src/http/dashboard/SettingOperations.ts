/**
 * Lists and makes settings at run time, for the caches of this process and for those of the same name in others.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as RuntimeSettings from "../../settings/RuntimeSettings.js"
import * as Setting from "../../settings/Setting.js"
import * as Operations from "./Operations.js"

const common = { cache: Schema.String, by: Schema.String, confirm: Schema.String }

/**
 * What the page asks for. Durations are texts such as `5 minutes`. The page asks its user again, and `confirm` repeats the
 * name of the cache.
 *
 * @since 0.2.0
 * @category models
 */
export const Change = Schema.Union(
  Schema.Struct({
    ...common,
    action: Schema.Literal("set"),
    timeToLive: Schema.optional(Schema.String),
    maxLookups: Schema.optional(Schema.Number),
    enabled: Schema.optional(Schema.Boolean),
    for: Schema.optional(Schema.String),
    stored: Schema.optional(Schema.Boolean)
  }),
  Schema.Struct({
    ...common,
    action: Schema.Literal("unset"),
    options: Schema.optional(Schema.Array(Schema.Literal(...Setting.options)))
  })
)

const reject = (problem: string) => new Operations.Rejected({ status: 400, problem })

const durationOf = (name: string, text: string | undefined) =>
  text === undefined
    ? Effect.succeed(undefined)
    : Option.match(Duration.decodeUnknown(text), {
        onNone: () =>
          Effect.fail(reject(`${name} is ${JSON.stringify(text)}: write a number and its unit, as in 5 minutes`)),
        onSome: Effect.succeed
      })

const shown = (setting: RuntimeSettings.Setting) => ({
  cache: setting.cache,
  option: setting.option,
  value: Setting.valueText(setting),
  by: setting.by,
  at: setting.at,
  until: setting.until ?? null
})

const orUnavailable = <A, R>(effect: Effect.Effect<A, RedisError, R>) =>
  Effect.mapError(effect, ({ message }) => new Operations.Rejected({ status: 503, problem: message }))

/**
 * The settings that Redis holds, and those that this process applies.
 *
 * @since 0.2.0
 * @category execution
 */
export const list = (redis: RedisClient.Service) =>
  Effect.zipWith(orUnavailable(RuntimeSettings.list), RuntimeSettings.applied, (stored, applied) => ({
    stored: stored.map(shown),
    applied: applied.map(shown)
  })).pipe(Effect.provideService(RedisClient, redis))

/**
 * Makes or removes settings. The answer is the settings that were made.
 *
 * @since 0.2.0
 * @category execution
 */
export const run = (redis: RedisClient.Service, change: typeof Change.Type) =>
  Effect.gen(function* () {
    const { name } = yield* Operations.cacheOf(redis, change.cache)
    if (change.confirm !== name)
      return yield* reject("`confirm` does not repeat the name of the cache: nothing was done")
    const { by } = change
    if (change.action === "unset") {
      yield* orUnavailable(RuntimeSettings.unset(name, { by, options: change.options }))
      return { made: [] }
    }
    const { enabled, maxLookups } = change
    const timeToLive = yield* durationOf("timeToLive", change.timeToLive)
    const lasting = yield* durationOf("for", change.for)
    const made = RuntimeSettings.set(
      name,
      { timeToLive, enabled, outage: { maxLookups } },
      { by, for: lasting, stored: change.stored }
    )
    const accepted = Effect.catchTag(made, "InvalidSetting", ({ message }) => Effect.fail(reject(message)))
    return {
      made: (yield* Effect.catchAll(accepted, (error) =>
        error._tag === "Rejected" ? Effect.fail(error) : orUnavailable(Effect.fail(error))
      )).map(shown)
    }
  }).pipe(Effect.provideService(RedisClient, redis))
