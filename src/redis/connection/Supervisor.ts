/**
 * Keeps one connection alive for ever: dials, checks, watches, and dials again.
 *
 * A *generation* is one connection from its first to its last reply. It lives in a Scope of its own. When it ends,
 * commands in flight fail with an unknown outcome, and a Schedule dials the next one.
 *
 * @since 0.1.0
 */

import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as Stall from "../../internal/Stall.js"
import { isReadOnly } from "../CommandRejection.js"
import type { RedisArgument, RedisConnection, RedisDriver } from "../RedisConnection.js"
import { isOutcomeUnknown, RedisConnectError, type RedisError } from "../RedisError.js"
import { type ConnectionFailure, ConnectionState, type RedisServerInfo, type ServerLimitation } from "../RedisStatus.js"
import * as ServerTime from "../ServerTime.js"
import type { CircuitBreaker } from "./CircuitBreaker.js"
import * as Handshake from "./Handshake.js"
import * as Limitations from "./Limitations.js"
import { observedConnections, unnamed } from "./ObservedConnections.js"
import type { CommandQueue } from "./queue/CommandQueue.js"
import * as Reconnection from "./Reconnection.js"
import * as ServerRole from "./ServerRole.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface SupervisorOptions extends Reconnection.ReconnectionSchedules {
  /** for the dial and the handshake together */
  readonly connectTimeout: Duration.Duration
  /** how long `make` waits for the first dial */
  readonly startTimeout: Duration.Duration
  readonly heartbeatInterval: Duration.Duration
  /** the name of the connection on the server */
  readonly clientName: string
  /** whether a replica will do */
  readonly allowReplica: boolean
  /** run when a connection leads to another primary, or again to one */
  readonly moved: Effect.Effect<void>
  /** Numbers the connections. Default 1, 2, 3, …; several servers of one client share their numbers. */
  readonly nextGeneration?: (() => number) | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Supervisor {
  /** the state, without a fiber */
  readonly currentState: () => ConnectionState
  readonly state: SubscriptionRef.SubscriptionRef<ConnectionState>
  readonly changes: Stream.Stream<ConnectionState>
  readonly facts: () => ConnectionFacts
  readonly clockOffsetMillis: () => number
  /** Looks at each error of a command: `READONLY` ends the connection, since the next one may lead to the new primary. */
  readonly noticed: (error: RedisError) => RedisError
  /** Ends the connection and the supervision for good. */
  readonly close: Effect.Effect<void>
}

/**
 * Facts about the connection besides its state.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectionFacts {
  readonly generation: number
  readonly bufferedAmount: number
  readonly server: Option.Option<RedisServerInfo>
  readonly limitations: ReadonlyArray<ServerLimitation>
  readonly address: Option.Option<string>
  readonly latency: Option.Option<Duration.Duration>
  readonly clockOffsetMillis: number
  readonly lastFailure: Option.Option<ConnectionFailure>
}

/**
 * Waits for the start of a client, but not longer than its `startTimeout`.
 *
 * @since 0.2.0
 * @category combinators
 */
export const awaitStart = (started: Deferred.Deferred<void>, timeout: Duration.Duration): Effect.Effect<void> =>
  Duration.isFinite(timeout)
    ? Effect.raceFirst(Deferred.await(started), Effect.sleep(timeout))
    : Deferred.await(started)

