/**
 * A clock whose time passes as soon as everything sleeps. `TestClock` needs a timer of the system for each adjustment; this clock
 * does not, so that hours can pass in seconds.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

interface Sleeper {
  readonly at: number
  /** the sleepers of one time wake in the order in which they went to sleep */
  readonly order: number
  readonly wake: () => void
  isGone: boolean
}

/** A binary heap, the earliest first. */
class Sleepers {
  private readonly heap: Array<Sleeper> = []

  get first(): Sleeper | undefined {
    return this.heap[0]
  }

  add(sleeper: Sleeper): void {
    const { heap } = this
    let place = heap.length
    heap.push(sleeper)
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(sleeper, above)) break
      heap[place] = above
      place = parent
    }
    heap[place] = sleeper
  }

  removeFirst(): void {
    const { heap } = this
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let place = 0
    for (;;) {
      const left = heap[2 * place + 1]
      if (left === undefined) break
      const right = heap[2 * place + 2]
      const isRight = right !== undefined && isBefore(right, left)
      const child = isRight ? right : left
      if (!isBefore(child, last)) break
      heap[place] = child
      place = 2 * place + (isRight ? 2 : 1)
    }
    heap[place] = last
  }
}

const isBefore = (one: Sleeper, other: Sleeper): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order)

/** Where simulated time begins, in milliseconds since 1970: far from zero, which caches take for "long ago". */
const beginning = Date.UTC(2026, 0, 1)

/** Turns of the event loop in which everything ends that needs no time: replies of Redis in memory, and what they resume. */
const turnsToSettle = 6

/** A clock, and what lets its time pass. */
export interface SimulatedClock {
  readonly clock: Clock.Clock
  /** the time since the beginning, in milliseconds */
  readonly now: () => number
  /**
   * Runs an effect that has this clock. Whenever all of it sleeps, time passes until the next sleeper wakes. An effect that waits for
   * anything but this clock and the event loop never ends.
   */
  readonly play: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Makes a clock that stands at `beginning`. */
export const make = (): SimulatedClock => {
  const sleepers = new Sleepers()
  let now = 0
  let order = 0

  const unsafeMillis = () => beginning + now
  const unsafeNanos = () => BigInt(Math.round(unsafeMillis() * 1_000)) * 1_000n

  /** Lets time pass until the next sleeper wakes, and wakes all of that time. */
  const wakeNext = (): void => {
    let hasWoken = false
    for (let { first } = sleepers; first !== undefined; first = sleepers.first) {
      if (hasWoken && first.at > now) break
      sleepers.removeFirst()
      if (first.isGone) continue
      now = Math.max(now, first.at)
      hasWoken = true
      first.wake()
    }
  }

  /** Lets the event loop turn, and time pass. Ends when it is interrupted. */
  const pump = Effect.async<never>(() => {
    let turns = 0
    let immediate = setImmediate(function turn() {
      if (++turns % turnsToSettle === 0) wakeNext()
      immediate = setImmediate(turn)
    })
    return Effect.sync(() => clearImmediate(immediate))
  })

  return {
    clock: {
      ...Clock.make(),
      unsafeCurrentTimeMillis: unsafeMillis,
      unsafeCurrentTimeNanos: unsafeNanos,
      currentTimeMillis: Effect.sync(unsafeMillis),
      currentTimeNanos: Effect.sync(unsafeNanos),
      sleep: (duration) =>
        Effect.async<void>((resume) => {
          const sleeper: Sleeper = {
            at: now + Duration.toMillis(duration),
            order: order++,
            wake: () => resume(Effect.void),
            isGone: false
          }
          sleepers.add(sleeper)
          return Effect.sync(() => {
            sleeper.isGone = true
          })
        })
    },
    now: () => now,
    play: (effect) => Effect.raceFirst(effect, pump)
  }
}
