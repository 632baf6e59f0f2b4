/**
 * The settings in Redis: one hash with a field for each option of each cache and each number of each limit, and a channel on which changes are published.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Untrusted from "../internal/schema/Untrusted.js"
import type { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisExecutor from "../redis/RedisExecutor.js"
import * as RedisScript from "../redis/RedisScript.js"
import * as Setting from "./Setting.js"
import * as SettingText from "./SettingText.js"

/** The key of the hash. The name of no cache holds a brace, so that it is no entry. */
const key = "{effect-cache-toolkit}:settings"

/**
 * The channel on which changes are published.
 *
 * @since 0.2.0
 * @category getters
 */
export const channelOf = (redis: RedisClient.Service): string =>
  RedisExecutor.channelOf(RedisExecutor.of(redis), key).name

/** The most fields that a process reads. More are of nobody who makes settings. */
const mostFields = 10_000

/**
 * What the hash holds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Stored {
  /** by field, each with its text */
  readonly settings: ReadonlyMap<string, { readonly setting: Setting.Setting; readonly text: string }>
  /** fields that hold no setting, and why */
  readonly rejected: ReadonlyArray<{ readonly field: string; readonly problem: string }>
}

/**
 * Reads the hash. May be repeated.
 *
 * @since 0.2.0
 * @category execution
 */
export const read = (redis: RedisClient.Service): Effect.Effect<Stored, RedisError> =>
  Effect.map(redis.send("HGETALL", key), (reply) => {
    const settings = new Map<string, { readonly setting: Setting.Setting; readonly text: string }>()
    const rejected: Array<{ readonly field: string; readonly problem: string }> = []
    const entries = Predicate.isRecord(reply) ? Object.entries(reply) : []
    for (const [field, text] of entries.slice(0, mostFields)) {
      const decoded = SettingText.decode(String(text))
      if (Either.isLeft(decoded)) rejected.push({ field, problem: decoded.left })
      else if (Setting.fieldOf(decoded.right) !== field)
        rejected.push({ field, problem: "it is the setting of another field" })
      else settings.set(field, { setting: decoded.right, text: String(text) })
    }
    return { settings, rejected }
  })

/**
 * What is published. `Changed`: the hash has changed. `Set`: a change that no hash holds, as one message: numbers of a limit belong
 * together.
 */
const Message = Schema.parseJson(
  Schema.Union(
    Schema.TaggedStruct("Changed", {}),
    Schema.TaggedStruct("Set", { texts: Schema.Array(Schema.String).pipe(Schema.maxItems(10)) }),
    Schema.TaggedStruct("Unset", {
      kind: Schema.Literal("cache", "limit"),
      name: Schema.String,
      options: Schema.Array(Schema.String),
      by: Schema.String
    })
  )
)

/**
 * @since 0.2.0
 * @category models
 */
export type Message = typeof Message.Type

/**
 * The message of a text, if it is one.
 *
 * @since 0.2.0
 * @category conversions
 */
export const messageOf: (text: string) => Either.Either<Message, unknown> = Untrusted.decodeEither(Message)

const publish = (redis: RedisClient.Service, message: Message) =>
  redis.publish(channelOf(redis), Schema.encodeSync(Message)(message))

/**
 * Stores settings, and publishes that it has. A process that does not hear of it reads them within half a minute.
 * May be repeated.
 *
 * @since 0.2.0
 * @category execution
 */
export const store = (redis: RedisClient.Service, settings: ReadonlyArray<Setting.Setting>) =>
  Effect.zipRight(
    redis.send("HSET", key, ...settings.flatMap((setting) => [Setting.fieldOf(setting), SettingText.encode(setting)])),
    publish(redis, { _tag: "Changed" })
  )

/**
 * Publishes settings for the processes that listen now. May be repeated.
 *
 * @since 0.2.0
 * @category execution
 */
export const announce = (redis: RedisClient.Service, settings: ReadonlyArray<Setting.Setting>) =>
  publish(redis, { _tag: "Set", texts: settings.map(SettingText.encode) })

/**
 * Removes settings, also those that processes have only heard. May be repeated.
 *
 * @since 0.2.0
 * @category execution
 */
export const remove = (
  redis: RedisClient.Service,
  target: Setting.Target,
  options: ReadonlyArray<string>,
  by: string
) =>
  Effect.zipRight(
    redis.send("HDEL", key, ...options.map((option) => Setting.field(target, option))),
    publish(redis, { _tag: "Unset", ...target, options, by })
  )

/** Deletes a field that holds this text still. */
const removeText = RedisScript.make({
  name: "removeSetting",
  idempotent: true,
  keys: (_: { readonly field: string; readonly text: string }) => [key],
  args: ({ field, text }) => [field, text],
  lua: `
    if redis.call("HGET", KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
    return redis.call("HDEL", KEYS[1], ARGV[1])
  `,
  reply: Schema.Int,
  model: ({ args: [field = "", text], call, keys: [hash = ""] }) =>
    call("HGET", hash, field) === text ? call("HDEL", hash, field) : 0
})

/**
 * Removes a setting whose time has ended, unless another one has replaced it. May be repeated.
 *
 * @since 0.2.0
 * @category execution
 */
export const removeEnded = (redis: RedisClient.Service, field: string, text: string) =>
  redis.run(removeText)({ field, text })
