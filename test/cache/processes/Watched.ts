/**
 * Reads and writes through processes, each read checked against the writes that had returned before it began. The test
 * alone sends and receives, so that its own order of events is one that all processes must agree with.
 */
import * as Effect from "effect/Effect"
import type { CacheProcess, ProcessEnded } from "./CacheProcess.js"
import type { AnswerOf, CacheName, Write } from "./messages.js"

interface Returned {
  readonly process: string
  readonly version: number
  readonly acknowledged: boolean
  readonly at: number
}

export interface Watched {
  readonly read: (process: CacheProcess, cache: CacheName, key: string) => Effect.Effect<AnswerOf<"Read">, ProcessEnded>
  readonly write: (
    process: CacheProcess,
    cache: CacheName,
    key: string,
    write: Write
  ) => Effect.Effect<AnswerOf<"Written">, ProcessEnded>
  /** what was answered and should not have been, in words */
  readonly mistakes: ReadonlyArray<string>
}

/**
 * P1 to P3 of docs/protocol.md: nothing older than a write of the same process that has returned; nothing older than any
 * acknowledged write, but for a local tier as long as its time, and for a read that Redis failed.
 */
export const make = (options: {
  /** the local time to live, in milliseconds */
  readonly localTime: number
  /** also what Redis has not acknowledged counts for all processes: when all of them are cut off while it is written */
  readonly outageOfAll?: boolean
}): Watched => {
  const writes = new Map<string, Array<Returned>>()
  const mistakes: Array<string> = []
  // times are whole milliseconds to the processes
  const localTime = options.localTime + 2
  const now = () => performance.now()

  const returned = (cache: CacheName, key: string) => {
    const name = `${cache}:${key}`
    const known = writes.get(name) ?? []
    writes.set(name, known)
    return known
  }

  const newest = (writes: ReadonlyArray<Returned>) => Math.max(1, ...writes.map(({ version }) => version))

  return {
    mistakes,
    read: (process, cache, key) =>
      Effect.suspend(() => {
        const began = now()
        const before = [...returned(cache, key)]
        const own = newest(before.filter((write) => write.process === process.name))
        const heard = newest(
          before.filter(
            ({ acknowledged, at }) =>
              (acknowledged || options.outageOfAll === true) && (cache === "remote" || at + localTime <= began)
          )
        )
        return Effect.tap(process.get(cache, key), ({ source, version }) =>
          Effect.sync(() => {
            const least = source === "Degraded" ? own : Math.max(own, heard)
            if (version < least) {
              mistakes.push(
                `${process.name} served version ${version} of ${cache}:${key} from ${source} after ${least}`
              )
            }
          })
        )
      }),
    write: (process, cache, key, write) =>
      Effect.tap(process.write(cache, key, write), ({ acknowledged, version }) =>
        Effect.sync(() => {
          returned(cache, key).push({ process: process.name, version, acknowledged, at: now() })
        })
      )
  }
}
