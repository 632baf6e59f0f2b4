/** A source of truth that counts its lookups, and that a test can stop between reading and answering. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { until } from "./until.js"

export class NotFound extends Data.TaggedError("NotFound")<{ readonly id: string }> {}

export interface TestDatabase<V> {
  readonly rows: Map<string, V>
  /** Reads the row at once; answers when nothing is held. */
  readonly lookup: (id: string) => Effect.Effect<V, NotFound>
  /** From now on lookups read their row and do not answer. */
  readonly hold: () => void
  /** Lets the held ones answer, with what they have read. */
  readonly release: () => void
  /** lookups so far */
  readonly lookups: () => number
  readonly running: () => number
  readonly mostAtOnce: () => number
  /** Waits until so many lookups have begun. */
  readonly begun: (count: number) => Effect.Effect<void>
}

export const make = <V>(rows: Iterable<readonly [string, V]> = []): TestDatabase<V> => {
  const table = new Map(rows)
  let latch = Effect.unsafeMakeLatch(true)
  let lookups = 0
  let running = 0
  let mostAtOnce = 0
  return {
    rows: table,
    lookup: (id) =>
      Effect.suspend(() => {
        lookups++
        running++
        mostAtOnce = Math.max(mostAtOnce, running)
        const row = table.get(id)
        return latch.await.pipe(
          Effect.zipRight(row === undefined ? Effect.fail(new NotFound({ id })) : Effect.succeed(row)),
          Effect.ensuring(
            Effect.sync(() => {
              running--
            })
          )
        )
      }),
    hold: () => {
      latch = Effect.unsafeMakeLatch(false)
    },
    release: () => {
      latch.unsafeOpen()
    },
    lookups: () => lookups,
    running: () => running,
    mostAtOnce: () => mostAtOnce,
    begun: (count) => until(`${count} lookups have begun`, () => lookups >= count)
  }
}
