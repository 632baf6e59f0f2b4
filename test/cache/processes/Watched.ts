/**
 * Reads and writes through processes. Each read is checked against the writes that had returned before it began. The test
 * sends and receives everything, so that its order of events holds for all processes.
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
  /** the wrong answers, in words */
  readonly mistakes: ReadonlyArray<string>
}

/**
 * Checks P1 to P3 of docs/protocol.md. A read answers nothing older than a returned write of its own process, nor than any
 * acknowledged write. The latter excepts local entries within their time, and reads that Redis failed.
 */
export const make = (options: {
  /** the local time to live, in milliseconds */
  readonly localTime: number
  /** Unacknowledged writes also bind all processes: for writes during an outage of all of them. */
  readonly outageOfAll?: boolean
}): Watched => {
  const writes = new Map<string, Array<Returned>>()
  const mistakes: Array<string> = []
  // the processes use whole milliseconds
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
