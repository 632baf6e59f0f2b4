/** What the processes of `bun run verify` tell each other. */
import * as Schema from "effect/Schema"
import { ReadCounts } from "./oracle.js"

export const topologies = ["standalone", "sentinel", "cluster"] as const

/** The argument of a process. */
export const Settings = Schema.parseJson(
  Schema.Struct({
    topology: Schema.Literal(...topologies),
    /** of the server, of the sentinels, or of the cluster's nodes */
    ports: Schema.NonEmptyArray(Schema.Int),
    /** the name of the primary, for sentinels */
    master: Schema.String,
    /** the port of the proxy in front of each server, by the server's port */
    proxies: Schema.Record({ key: Schema.String, value: Schema.Int }),
    /** a file that all processes map into memory: the registers */
    file: Schema.String,
    /** the number of this process */
    index: Schema.Int
  })
)

/** `rest`: writes no more. `check`: reads all registers. `work`: writes and reads. */
export const Order = Schema.Literal("rest", "check", "work")

/** What a process has counted since it began. */
export const Report = Schema.parseJson(
  Schema.Struct({
    reads: ReadCounts,
    /** writes that Redis has acknowledged */
    acknowledged: Schema.Int,
    /** writes that returned before Redis had them: they are sent again */
    kept: Schema.Int,
    /** updates, which return the same whether Redis has acknowledged them or not */
    updates: Schema.Int,
    /** how often it came to rest: its last writes have returned, and Redis has every invalidation */
    rests: Schema.Int,
    /** how often it has read all registers at rest */
    checks: Schema.Int
  })
)

export type Report = typeof Report.Type
