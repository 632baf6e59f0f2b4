/**
 * The measuring loop: subjects in one process and one run, taking turns, each judged by the median of its rounds.
 *
 * Why no library: mitata and tinybench measure one subject to its end before the next. A machine that becomes slower
 * meanwhile then favours the first ones. Their concurrent callers are promises, and each costs more than a read from the
 * process. Here a caller is one loop or one fiber.
 */
import * as Effect from "effect/Effect"
import type { KeySequence } from "./Keys.js"

/** One thing to measure, on keys by their index. */
export interface Subject {
  readonly name: string
  /** what one operation counts for: the keys of a read of many; 1 when absent */
  readonly weight?: number
  /** one operation's answer, in the form that the workload expects; asked before anything is timed */
  readonly answer: (index: number) => Promise<unknown>
  /** `concurrency` callers, each of which repeats as soon as it is answered, until the meter stops them */
  readonly run: (concurrency: number, meter: Meter, keys: KeySequence) => Promise<void>
}

export interface MeasureOptions {
  readonly concurrency: number
  /** the rounds of which the median counts, at least 5; one discarded round precedes them */
  readonly rounds: number
  /** how long a round of one subject takes */
  readonly millis: number
  readonly keys: KeySequence
  /**
   * The number of operations between two reads of the clock. 1, the default, suits operations that cross the wire. An
   * operation that takes less time than reading the clock needs more.
   */
  readonly clockEvery?: number
  /** how long a subject runs untimed before each round; a tenth of a second when absent */
  readonly warmUpMillis?: number
}

export interface Measured {
  readonly subject: string
  /** operations per second in each round; what counts is the median */
  readonly rates: ReadonlyArray<number>
}

/** Counts operations and says when the round is over. */
export interface Meter {
  completed: number
  readonly over: boolean
}

/** Ends a round after so many operations, however long they take: for processor time on a machine that does more. */
export class CountMeter implements Meter {
  completed = 0
  private begun = 0

  constructor(private readonly count: number) {}

  get over(): boolean {
    return this.begun++ >= this.count
  }
}

/** Ends a round at a time of `performance.now()`. */
export class TimeMeter implements Meter {
  completed = 0
  private calls = 0
  private stopped = false

  constructor(
    private readonly end: number,
    private readonly clockEvery: number
  ) {}

  get over(): boolean {
    if (this.stopped) return true
    if (++this.calls >= this.clockEvery) {
      this.calls = 0
      this.stopped = performance.now() >= this.end
    }
    return this.stopped
  }
}

/** A peer with promises: as many async loops as callers. */
export const promising = <A>(
  name: string,
  operation: (index: number) => Promise<A>,
  answer: (value: A) => unknown = (value) => value
): Subject => ({
  name,
  answer: async (index) => answer(await operation(index)),
  run: async (concurrency, meter, keys) => {
    const caller = async () => {
      while (!meter.over) {
        await operation(keys.next())
        meter.completed++
      }
    }
    await Promise.all(Array.from({ length: concurrency }, caller))
  }
})

/** A subject that answers at once: the limit of what any other can reach. Callers would only take turns. */
export const immediate = <A>(
  name: string,
  operation: (index: number) => A,
  answer: (value: A) => unknown = (value) => value
): Subject => ({
  name,
  answer: async (index) => answer(operation(index)),
  run: async (_concurrency, meter, keys) => {
    while (!meter.over) {
      operation(keys.next())
      meter.completed++
    }
  }
})

/**
 * A subject of effects: one program with as many fibers as callers, each yielding one operation after another. `around` gives
 * the program its context.
 */
export const effectful = <A, E>(
  name: string,
  operation: (index: number) => Effect.Effect<A, E>,
  answer: (value: A) => unknown = (value) => value,
  around: <B, E2>(program: Effect.Effect<B, E2>) => Effect.Effect<B, E2> = (program) => program
): Subject => ({
  name,
  answer: (index) => Effect.runPromise(Effect.map(operation(index), answer)),
  run: (concurrency, meter, keys) => {
    const caller = Effect.gen(function* () {
      while (!meter.over) {
        yield* operation(keys.next())
        meter.completed++
      }
    })
    return Effect.runPromise(
      around(
        Effect.forEach(Array.from({ length: concurrency }), () => caller, { concurrency: "unbounded", discard: true })
      )
    )
  }
})

/** Operations per second of one subject in one round. */
export const measureOnce = async (subject: Subject, options: MeasureOptions): Promise<number> => {
  // lets heartbeats and signals run between subjects that never wait
  await new Promise((resolve) => setImmediate(resolve))
  // no subject pays for the garbage of the one before. A synchronous collection would also discard compiled code.
  // JavaScript is then three times as slow for a tenth of a second, and the round would measure the compiler
  Bun.gc(false)
  const meterFor = (millis: number) => new TimeMeter(performance.now() + millis, options.clockEvery ?? 1)
  // the warm-up: until here, the caches of processor, allocator and compiler are those of the subject before
  await subject.run(options.concurrency, meterFor(options.warmUpMillis ?? 100), options.keys)
  const started = performance.now()
  const meter = meterFor(options.millis)
  await subject.run(options.concurrency, meter, options.keys)
  return (meter.completed * (subject.weight ?? 1) * 1000) / (performance.now() - started)
}

const discardedRounds = 1

/**
 * Operations per second of each subject. They take turns within a round, and each round begins with another one, so that
 * other load on the machine falls on all of them. The first round is discarded, since the compiler is still at work.
 */
export const takingTurns = (
  all: ReadonlyArray<{ readonly name: string; readonly measure: () => Promise<number> }>,
  rounds: number
): Effect.Effect<ReadonlyArray<Measured>> =>
  Effect.promise(async () => {
    for (let round = 0; round < discardedRounds; round++) {
      for (const { measure } of all) await measure()
    }
    const rates = all.map((): Array<number> => [])
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < all.length; turn++) {
        const which = (round + turn) % all.length
        const one = all[which]
        if (one !== undefined) rates[which]?.push(await one.measure())
      }
    }
    return all.map(({ name }, i) => ({ subject: name, rates: rates[i] ?? [] }))
  })

/** Operations per second of each subject. */
export const measure = (
  subjects: ReadonlyArray<Subject>,
  options: MeasureOptions
): Effect.Effect<ReadonlyArray<Measured>> =>
  takingTurns(
    subjects.map((subject) => ({ name: subject.name, measure: () => measureOnce(subject, options) })),
    options.rounds
  )

/** Dies with the name of the subject whose answer is not the expected one. */
export const verify = (
  workload: string,
  subjects: ReadonlyArray<Subject>,
  indexes: ReadonlyArray<number>,
  expected: (index: number) => unknown
): Effect.Effect<void> =>
  Effect.promise(async () => {
    for (const subject of subjects) {
      for (const index of indexes) {
        const answer = await subject.answer(index)
        if (!Bun.deepEquals(answer, expected(index))) {
          throw new Error(
            `${workload}: ${subject.name} answers ${JSON.stringify(answer)} for key ${index}, not ${JSON.stringify(expected(index))}`
          )
        }
      }
    }
  })
