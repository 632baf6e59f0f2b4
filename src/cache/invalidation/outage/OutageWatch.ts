/**
 * Watches the connection, and closes reads from the start of an outage until its end has been handled (rule 10 of
 * docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as MonotonicClock from "../../../internal/MonotonicClock.js"
import type { RedisClient } from "../../../redis/RedisClient.js"
import { type RedisError, RedisUnavailable } from "../../../redis/RedisError.js"
import type { CircuitState, ConnectionState } from "../../../redis/RedisStatus.js"
import { type ReadFailure, readFailureOf } from "./ReadFailure.js"
import { queryServerTime } from "./ServerTimeQuery.js"

/**
 * Fields and not functions, since every read looks at them.
 *
 * @since 0.1.0
 * @category models
 */
export interface OutageState {
  /** The generation whose replies are used; undefined during an outage. */
  readonly openGeneration: number | undefined
  /** Why nothing is read while no generation is open. */
  readonly failure: ReadFailure
}

/**
 * The state as the watch changes it.
 *
 * @since 0.1.0
 * @category models
 */
export type MutableState = { -readonly [Field in keyof OutageState]: OutageState[Field] }

/**
 * The server's answer to TIME at the end of an outage.
 *
 * @since 0.2.0
 * @category models
 */
export interface TimeAfterOutage {
  /** in milliseconds */
  readonly serverTime: number
  /** when it was asked for, by the monotonic clock */
  readonly sentAt: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface OutageWatchOptions {
  readonly redis: Pick<RedisClient.Service, "statusChanges" | "circuitChanges" | "send" | "serverTime">
  readonly state: MutableState
  /** Runs before each change of the connection is handled, the end of the open generation among them. */
  readonly onChange: Effect.Effect<void>
  /** Runs after an outage, while reads are still closed. */
  readonly onOutageEnded: (time: TimeAfterOutage) => Effect.Effect<void>
  /** Runs in the step in which reads open after an outage. */
  readonly onOpen: () => void
  /** Runs when the circuit has closed on the generation that was open before. */
  readonly onCircuitClosed: () => void
}

/** The reason why nothing is read. `Connecting`: a new connection stands, and the outage before it is being handled. */
const reasonOf = (state: ConnectionState, circuit: CircuitState): RedisUnavailable["reason"] => {
  if (state._tag === "Disabled" || state._tag === "Connecting") return state._tag
  if (state._tag !== "Connected") return "Disconnected"
  return circuit === "Closed" ? "Connecting" : "CircuitOpen"
}

const failureOf = (state: ConnectionState, circuit: CircuitState): ReadFailure =>
  readFailureOf(new RedisUnavailable({ reason: reasonOf(state, circuit) }))

/**
 * The state of the connection now. A cache reads it before it sends anything, so that its watch misses no generation.
 *
 * @since 0.1.0
 * @category constructors
 */
export const initialState = (redis: Pick<RedisClient.Service, "getStatus">): Effect.Effect<MutableState> =>
  Effect.map(redis.getStatus, ({ circuit, connected, generation, state }) => ({
    openGeneration: connected ? generation : undefined,
    failure: failureOf(state, circuit)
  }))

/**
 * Keeps the state up to date as long as the scope is open.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({
  onChange,
  onCircuitClosed,
  onOpen,
  onOutageEnded,
  redis,
  state
}: OutageWatchOptions): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    /** Changes are handled one at a time. */
    const one = (yield* Effect.makeSemaphore(1)).withPermits(1)
    /** The generation that ended the last outage that was handled. */
    let handledGeneration = state.openGeneration

    const askTime = Effect.flatMap(MonotonicClock.millis, (sentAt) =>
      Effect.map(queryServerTime(redis), (serverTime): TimeAfterOutage => ({ serverTime, sentAt }))
    )
    const timeAfterOutage = askTime.pipe(
      Effect.retry({ schedule: Schedule.spaced("100 millis"), while: (error) => error._tag !== "RedisAuthError" }),
      // a right that is missing is not granted within a moment: reads then report it as their reason
      Effect.tapError((error: RedisError) =>
        Effect.sync(() => {
          state.failure = readFailureOf(error)
        })
      ),
      Effect.retry(Schedule.union(Schedule.exponential("1 second"), Schedule.spaced("30 seconds")))
    )

    /** Undefined when a later generation has replaced this one, which is then opened instead. */
    const timeOf = (generation: number) =>
      Effect.raceFirst(
        timeAfterOutage,
        redis.statusChanges.pipe(
          Stream.filter((state) => state._tag === "Connected" && state.generation !== generation),
          Stream.runHead,
          Effect.as(undefined)
        )
      )

    const open = (generation: number) =>
      Effect.flatMap(timeOf(generation), (time) =>
        time === undefined
          ? Effect.void
          : Effect.map(onOutageEnded(time), () => {
              onOpen()
              state.openGeneration = generation
              handledGeneration = generation
            })
      )

    /**
     * Closes reads at once, and answers the generation to open, if there is one. An open circuit closes reads too, since
     * every command is rejected. Its generation stands and missed nothing, so that it opens again without a question.
     */
    const changed = ([connection, circuit]: readonly [ConnectionState, CircuitState]): number | undefined => {
      const generation = connection._tag === "Connected" && circuit === "Closed" ? connection.generation : undefined
      if (generation !== undefined && generation === state.openGeneration) return undefined
      state.failure = failureOf(connection, circuit)
      state.openGeneration = undefined
      if (generation === undefined || generation !== handledGeneration) return generation
      state.openGeneration = generation
      onCircuitClosed()
      return undefined
    }

    // every cache starts a watch: two streams without operators take half of the time of a zipped one
    let connection: ConnectionState | undefined
    let circuit: CircuitState | undefined
    let opening: Fiber.RuntimeFiber<void, RedisError> | undefined

    /** Handles a change. It ends the opening of an earlier generation, and starts the next one. */
    const handle = Effect.suspend(() => {
      if (connection === undefined || circuit === undefined) return Effect.void
      const change = [connection, circuit] as const
      return Effect.flatMap(onChange, () => {
        const generation = changed(change)
        const before = opening
        opening = undefined
        const next =
          generation === undefined
            ? Effect.void
            : Effect.map(Effect.forkIn(open(generation), scope), (fiber) => {
                opening = fiber
              })
        return before === undefined ? next : Effect.zipRight(Fiber.interrupt(before), next)
      })
    })

    const watch = <A>(changes: Stream.Stream<A>, note: (change: A) => void) =>
      Stream.runForEach(changes, (change) =>
        one(
          Effect.suspend(() => {
            note(change)
            return handle
          })
        )
      ).pipe(Effect.interruptible, Effect.forkScoped)

    yield* watch(redis.statusChanges, (change) => {
      connection = change
    })
    yield* watch(redis.circuitChanges, (change) => {
      circuit = change
    })
  })
