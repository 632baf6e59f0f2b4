/**
 * Runs one load per key and epoch in this process. Its callers only await it: the interruption of one harms no other, and the
 * load stops with its last caller. The load inherits no context, FiberRefs or runtime flags of its callers, but those of the
 * place where the cache was made.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Callback from "../../internal/effect/Callback.js"
import * as SharedFibers from "../../internal/effect/SharedFibers.js"
import { tracing } from "../../internal/Tracing.js"
import * as LoadGraph from "../lookup/LoadGraph.js"
import { noBound } from "../tiers/TierRead.js"
import { type Completed, type FlightCaller, type Flights, RunningFlight, type Start } from "./Flight.js"

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
   * Joins the load of a key and epoch, or starts it. With `alone` it starts a load that no other caller joins. With `awaitsEnd`
   * its caller waits until the value is stored. A load whose lookup reads at `bound` or before is not joined: another one takes its
   * place. Fails with `LookupCycle`, at once, where a load of this key waits for the caller.
   */
  readonly load: (
    key: string,
    epoch: number,
    start: Start<A, E>,
    options?: {
      readonly alone?: boolean | undefined
      readonly awaitsEnd?: boolean | undefined
      readonly bound?: number | undefined
    }
  ) => Effect.Effect<FlightResult<A>, E | LoadGraph.LookupCycle>
  /**
   * Like `load`, for a fiber that waits in a callback and belongs to no load. Answers a function for its interruption, which
   * may also be called after the outcome.
   */
  readonly join: (
    fiber: Fiber.RuntimeFiber<unknown, unknown>,
    key: string,
    epoch: number,
    caller: FlightCaller<A, E>
  ) => RunningFlight<A, E>
  /**
   * Starts a load that runs to its end without callers, or lets the present one do so. It calls `onFailure`
   * where a load that it started fails. Answers an effect that awaits its result and fails as `load` does.
   */
  readonly start: (
    key: string,
    epoch: number,
    start: Start<A, E>,
    onFailure: (cause: Cause.Cause<E>) => void
  ) => Effect.Effect<Effect.Effect<FlightResult<A>, E | LoadGraph.LookupCycle>>
}

/** A caller that is a fiber, or will be one: it gets the outcome when it asks for it. */
class Waiting<A, E> implements FlightCaller<A, E> {
  private result: Exit.Exit<FlightResult<A>, E> | undefined
  private resumes: Array<(exit: Exit.Exit<FlightResult<A>, E>) => void> = []

  constructor(
    readonly start: Start<A, E>,
    readonly awaitsEnd: boolean,
    private readonly onFailure?: (cause: Cause.Cause<E>) => void
  ) {}

  onOutcome(exit: Exit.Exit<Completed<A>, E>, isLate: boolean, position: number): void {
    if (Exit.isFailure(exit) && position === 0) this.onFailure?.(exit.cause)
    this.result = Exit.map(exit, ({ value }) => ({ value, late: isLate, joined: position > 0 }))
    for (const resume of this.resumes.splice(0)) resume(this.result)
  }

  readonly awaited: Effect.Effect<FlightResult<A>, E> = Callback.make((resume) => {
    if (this.result === undefined) this.resumes.push(resume)
    else resume(this.result)
  })
}

/**
 * Flights live in the scope. Closing it interrupts them, and awaits those that only have to store their value. `owner` is the
 * cache whose keys they load.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(owner: LoadGraph.Load["owner"]): Effect.Effect<SingleFlight<A, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const flights: Flights<A, E> = {
      fork: yield* SharedFibers.fork,
      open: new Map(),
      running: new Set(),
      onIdle: () => {}
    }
    let isClosed = false
    yield* Effect.addFinalizer(() =>
      Effect.async<void>((resume) => {
        isClosed = true
        for (const flight of Array.from(flights.running)) flight.stop()
        if (flights.running.size === 0) resume(Effect.void)
        else flights.onIdle = () => resume(Effect.void)
      })
    )

    /** Joins or starts a flight. The wait of the load `from`, and the span of its caller, are known before the flight runs. */
    const enter = (
      fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined,
      from: LoadGraph.Load | undefined,
      key: string,
      epoch: number,
      caller: FlightCaller<A, E>,
      alone: boolean,
      bound: number
    ): { readonly flight: RunningFlight<A, E>; readonly endWait: () => void } => {
      const present = alone ? undefined : flights.open.get(key)
      if (present !== undefined && present.epoch === epoch && present.createdAt > bound) {
        present.add(caller)
        if (fiber !== undefined) tracing.listener?.waits(fiber, present)
        return { flight: present, endWait: LoadGraph.wait(from, present) }
      }
      const flight = new RunningFlight<A, E>(owner, key, epoch, flights)
      if (!alone) flights.open.set(key, flight)
      flight.add(caller)
      const endWait = LoadGraph.wait(from, flight)
      if (fiber !== undefined) tracing.listener?.waits(fiber, flight)
      // in a closed scope the load ends before it begins
      if (isClosed) flight.stop()
      else flight.begin(caller)
      return { flight, endWait }
    }

    return {
      join: (fiber, key, epoch, caller) => enter(fiber, undefined, key, epoch, caller, false, noBound).flight,
      load: (key, epoch, start, options) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.withFiberRuntime((fiber) => {
            const from = LoadGraph.of(fiber)
            const cycle = LoadGraph.cycle(from, owner, key)
            if (cycle !== undefined) return cycle
            const { alone = false, awaitsEnd = false, bound = noBound } = options ?? {}
            const caller = new Waiting(start, awaitsEnd)
            const { endWait, flight } = enter(fiber, from, key, epoch, caller, alone, bound)
            return Effect.onExit(restore(caller.awaited), () =>
              Effect.sync(() => {
                endWait()
                // without an outcome, it is the caller that was interrupted
                flight.leave(caller)
              })
            )
          })
        ),
      start: (key, epoch, start, onFailure) =>
        Effect.sync(() => {
          const caller = new Waiting(start, false, onFailure)
          const { flight } = enter(undefined, undefined, key, epoch, caller, false, noBound)
          flight.keep()
          return Effect.uninterruptibleMask((restore) =>
            Effect.withFiberRuntime((fiber) => {
              tracing.listener?.waits(fiber, flight)
              return (
                LoadGraph.cycle(LoadGraph.of(fiber), owner, key) ?? LoadGraph.waiting(flight, restore(caller.awaited))
              )
            })
          )
        })
    }
  })
