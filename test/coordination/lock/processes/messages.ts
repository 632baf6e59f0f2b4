/** The messages to and from a process of this folder: one JSON text per line. */
import * as Schema from "effect/Schema"

export const Settings = Schema.parseJson(
  Schema.Struct({
    name: Schema.String,
    redisPort: Schema.Int,
    /** path of the SQLite file that all processes share */
    database: Schema.String,
    /** the game that the lock protects; none for permits of a semaphore */
    gameId: Schema.optional(Schema.String),
    permits: Schema.Int,
    fibers: Schema.Int,
    timeToLiveMillis: Schema.Int
  })
)
export type Settings = typeof Settings.Type

/**
 * `Stay`: the next holder stays inside until `GoOn`, and is uninterruptible. `Stop`: the process stops itself, like SIGSTOP from
 * outside. It does so between two writes, since a stopped write would lock the database for all.
 */
export const Order = Schema.parseJson(Schema.Literal("Stay", "GoOn", "Stop"))
export type Order = typeof Order.Type

export const Report = Schema.parseJson(
  Schema.Union(
    Schema.TaggedStruct("Ready", {}),
    /** a holder that stays inside has entered */
    Schema.TaggedStruct("Inside", { token: Schema.Number }),
    /** a fiber has entered and left, and did not lose the lock */
    Schema.TaggedStruct("Done", { fiber: Schema.Int, token: Schema.Number }),
    /** the database rejected a write for its fencing token */
    Schema.TaggedStruct("Rejected", { token: Schema.Number }),
    /** it was not granted, was lost, or Redis failed: the tag of the error, once */
    Schema.TaggedStruct("Failed", { error: Schema.String })
  )
)
export type Report = typeof Report.Type
