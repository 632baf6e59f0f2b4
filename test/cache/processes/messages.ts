/** The messages between a test and its processes: one JSON text a line. */
import * as Schema from "effect/Schema"

/** A value of the caches: a row of the database, with the number of its commit. */
export const Row = Schema.Struct({ version: Schema.Int })

/** The same row, as the next release of the program stores it. Neither release reads the other's form. */
export const NextRow = Schema.Struct({
  version: Schema.propertySignature(Schema.Int).pipe(Schema.fromKey("commit"))
})

/** `remote` has no local tier, `tiered` has one. They share no keys. */
export const CacheName = Schema.Literal("remote", "tiered")
export type CacheName = typeof CacheName.Type

/**
 * - `invalidate`, `set`: commits a new version, and then informs the cache
 * - `update`: commits within the cache's update
 * - `updateThatFails`: like `update`, but fails after its commit
 */
export const Write = Schema.Literal("invalidate", "set", "update", "updateThatFails")
export type Write = typeof Write.Type

export const Operation = Schema.Union(
  Schema.TaggedStruct("Read", { cache: CacheName, key: Schema.String }),
  Schema.TaggedStruct("Write", { write: Write, cache: CacheName, key: Schema.String }),
  Schema.TaggedStruct("Status", {})
)
export type Operation = typeof Operation.Type

export const Request = Schema.parseJson(Schema.Struct({ id: Schema.Int, operation: Operation }))

export const Answer = Schema.Union(
  Schema.TaggedStruct("Read", { version: Schema.Int, source: Schema.String }),
  /** `acknowledged`: Redis has acknowledged every write of this process */
  Schema.TaggedStruct("Written", { version: Schema.Int, acknowledged: Schema.Boolean }),
  Schema.TaggedStruct("Status", {
    connected: Schema.Boolean,
    /** whether its caches read from Redis */
    isOpen: Schema.Boolean,
    generation: Schema.Int,
    outbox: Schema.Int,
    decodeFailures: Schema.Int
  }),
  Schema.TaggedStruct("Failed", { error: Schema.String })
)
export type Answer = typeof Answer.Type
export type AnswerOf<Tag extends Answer["_tag"]> = Extract<Answer, { readonly _tag: Tag }>

/** The number of the answer that reports that the process is ready. */
export const readyId = 0

export const Reply = Schema.parseJson(Schema.Struct({ id: Schema.Int, answer: Answer }))

/** The settings of a process: its only argument. Times are in milliseconds. */
export const Settings = Schema.parseJson(
  Schema.Struct({
    name: Schema.String,
    /** stores rows in the form of the next release, and migrates rows of this one */
    isNextRelease: Schema.optional(Schema.Boolean),
    database: Schema.String,
    redisPort: Schema.Int,
    username: Schema.optional(Schema.String),
    password: Schema.optional(Schema.String),
    commandTimeout: Schema.Number,
    leaseTime: Schema.Number,
    localTime: Schema.Number,
    maxLookups: Schema.Int
  })
)
export type Settings = typeof Settings.Type
