/**
 * A load that runs, and its callers. The load is no fiber: it is called back by Redis, and forks a fiber only for what needs one,
 * such as a lookup that waits.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Eager from "../../internal/effect/Eager.js"
import type * as SharedFibers from "../../internal/effect/SharedFibers.js"
import type { Awaited } from "../../internal/Tracing.js"
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
export interface Flight<in A = never, in E = never> extends LoadGraph.Load, Awaited {
  /** the epoch of its key when it began */
  readonly epoch: number
  /** The creation time of the value that its lookup will answer; Infinity before the lookup begins. */
  createdAt: number
  /** Nothing that the load does counts any more: its last caller has left, or the scope is closed. */
  readonly isStopped: boolean
  /** Called once when the flight ends, stopped or not. */
  onEnd: () => void
  /** the number of callers that have joined so far */
  readonly joined: () => number
  /** Lets later callers start another flight. */
  readonly close: () => void
  /**
   * Answers the callers that are not late, except those that await the end. From now on the flight runs to its end, with or
   * without callers. Closing the scope awaits it.
   */
  readonly answer: (completed: Completed<A>) => void
  /** Answers the callers that are left. */
  readonly end: (exit: Exit.Exit<Completed<A>, E>) => void
  /**
   * Continues with the exit of an effect: at once where the effect is an `Exit`, else from a fiber of the flight. Not called
   * after the flight has stopped. What `next` throws ends the flight.
   */
  readonly run: <B, E2>(effect: Effect.Effect<B, E2>, next: (exit: Exit.Exit<B, E2>) => void) => void
  /** Makes a callback that does nothing after the flight has stopped. What it throws ends the flight. */
  readonly callback: <B>(next: (value: B) => void) => (value: B) => void
}

/**
 * Starts the load of a flight.
 *
 * @since 0.2.0
 * @category models
 */
export type Start<A, E> = (flight: Flight<A, E>) => void

/**
 * A caller of a flight.
 *
 * @since 0.2.0
 * @category models
 */
export interface FlightCaller<A, E> {
  /** Whether it wants the end of the flight, and no earlier answer. */
  readonly awaitsEnd: boolean
  /** Starts the load, where the caller is the first one. */
  readonly start: Start<A, E>
  /**
   * Receives the outcome, once. `isLate`: it joined too late for the value, and must read again. `position` is the number of
   * callers before it.
   */
  readonly onOutcome: (exit: Exit.Exit<Completed<A>, E>, isLate: boolean, position: number) => void
}

/**
 * The flights of one cache.
 *
 * @since 0.2.0
 * @category models
 */
export interface Flights<A, E> {
  readonly fork: SharedFibers.Fork
  /** those that callers may join, by their keys */
  readonly open: Map<string, RunningFlight<A, E>>
  readonly running: Set<RunningFlight<A, E>>
  /** Called when no flight runs any more. */
  onIdle: () => void
}

/**
 * @since 0.2.0
 * @category models
 */
export class RunningFlight<A, E> extends LoadGraph.Load implements Flight<A, E> {
  createdAt = Number.POSITIVE_INFINITY
  isStopped = false
  onEnd = () => {}
  waitingSpans: unknown
  /** callers that still need the result; `start` counts as one that never leaves */
  private needed = 0
  /** callers so far */
  private count = 0
  private callers: Array<FlightCaller<A, E>> = []
  private positions: Array<number> = []
  private isLookedUp = false
  private exit: Exit.Exit<Completed<A>, E> | undefined
  private fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined

  constructor(
    owner: LoadGraph.Load["owner"],
    key: string,
    readonly epoch: number,
    private readonly flights: Flights<A, E>
  ) {
    super(owner, key, true)
    flights.running.add(this)
  }

  joined(): number {
    return this.count
  }

  close(): void {
    const { open } = this.flights
    if (this.key !== undefined && open.get(this.key) === this) open.delete(this.key)
  }

  add(caller: FlightCaller<A, E>): void {
    this.needed++
    this.callers.push(caller)
    this.positions.push(this.count++)
  }

  begin(caller: FlightCaller<A, E>): void {
    try {
      caller.start(this)
    } catch (defect) {
      this.end(Exit.die(defect))
    }
  }

  answer(completed: Completed<A>): void {
    this.isLookedUp = true
    this.conclude(Exit.succeed(completed), completed.joinedBefore, false)
  }

  end(exit: Exit.Exit<Completed<A>, E>): void {
    if (this.exit !== undefined) return
    this.exit = exit
    this.hasEnded = true
    this.close()
    this.onEnd()
    this.conclude(exit, Exit.isSuccess(exit) ? exit.value.joinedBefore : Number.POSITIVE_INFINITY, true)
    this.flights.running.delete(this)
    if (this.flights.running.size === 0) this.flights.onIdle()
  }

  /** Answers the callers that joined before a position, or all of them. The others stay. */
  private conclude(exit: Exit.Exit<Completed<A>, E>, joinedBefore: number, isEnd: boolean): void {
    const { callers, positions } = this
    // each caller may call the flight again
    this.callers = []
    this.positions = []
    for (let i = 0; i < callers.length; i++) {
      const caller = callers[i]
      const position = positions[i] ?? 0
      if (caller === undefined) continue
      const isLate = position >= joinedBefore
      if (isEnd || !(isLate || caller.awaitsEnd)) caller.onOutcome(exit, isLate, position)
      else {
        this.callers.push(caller)
        this.positions.push(position)
      }
    }
  }

  callback<B>(next: (value: B) => void): (value: B) => void {
    return (value) => {
      if (this.isStopped) return
      try {
        next(value)
      } catch (defect) {
        this.end(Exit.die(defect))
      }
    }
  }

  run<B, E2>(effect: Effect.Effect<B, E2>, next: (exit: Exit.Exit<B, E2>) => void): void {
    if (Eager.isExit(effect)) {
      next(effect)
      return
    }
    const fiber = this.flights.fork(effect, { updateRefs: LoadGraph.refsOf(this) })
    this.fiber = fiber
    // its first steps may have stopped the flight
    if (this.isStopped) fiber.unsafeInterruptAsFork(FiberId.none)
    const ended = this.callback(next)
    fiber.addObserver((exit) => {
      this.fiber = undefined
      if (this.isStopped) this.end(Exit.interrupt(FiberId.none))
      else ended(exit)
    })
  }

  /** Ends the load, unless its lookup has ended: then it only stores what it has. */
  stop(): void {
    if (this.isLookedUp || this.isStopped || this.exit !== undefined) return
    this.isStopped = true
    this.close()
    // not awaited: the end of a lookup may take any time
    if (this.fiber !== undefined) this.fiber.unsafeInterruptAsFork(FiberId.none)
    else this.end(Exit.interrupt(FiberId.none))
  }

  /** Takes a caller out that was interrupted. One that has its answer changes nothing. */
  leave(caller: FlightCaller<A, E>): void {
    const place = this.callers.indexOf(caller)
    if (place === -1) return
    this.callers.splice(place, 1)
    this.positions.splice(place, 1)
    this.needed--
    if (this.needed === 0) this.stop()
  }

  /** Lets the flight run to its end without callers. */
  keep(): void {
    this.needed++
  }
}
