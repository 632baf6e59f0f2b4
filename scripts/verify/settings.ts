/** What the processes of `bun run verify` tell each other. */
import * as Schema from "effect/Schema"

export const topologies = ["standalone", "sentinel", "cluster"] as const

/** The argument of a process. */
export const Settings = Schema.parseJson(
  Schema.Struct({
    topology: Schema.Literal(...topologies),
    /** of the server, of the sentinels, or of the cluster's nodes */
    ports: Schema.NonEmptyArray(Schema.Int),
    /** the name of the primary, for sentinels */
    master: Schema.String,
    /** a file that all processes map into memory: the versions, then the acknowledged ones */
    file: Schema.String,
    processes: Schema.Int,
    /** the number of this process */
    index: Schema.Int
  })
)

/** What a process has counted since it began. */
export const Counts = Schema.parseJson(
  Schema.Struct({
    reads: Schema.Int,
    /** reads that were answered without Redis: among `reads` */
    degraded: Schema.Int,
    /** writes that Redis has acknowledged */
    acknowledged: Schema.Int,
    /** writes that returned before Redis had them: they are sent again */
    kept: Schema.Int,
    /** reads that were older than an acknowledged write */
    stale: Schema.Int,
    /** the first of them */
    examples: Schema.Array(Schema.String)
  })
)

/** The registers. The process `id % processes` writes the register `id`. */
export const registerCount = 600

/** What the shared file holds, in bytes: two numbers for each register. */
export const fileBytes = 2 * registerCount * Int32Array.BYTES_PER_ELEMENT

/** The registers of the file, as every process sees them at once. */
export const open = (file: string) => {
  const bytes = Bun.mmap(file, { shared: true })
  return {
    versions: new Int32Array(bytes.buffer, bytes.byteOffset, registerCount),
    acknowledged: new Int32Array(bytes.buffer, bytes.byteOffset + fileBytes / 2, registerCount)
  }
}
