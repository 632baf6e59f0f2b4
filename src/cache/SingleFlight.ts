/**
 * One load per key and epoch in this process, on a fiber of its own: callers await it, whoever of them is interrupted
 * harms no other, and only when the last one has gone the load stops.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"

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
  readonly landed: Deferred.Deferred<Landed<A>, E>
  callers: number
  count: number
  fiber: Fiber.RuntimeFiber<unknown, E> | undefined
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
    const scope = yield* Effect.scope
    const flights = new Map<string, Tracked<A, E>>()

    const launch = (
      key: string,
      epoch: number,
      load: (flight: Flight) => Effect.Effect<Landed<A>, E>,
      alone: boolean
    ): Effect.Effect<Joined<A, E>> =>
      Effect.suspend(() => {
        const present = alone ? undefined : flights.get(key)
        if (present !== undefined && present.epoch === epoch) {
          present.callers++
          return Effect.succeed({ flight: present, position: present.count++ })
        }
        const flight: Tracked<A, E> = {
          epoch,
          landed: Deferred.unsafeMake(FiberId.none),
          callers: 1,
          count: 1,
          fiber: undefined,
          joined: () => flight.count,
          close: () => {
            if (flights.get(key) === flight) flights.delete(key)
          }
        }
        if (!alone) flights.set(key, flight)
        return load(flight).pipe(
          Effect.interruptible,
          // outside of what can be interrupted: in a scope that has closed the load ends before it begins
          Effect.onExit((exit) =>
            Effect.suspend(() => {
              flight.close()
              return Deferred.done(flight.landed, exit)
            })
          ),
          Effect.forkIn(scope),
          Effect.map((fiber) => {
            flight.fiber = fiber
            return { flight, position: 0 }
          })
        )
      })

    const leave = (flight: Tracked<A, E>): Effect.Effect<void> =>
      Effect.suspend(() => {
        flight.callers--
        if (flight.callers > 0 || flight.fiber === undefined) return Effect.void
        flight.close()
        // not awaited: giving the lease back may take as long as Redis takes
        return Fiber.interruptFork(flight.fiber)
      })

    return {
      fly: (key, epoch, load, options) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(launch(key, epoch, load, options?.alone === true), ({ flight, position }) =>
            restore(Deferred.await(flight.landed)).pipe(
              Effect.onInterrupt(() => leave(flight)),
              Effect.map((landed) => ({ value: landed.value, late: position >= landed.entitled }))
            )
          )
        ),
      start: (key, epoch, load) =>
        Effect.uninterruptible(
          Effect.map(launch(key, epoch, load, false), ({ flight, position }) =>
            Effect.map(Deferred.await(flight.landed), ({ entitled, value }) => ({ value, late: position >= entitled }))
          )
        )
    }
  })