/**
 * Starts the supervision in the scope and returns when the first dial has ended, whether it succeeded or not, or when
 * `startTimeout` is over.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  driver: RedisDriver,
  queue: CommandQueue,
  breaker: CircuitBreaker,
  options: SupervisorOptions
): Effect.Effect<Supervisor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const state = yield* SubscriptionRef.make<ConnectionState>(ConnectionState.Connecting())
    const firstDialEnded = yield* Deferred.make<void>()

    let generation = 0
    let connection: RedisConnection | undefined
    let previous: Handshake.ServerIdentity | undefined
    let server: Option.Option<RedisServerInfo> = Option.none()
    let limitations: ReadonlyArray<ServerLimitation> = []
    const warned = new Set<string>()
    let address: Option.Option<string> = Option.none()
    let latency: Option.Option<Duration.Duration> = Option.none()
    let clockOffsetMillis = 0
    let lastFailure: ConnectionFailure | undefined
    /** completed when a reply on the present connection was `READONLY` */
    let readOnly = Deferred.unsafeMake<void>(FiberId.none)

    let currentState: ConnectionState = ConnectionState.Connecting()
    const become = (next: ConnectionState) => {
      currentState = next
      return SubscriptionRef.set(state, next)
    }

    const learnTime = (command: Effect.Effect<unknown, RedisError>) =>
      Effect.gen(function* () {
        const before = yield* MonotonicClock.millis
        const reply = yield* command
        const after = yield* MonotonicClock.millis
        latency = Option.some(Duration.millis(after - before))
        const serverTime = ServerTime.millisOf(reply)
        // The reply was written between the two times, and their middle is the best guess. A known offset that agrees with
        // the reply is at least as good, since a stall of the process makes round trips long.
        if (serverTime === undefined) return
        const guess = serverTime - (before + after) / 2
        if (Math.abs(guess - clockOffsetMillis) > (after - before) / 2) clockOffsetMillis = guess
      })

    const probe = (command: string, args: ReadonlyArray<RedisArgument>) =>
      Effect.map(queue.probe(command, args), ({ value }) => value)

    const replica = (detail: string) => new RedisConnectError({ reason: "Replica", address: driver.address, detail })

    const warnOnce = ({ advice }: ServerLimitation) =>
      Effect.suspend(() => {
        if (warned.has(advice)) return Effect.void
        warned.add(advice)
        return Effect.logWarning(advice)
      })

    /** A right may be taken away from a connection that stands. */
    const noteTime = (time: Either.Either<unknown, RedisError>) => {
      const found = Limitations.of("TIME", time)
      if (Either.isLeft(time) && found.length === 0) return Effect.void
      limitations = limitations.filter(({ command }) => command !== "TIME").concat(found)
      return Effect.forEach(found, warnOnce, { discard: true })
    }

    /**
     * A heartbeat fails when the server has become a replica. A time-out is counted by the queue, and an error reply is a
     * sign of life too.
     */
    const heartbeat = Effect.suspend(() => {
      const isReplica = options.allowReplica ? Effect.succeed(false) : ServerRole.make(probe)
      return Effect.either(learnTime(probe("TIME", []))).pipe(
        Effect.tap(noteTime),
        // a silent server gets no other command before the next beat
        Effect.flatMap((time) =>
          Either.isLeft(time) && isOutcomeUnknown(time.left) ? Effect.succeed(false) : isReplica
        ),
        Effect.flatMap((found) => (found ? Effect.fail(replica("by its ROLE")) : Effect.void)),
        Effect.delay(options.heartbeatInterval),
        Effect.forever
      )
    })

    /** One connection from dial to end; always fails, with what ended it. */
    const live = (connected: Effect.Effect<void>) =>
      Effect.gen(function* () {
        const dialledAt = yield* MonotonicClock.millis
        const next = yield* driver.connect
        const identity = yield* Handshake.run(next, driver, {
          clientName: options.clientName,
          knownOffsetMillis: clockOffsetMillis
        })
        if (identity.isReplica && !options.allowReplica) return yield* Effect.fail(replica("by its ROLE"))
        yield* Handshake.dropPrevious(next, previous, identity)
        const took = (yield* MonotonicClock.millis) - dialledAt
        observedConnections.listener?.onConnect(driver.address ?? unnamed, took)
        return { next, identity }
      }).pipe(
        Stall.timeoutFail({
          duration: options.connectTimeout,
          onTimeout: () =>
            new RedisConnectError({
              reason: "Timeout",
              address: driver.address,
              detail: `after ${Duration.format(options.connectTimeout)}`
            })
        }),
        Effect.flatMap(({ identity, next }) =>
          Effect.gen(function* () {
            generation = options.nextGeneration?.() ?? generation + 1
            connection = next
            previous = identity
            server = Option.some(identity.server)
            limitations = identity.limitations
            address = Option.fromNullable(driver.address)
            clockOffsetMillis = identity.clockOffsetMillis
            breaker.reset()
            readOnly = Deferred.unsafeMake(FiberId.none)
            const givenUp = yield* queue.open(next, generation)
            yield* Effect.addFinalizer(() =>
              Effect.suspend(() => {
                connection = undefined
                return queue.shut("Disconnected")
              })
            )
            if (Reconnection.hasMoved(lastFailure)) yield* options.moved
            yield* connected
            yield* become(ConnectionState.Connected({ generation }))
            yield* Deferred.succeed(firstDialEnded, undefined)
            yield* Effect.logInfo(`connected to ${identity.server.name} ${identity.server.version}`)
            yield* Effect.forEach(limitations, warnOnce, { discard: true })
            const closed = Effect.flatMap(Deferred.await(next.closed), () =>
              Effect.fail(
                new RedisConnectError({
                  reason: "Closed",
                  address: driver.address,
                  detail: "by the server or the network"
                })
              )
            )
            const rejectsWrites = Effect.zipRight(Deferred.await(readOnly), Effect.fail(replica("it answers READONLY")))
            return yield* Effect.raceFirst(
              Effect.raceFirst(closed, rejectsWrites),
              Effect.raceFirst(
                Effect.flatMap(Deferred.await(givenUp), Effect.fail),
                driver.watch === undefined ? heartbeat : Effect.raceFirst(heartbeat, driver.watch)
              )
            )
          })
        ),
        Effect.scoped,
        Effect.tapError((failure) =>
          Effect.sync(() => {
            lastFailure = failure
            const cause = failure._tag === "RedisConnectError" ? failure.reason : failure._tag
            observedConnections.listener?.onDisconnect(driver.address ?? unnamed, cause)
          })
        )
      )

    const supervise = Reconnection.forever(live, options, (next) =>
      Effect.zipRight(become(next), Deferred.succeed(firstDialEnded, undefined))
    ).pipe(Effect.annotateLogs("service", "RedisClient"))

    const fiber = yield* Effect.forkScoped(supervise)
    const close = yield* Effect.once(
      Effect.gen(function* () {
        yield* Fiber.interrupt(fiber)
        yield* queue.shut("Disabled")
        yield* become(ConnectionState.Disabled())
      })
    )
    yield* Effect.addFinalizer(() => close)
    yield* awaitStart(firstDialEnded, options.startTimeout)

    return {
      currentState: () => currentState,
      state,
      changes: state.changes,
      clockOffsetMillis: () => clockOffsetMillis,
      noticed: (error) => {
        if (!options.allowReplica && isReadOnly(error)) Deferred.unsafeDone(readOnly, Exit.void)
        return error
      },
      facts: () => ({
        generation,
        bufferedAmount: connection?.bufferedAmount() ?? 0,
        server,
        limitations,
        address,
        latency,
        clockOffsetMillis: Math.round(
          MonotonicClock.unsafeMillis(clock) + clockOffsetMillis - clock.unsafeCurrentTimeMillis()
        ),
        lastFailure: Option.fromNullable(lastFailure)
      }),
      close
    }
  })
