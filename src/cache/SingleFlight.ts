/**
 * One load per key and epoch in this process, on a fiber of its own: callers await it, whoever of them is interrupted
 * harms no other, and only when the last one has gone the load stops.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Callback from "../redis/Callback.js"

/**
 * What a load ends with. Callers that joined at position `entitled` or later came too late for the value: something may
 * have been invalidated before they came and after the value was read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Landed<out A> {
  readonly value: A
  readonly entitled: number
}

/**
 * A load under way, as the load itself sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Flight {
  /** the epoch of its key when it began */
  readonly epoch: number
  /** how many callers have joined so far */
  readonly joined: () => number
  /** From now on callers start another flight. */
  readonly close: () => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SingleFlight<A, E> {
  /** The value and whether this caller came too late for it. */
  readonly fly: (
    key: string,
    epoch: number,
    load: (flight: Flight) => Effect.Effect<Landed<A>, E>,
    options?: { readonly alone?: boolean }
  ) => Effect.Effect<{ readonly value: A; readonly late: boolean }, E>
  /**
   * Starts a load that nobody awaits and that nobody's leaving stops, or sees to it that the one that is under way goes
   * on likewise. Answers how to wait for its value.
   */
  readonly start: (
    key: string,
    epoch: number,
    load: (flight: Flight) => Effect.Effect<Landed<A>, E>
  ) => Effect.Effect<Effect.Effect<{ readonly value: A; readonly late: boolean }, E>>
}

interface Tracked<A, E> extends Flight {
  callers: number
  count: number
  /** who is told how it ended */
  waiting: Array<(exit: Exit.Exit<Landed<A>, E>) => void>
  exit: Exit.Exit<Landed<A>, E> | undefined
  fiber: Fiber.RuntimeFiber<Landed<A>, E> | undefined
}

interface Joined<A, E> {
  readonly flight: Tracked<A, E>
  readonly position: number
}

/**
 * Flights live in the scope; closing it interrupts them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(): Effect.Effect<SingleFlight<A, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const flights = new Map<string, Tracked<A, E>>()
    const flying = new Set<Fiber.RuntimeFiber<Landed<A>, E>>()
    let isClosed = false
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        isClosed = true
        return Fiber.interruptAll(flying)
      })
    )

    /** A load runs as a fiber of its own with what its first caller has of context, and not as that one's child. */
    const launch = (
      runtime: Runtime.Runtime<never>,
      key: string,
      epoch: number,
      load: (flight: Flight) => Effect.Effect<Landed<A>, E>,
      alone: boolean
    ): Joined<A, E> => {
      const present = alone ? undefined : flights.get(key)
      if (present !== undefined && present.epoch === epoch) {
        present.callers++
        return { flight: present, position: present.count++ }
      }
      const flight: Tracked<A, E> = {
        epoch,
        callers: 1,
        count: 1,
        waiting: [],
        exit: undefined,
        fiber: undefined,
        joined: () => flight.count,
        close: () => {
          if (flights.get(key) === flight) flights.delete(key)
        }
      }
      if (!alone) flights.set(key, flight)
      // in a scope that has closed the load ends before it begins
      const fiber = Runtime.runFork(runtime)(isClosed ? Effect.interrupt : Effect.interruptible(load(flight)))
      flight.fiber = fiber
      flying.add(fiber)
      fiber.addObserver((exit) => {
        flying.delete(fiber)
        flight.close()
        flight.exit = exit
        for (const tell of flight.waiting.splice(0)) tell(exit)
      })
      return { flight, position: 0 }
    }

    const landed = ({ flight }: Joined<A, E>): Effect.Effect<Landed<A>, E> =>
      Callback.make((resume) => {
        if (flight.exit === undefined) flight.waiting.push(resume)
        else resume(flight.exit)
      })

    const leave = (flight: Tracked<A, E>): Effect.Effect<void> => {
      flight.callers--
      if (flight.callers > 0 || flight.fiber === undefined) return Effect.void
      flight.close()
      // not awaited: giving the lease back may take as long as Redis takes
      return Fiber.interruptFork(flight.fiber)
    }

    return {
      fly: (key, epoch, load, options) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(Effect.runtime<never>(), (runtime) => {
            const joined = launch(runtime, key, epoch, load, options?.alone === true)
            return Effect.matchCauseEffect(restore(landed(joined)), {
              onSuccess: ({ entitled, value }) => Exit.succeed({ value, late: joined.position >= entitled }),
              // its own interruption or the load's: a load that has ended is left by nobody
              onFailure: (cause) =>
                joined.flight.exit === undefined
                  ? Effect.zipRight(leave(joined.flight), Effect.failCause(cause))
                  : Exit.failCause(cause)
            })
          })
        ),
      start: (key, epoch, load) =>
        Effect.map(Effect.runtime<never>(), (runtime) => {
          const joined = launch(runtime, key, epoch, load, false)
          return Effect.map(landed(joined), ({ entitled, value }) => ({ value, late: joined.position >= entitled }))
        })
    }
  })
