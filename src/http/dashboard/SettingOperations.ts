/**
 * Lists and makes settings at run time, for the caches and limits of this process and for those of the same name in others.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as LimitOverrides from "../../coordination/limit/LimitOverrides.js"
import type { RateLimit } from "../../coordination/limit/RateLimit.js"
import { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as RuntimeSettings from "../../settings/RuntimeSettings.js"
import * as Setting from "../../settings/Setting.js"
import * as Operations from "./Operations.js"

const common = { by: Schema.String, confirm: Schema.String }

const change = { ...common, for: Schema.optional(Schema.String), stored: Schema.optional(Schema.Boolean) }

/**
 * What the page asks for. Durations are texts such as `5 minutes`. The page asks its user again, and `confirm` repeats the
 * name of the cache or limit.
 *
 * @since 0.2.0
 * @category models
 */
export const Change = Schema.Union(
  Schema.Struct({
    ...change,
    cache: Schema.String,
    action: Schema.Literal("set"),
    timeToLive: Schema.optional(Schema.String),
    staleFor: Schema.optional(Schema.String),
    maxLookups: Schema.optional(Schema.Number),
    enabled: Schema.optional(Schema.Boolean)
  }),
  Schema.Struct({
    ...common,
    cache: Schema.String,
    action: Schema.Literal("unset"),
    options: Schema.optional(Schema.Array(Schema.Literal(...Setting.options.cache)))
  }),
  Schema.Struct({
    ...change,
    limit: Schema.String,
    action: Schema.Literal("set"),
    // the number of the limit of that name
    most: Schema.optional(Schema.Number),
    window: Schema.optional(Schema.String),
    burst: Schema.optional(Schema.Number)
  }),
  Schema.Struct({
    ...common,
    limit: Schema.String,
    action: Schema.Literal("unset"),
    options: Schema.optional(Schema.Array(Schema.Literal(...Setting.options.limit)))
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
  ...("cache" in setting ? { cache: setting.cache } : { limit: setting.limit }),
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
 * The limits with a name that this process has used, with their numbers as they were built and as they hold now.
 *
 * @since 0.2.0
 * @category getters
 */
export const limits = (redis: RedisClient.Service) =>
  LimitOverrides.of(redis)
    .known()
    .map(({ applied, built, problem }) => ({
      limit: built.name,
      algorithm: built.algorithm,
      built: numbersOf(built),
      applied: numbersOf(applied),
      problem: problem ?? null
    }))

const numbersOf = ({ burst, limit, window }: RateLimit) => ({ most: limit, window: Duration.format(window), burst })

/** The name of a cache or limit of this process, which the page has repeated. */
const confirmed = (redis: RedisClient.Service, { confirm, ...change }: typeof Change.Type) =>
  Effect.gen(function* () {
    const name =
      "cache" in change
        ? (yield* Operations.cacheOf(redis, change.cache)).name
        : limits(redis).find(({ limit }) => limit === change.limit)?.limit
    if (name === undefined) {
      const problem = "this process has used no limit of this name"
      return yield* new Operations.Rejected({ status: 404, problem })
    }
    if (confirm !== name) return yield* reject("`confirm` does not repeat the name: nothing was done")
    return name
  })

const unset = (change: Extract<typeof Change.Type, { readonly action: "unset" }>, name: string) =>
  "cache" in change
    ? RuntimeSettings.unset(name, { by: change.by, options: change.options })
    : RuntimeSettings.unsetLimit(name, { by: change.by, options: change.options })

const set = (change: Extract<typeof Change.Type, { readonly action: "set" }>, name: string) =>
  Effect.gen(function* () {
    const options = { by: change.by, for: yield* durationOf("for", change.for), stored: change.stored }
    if ("cache" in change) {
      const { enabled, maxLookups } = change
      const timeToLive = yield* durationOf("timeToLive", change.timeToLive)
      const staleFor = yield* durationOf("staleFor", change.staleFor)
      return yield* RuntimeSettings.set(name, { timeToLive, staleFor, enabled, outage: { maxLookups } }, options)
    }
    const { burst, most } = change
    return yield* RuntimeSettings.setLimit(
      name,
      { limit: most, window: yield* durationOf("window", change.window), burst },
      options
    )
  })

/**
 * Makes or removes settings. The answer is the settings that were made.
 *
 * @since 0.2.0
 * @category execution
 */
export const run = (redis: RedisClient.Service, change: typeof Change.Type) =>
  Effect.gen(function* () {
    const name = yield* confirmed(redis, change)
    if (change.action === "unset") {
      yield* orUnavailable(unset(change, name))
      return { made: [] }
    }
    const made = Effect.catchTag(set(change, name), "InvalidSetting", ({ message }) => Effect.fail(reject(message)))
    return {
      made: (yield* Effect.catchAll(made, (error) =>
        error._tag === "Rejected" ? Effect.fail(error) : orUnavailable(Effect.fail(error))
      )).map(shown)
    }
  }).pipe(Effect.provideService(RedisClient, redis))
