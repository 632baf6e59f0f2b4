/** A source of truth that counts its lookups, and that a test can stop between reading and answering. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { until } from "../until.js"

export class NotFound extends Data.TaggedError("NotFound")<{ readonly id: string }> {}

export interface TestDatabase<V> {
  readonly rows: Map<string, V>
  /** Reads the row at once; answers when nothing is held. */
  readonly lookup: (id: string) => Effect.Effect<V, NotFound>
  /** As `lookup`, several by one call. */
  readonly lookupMany: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Either.Either<V, NotFound>>>
  /** From now on lookups read their row and do not answer. */
  readonly hold: () => void
  /** Lets the held ones answer, with what they have read. */
  readonly release: () => void
  /** calls so far, each for one key or for several */
  readonly lookups: () => number
  /** the keys of each call */
  readonly calls: () => ReadonlyArray<ReadonlyArray<string>>
  readonly running: () => number
  readonly mostAtOnce: () => number
  /** Waits until so many lookups have begun. */
  readonly begun: (count: number) => Effect.Effect<void>
}

export const make = <V>(rows: Iterable<readonly [string, V]> = []): TestDatabase<V> => {
  const table = new Map(rows)
  let latch = Effect.unsafeMakeLatch(true)
  const calls: Array<ReadonlyArray<string>> = []
  let running = 0
  let mostAtOnce = 0

  const rowOf = (id: string): Either.Either<V, NotFound> =>
    Either.fromNullable(table.get(id), () => new NotFound({ id }))

  const call = <A>(ids: ReadonlyArray<string>, read: () => A): Effect.Effect<A> =>
    Effect.suspend(() => {
      calls.push(ids)
      running++
      mostAtOnce = Math.max(mostAtOnce, running)
      const answer = read()
      return latch.await.pipe(
        Effect.as(answer),
        Effect.ensuring(
          Effect.sync(() => {
            running--
          })
        )
      )
    })

  return {
    rows: table,
    lookup: (id) => Effect.flatten(call([id], () => rowOf(id))),
    lookupMany: (ids) => call(ids, () => ids.map(rowOf)),
    hold: () => {
      latch = Effect.unsafeMakeLatch(false)
    },
    release: () => {
      latch.unsafeOpen()
    },
    lookups: () => calls.length,
    calls: () => calls,
    running: () => running,
    mostAtOnce: () => mostAtOnce,
    begun: (count) => until(`${count} lookups have begun`, () => calls.length >= count)
  }
}
