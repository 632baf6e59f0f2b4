/**
 * One load per key and epoch in this process, on a fiber of its own: callers await it, whoever of them is interrupted
 * harms no other, and only when the last one has gone the load stops. It has nothing of its callers, neither context nor
 * FiberRefs nor runtime flags: these are those of the place where the flights were made.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Callback from "../../internal/Callback.js"
import * as SharedFibers from "../../internal/SharedFibers.js"
import * as LoadGraph from "../lookup/LoadGraph.js"

/**
 * What a load ends with. Callers that joined at position `joinedBefore` or later came too late for the value: something may
 * have been invalidated before they came and after the value was read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Completed<out A> {
  readonly value: A
  readonly joinedBefore: number
}

/**
 * A load under way, as the load itself sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Flight extends LoadGraph.Load {
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
  /**
   * The value and whether this caller came too late for it. Fails with `LookupCycle`, at once, for a caller that a load of
   * this key waits for.
   */
  readonly load: (
    key: string,
    epoch: number,
    load: (flight: Flight) => Effect.Effect<Completed<A>, E>,
    options?: { readonly alone?: boolean }
  ) => Effect.Effect<{ readonly value: A; readonly late: boolean }, E | LoadGraph.LookupCycle>
  /**
   * Starts a load that nobody awaits and that nobody's leaving stops, or sees to it that the one that is under way goes
   * on likewise. Answers how to wait for its value, which fails as `fly` does.
   */
  readonly start: (
    key: string,
    epoch: number,
    load: (flight: Flight) => Effect.Effect<Completed<A>, E>
  ) => Effect.Effect<Effect.Effect<{ readonly value: A; readonly late: boolean }, E | LoadGraph.LookupCycle>>
}

class Tracked<A, E> extends LoadGraph.Load implements Flight {
  callers = 1
  count = 1
  /** who is told how it ended */
  waiting: Array<(exit: Exit.Exit<Completed<A>, E>) => void> = []
  exit: Exit.Exit<Completed<A>, E> | undefined
  fiber: Fiber.RuntimeFiber<Completed<A>, E> | undefined

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

interface Joined<A, E> {
  readonly flight: Tracked<A, E>
  readonly position: number
  /** The end of the wait of the load that reads it. */
  readonly arrive: () => void
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
    const flights = new Map<string, Tracked<A, E>>()
    const flying = new Set<Fiber.RuntimeFiber<Completed<A>, E>>()
    let isClosed = false
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        isClosed = true
        return Fiber.interruptAll(flying)
      })
    )

    /** The wait of the load `from` is known before what it waits for runs. */
    const launch = (
      from: LoadGraph.Load | undefined,
      key: string,
      epoch: number,
      load: (flight: Flight) => Effect.Effect<Completed<A>, E>,
      alone: boolean
    ): Joined<A, E> => {
      const present = alone ? undefined : flights.get(key)
      if (present !== undefined && present.epoch === epoch) {
        present.callers++
        return { flight: present, position: present.count++, arrive: LoadGraph.wait(from, present) }
      }
      const flight: Tracked<A, E> = new Tracked(owner, key, epoch, () => {
        if (flights.get(key) === flight) flights.delete(key)
      })
      if (!alone) flights.set(key, flight)
      const arrive = LoadGraph.wait(from, flight)
      // in a scope that has closed the load ends before it begins
      const fiber = fork(isClosed ? Effect.interrupt : load(flight), { updateRefs: LoadGraph.refsOf(flight) })
      flight.fiber = fiber
      flying.add(fiber)
      fiber.addObserver((exit) => {
        flying.delete(fiber)
        flight.close()
        flight.exit = exit
        flight.hasEnded = true
        for (const tell of flight.waiting.splice(0)) tell(exit)
      })
      return { flight, position: 0, arrive }
    }

    const completed = ({ flight }: Joined<A, E>): Effect.Effect<Completed<A>, E> =>
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

    const outcome = ({ position }: Joined<A, E>, { joinedBefore, value }: Completed<A>) => ({
      value,
      late: position >= joinedBefore
    })

    return {
      load: (key, epoch, load, options) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.withFiberRuntime((caller) => {
            const from = LoadGraph.of(caller)
            const cycle = LoadGraph.cycle(from, owner, key)
            if (cycle !== undefined) return cycle
            const joined = launch(from, key, epoch, load, options?.alone === true)
            return Effect.matchCauseEffect(restore(completed(joined)), {
              onSuccess: (value) => {
                joined.arrive()
                return Exit.succeed(outcome(joined, value))
              },
              onFailure: (cause) => {
                joined.arrive()
                // its own interruption or the load's: a load that has ended is left by nobody
                return joined.flight.exit === undefined
                  ? Effect.zipRight(leave(joined.flight), Effect.failCause(cause))
                  : Exit.failCause(cause)
              }
            })
          })
        ),
      start: (key, epoch, load) =>
        Effect.sync(() => {
          const joined = launch(undefined, key, epoch, load, false)
          return Effect.uninterruptibleMask((restore) =>
            Effect.withFiberRuntime(
              (caller) =>
                LoadGraph.cycle(LoadGraph.of(caller), owner, key) ??
                LoadGraph.waiting(
                  joined.flight,
                  Effect.map(restore(completed(joined)), (value) => outcome(joined, value))
                )
            )
          )
        })
    }
  })
