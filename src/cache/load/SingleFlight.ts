/**
 * Runs one load per key and epoch in this process, on a fiber of its own. Its callers only await it: the interruption of
 * one harms no other, and the load stops with its last caller. The load inherits no context, FiberRefs or runtime flags of
 * its callers, but those of the place where the cache was made.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Callback from "../../internal/effect/Callback.js"
import * as SharedFibers from "../../internal/effect/SharedFibers.js"
import { type Awaited, tracing } from "../../internal/Tracing.js"
import * as LoadGraph from "../lookup/LoadGraph.js"

/**
 * The result of a load. A caller that joined at position `joinedBefore` or later is late. The key may have been
 * invalidated between the read of the value and its joining.
 *
 * @since 0.1.0
 * @category models
 */
export interface Completed<out A> {
  readonly value: A
  readonly joinedBefore: number
}

/**
 * A load that runs, as the load itself sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Flight extends LoadGraph.Load, Awaited {
  /** the epoch of its key when it began */
  readonly epoch: number
  /** the number of callers that have joined so far */
  readonly joined: () => number
  /** Lets later callers start another flight. */
  readonly close: () => void
}

/**
 * What a caller receives.
 *
 * @since 0.1.0
 * @category models
 */
export interface FlightResult<out A> {
  readonly value: A
  /** The caller joined too late for the value, and must read again. */
  readonly late: boolean
  /** Another caller had started the load. */
  readonly joined: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SingleFlight<A, E> {
  /**
   * Joins the load of a key and epoch, or starts it. With `alone` it starts a load that no other caller joins. Fails with
   * `LookupCycle`, at once, where a load of this key waits for the caller.
   */
  readonly load: (
    key: string,
    epoch: number,
    load: (flight: Flight) => Effect.Effect<Completed<A>, E>,
    options?: { readonly alone?: boolean }
  ) => Effect.Effect<FlightResult<A>, E | LoadGraph.LookupCycle>
  /**
   * Starts a load that runs to its end without callers, or lets the present one do so. Answers an effect that awaits its
   * result and fails as `load` does.
   */
  readonly start: (
    key: string,
    epoch: number,
    load: (flight: Flight) => Effect.Effect<Completed<A>, E>
  ) => Effect.Effect<Effect.Effect<FlightResult<A>, E | LoadGraph.LookupCycle>>
}

class RunningFlight<A, E> extends LoadGraph.Load implements Flight {
  /** callers that still need the result; `start` counts as one that never leaves */
  callers = 1
  /** callers so far */
  count = 1
  listeners: Array<(exit: Exit.Exit<Completed<A>, E>) => void> = []
  exit: Exit.Exit<Completed<A>, E> | undefined
  fiber: Fiber.RuntimeFiber<Completed<A>, E> | undefined
  waitingSpans: unknown

  constructor(
    owner: LoadGraph.Load["owner"],
    key: string,
    readonly epoch: number,
    readonly close: () => void
  ) {
    super(owner, key, true)
  }

  joined(): number {
    return this.count
  }
}

/** A caller's place in a flight. */
interface Seat<A, E> {
  readonly flight: RunningFlight<A, E>
  readonly position: number
  /** Removes the caller's load from the graph of waiting loads. */
  readonly endWait: () => void
}

/**
 * Flights live in the scope; closing it interrupts them. `owner` is the cache whose keys they load.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(owner: LoadGraph.Load["owner"]): Effect.Effect<SingleFlight<A, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fork = yield* SharedFibers.fork
    const flights = new Map<string, RunningFlight<A, E>>()
    const running = new Set<Fiber.RuntimeFiber<Completed<A>, E>>()
    let isClosed = false
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        isClosed = true
        return Fiber.interruptAll(running)
      })
    )

    /** Joins or starts a flight. The wait of the load `from`, and the span of its caller, are known before the flight runs. */
    const join = (
      caller: Fiber.RuntimeFiber<unknown, unknown> | undefined,
      from: LoadGraph.Load | undefined,
      key: string,
      epoch: number,
      load: (flight: Flight) => Effect.Effect<Completed<A>, E>,
      alone: boolean
    ): Seat<A, E> => {
      const present = alone ? undefined : flights.get(key)
      if (present !== undefined && present.epoch === epoch) {
        present.callers++
        if (caller !== undefined) tracing.listener?.waits(caller, present)
        return { flight: present, position: present.count++, endWait: LoadGraph.wait(from, present) }
      }
      const flight: RunningFlight<A, E> = new RunningFlight(owner, key, epoch, () => {
        if (flights.get(key) === flight) flights.delete(key)
      })
      if (!alone) flights.set(key, flight)
      const endWait = LoadGraph.wait(from, flight)
      if (caller !== undefined) tracing.listener?.waits(caller, flight)
      // in a closed scope the load ends before it begins
      const fiber = fork(isClosed ? Effect.interrupt : load(flight), { updateRefs: LoadGraph.refsOf(flight) })
      flight.fiber = fiber
      running.add(fiber)
      fiber.addObserver((exit) => {
        running.delete(fiber)
        flight.close()
        flight.exit = exit
        flight.hasEnded = true
        for (const listener of flight.listeners.splice(0)) listener(exit)
      })
      return { flight, position: 0, endWait }
    }

    const completed = ({ flight }: Seat<A, E>): Effect.Effect<Completed<A>, E> =>
      Callback.make((resume) => {
        if (flight.exit === undefined) flight.listeners.push(resume)
        else resume(flight.exit)
      })

    const resultFor = ({ position }: Seat<A, E>, { joinedBefore, value }: Completed<A>): FlightResult<A> => ({
      value,
      late: position >= joinedBefore,
      joined: position > 0
    })

    const leave = (flight: RunningFlight<A, E>): Effect.Effect<void> => {
      flight.callers--
      if (flight.callers > 0 || flight.fiber === undefined) return Effect.void
      flight.close()
      // not awaited: the release of the lease may take as long as a timeout of Redis
      return Fiber.interruptFork(flight.fiber)
    }

    return {
      load: (key, epoch, load, options) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.withFiberRuntime((caller) => {
            const from = LoadGraph.of(caller)
            const cycle = LoadGraph.cycle(from, owner, key)
            if (cycle !== undefined) return cycle
            const seat = join(caller, from, key, epoch, load, options?.alone === true)
            return Effect.matchCauseEffect(restore(completed(seat)), {
              onSuccess: (result) => {
                seat.endWait()
                return Exit.succeed(resultFor(seat, result))
              },
              onFailure: (cause) => {
                seat.endWait()
                // without an exit of the flight, it is the caller that was interrupted
                return seat.flight.exit === undefined
                  ? Effect.zipRight(leave(seat.flight), Effect.failCause(cause))
                  : Exit.failCause(cause)
              }
            })
          })
        ),
      start: (key, epoch, load) =>
        Effect.sync(() => {
          const seat = join(undefined, undefined, key, epoch, load, false)
          return Effect.uninterruptibleMask((restore) =>
            Effect.withFiberRuntime((caller) => {
              tracing.listener?.waits(caller, seat.flight)
              return (
                LoadGraph.cycle(LoadGraph.of(caller), owner, key) ??
                LoadGraph.waiting(
                  seat.flight,
                  Effect.map(restore(completed(seat)), (result) => resultFor(seat, result))
                )
              )
            })
          )
        })
    }
  })
