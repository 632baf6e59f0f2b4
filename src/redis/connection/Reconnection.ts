/**
 * Dials one connection after another, without end, with pauses between them, and reports the states of the meantime.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as Schedule from "effect/Schedule"
import { type ConnectionFailure, ConnectionState } from "../RedisStatus.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface ReconnectionSchedules {
  /** the pauses before dialling again; when it is used up the client is `Unavailable` */
  readonly reconnect: Schedule.Schedule<unknown>
  /** the pauses between probes while it is `Unavailable`; should never end */
  readonly probe: Schedule.Schedule<unknown>
}

/**
 * The default retries: after 1, 2, 4, 8 and 16 seconds.
 *
 * @since 0.1.0
 * @category schedules
 */
export const defaultReconnect: Schedule.Schedule<unknown> = Schedule.exponential("1 second", 2).pipe(
  Schedule.intersect(Schedule.recurs(5))
)

/**
 * About every 30 seconds, for ever; jittered, so that many processes do not come back at once.
 *
 * @since 0.1.0
 * @category schedules
 */
export const defaultProbe: Schedule.Schedule<unknown> = Schedule.jittered(Schedule.spaced("30 seconds"))

/** A setting is wrong, and dialling fast will not mend it. */
const needsAttention = (failure: ConnectionFailure): boolean =>
  failure._tag === "RedisAuthError" ||
  (failure._tag === "RedisConnectError" && ["Tls", "Database", "Address", "Unsupported"].includes(failure.reason))

/** Whether the connection ended, or was not taken, because the server is a replica. */
const isReplica = (failure: ConnectionFailure | undefined): boolean =>
  failure?._tag === "RedisConnectError" && failure.reason === "Replica"

/** Whether the connection ended, or was not taken, because another server is the primary. */
export const hasMoved = (failure: ConnectionFailure | undefined): boolean =>
  isReplica(failure) || (failure?._tag === "RedisConnectError" && failure.reason === "Superseded")

const kindOf = (failure: ConnectionFailure): string =>
  "reason" in failure ? `${failure._tag} ${failure.reason}` : failure._tag

/**
 * Runs `live` again whenever it has failed. `live` is one connection from dial to end. Once connected, it runs the effect
 * that it receives, which resets the schedules. `became` runs with the state of each pause before the pause begins.
 *
 * A server that is found to be a replica only once it is connected resets no schedule. An address that always leads to a
 * replica is therefore dialled ever more slowly.
 *
 * A failure that needs a person is probed slowly at once: wrong password, missing rights, TLS, address, database index, no
 * RESP3. Each kind of failure is logged once until the next success, as a warning where `warns` says so.
 *
 * @since 0.1.0
 * @category constructors
 */
export const forever = (
  live: (connected: Effect.Effect<void>) => Effect.Effect<never, ConnectionFailure>,
  schedules: ReconnectionSchedules,
  became: (state: ConnectionState) => Effect.Effect<void>,
  warns: (attempt: number) => Effect.Effect<boolean> = () => Effect.succeed(true)
): Effect.Effect<never> =>
  Effect.suspend(() => {
    let attempt = 0
    let failure: ConnectionFailure | undefined
    let unavailableSince: DateTime.Utc | undefined
    const logged = new Set<string>()

    /** The pauses of a schedule, each announced before it begins. */
    const pauses = (
      schedule: Schedule.Schedule<unknown>,
      describe: (nextIn: Duration.Duration, cause: ConnectionFailure) => Effect.Effect<ConnectionState>
    ) =>
      Schedule.driver(
        Schedule.modifyDelayEffect(schedule, (_, pause) =>
          failure === undefined
            ? Effect.succeed(pause)
            : describe(pause, failure).pipe(Effect.flatMap(became), Effect.as(pause))
        )
      )

    return Effect.gen(function* () {
      const reconnect = yield* pauses(schedules.reconnect, (nextIn, cause) =>
        Effect.succeed(ConnectionState.Reconnecting({ attempt, nextIn, cause }))
      )
      const probe = yield* pauses(schedules.probe, (nextIn, cause) =>
        Effect.map(unavailableSince === undefined ? DateTime.now : Effect.succeed(unavailableSince), (since) => {
          unavailableSince = since
          return ConnectionState.Unavailable({ since, nextIn, cause })
        })
      )
      const startAfresh = Effect.suspend(() => {
        attempt = 0
        failure = undefined
        unavailableSince = undefined
        logged.clear()
        return Effect.zipRight(reconnect.reset, probe.reset)
      })
      const connected = Effect.suspend(() => (isReplica(failure) ? Effect.void : startAfresh))

      while (true) {
        const cause: ConnectionFailure = yield* Effect.flip(live(connected))
        if (isReplica(failure) && !isReplica(cause)) yield* startAfresh
        attempt++
        if (!logged.has(kindOf(cause))) {
          const level = (yield* warns(attempt)) ? LogLevel.Warning : LogLevel.Debug
          if (level === LogLevel.Warning) logged.add(kindOf(cause))
          yield* Effect.logWithLevel(level, `not connected: ${cause.message}`)
        }
        failure = cause
        const slowly = unavailableSince !== undefined || needsAttention(cause)
        if (slowly || !(yield* Effect.isSuccess(reconnect.next(undefined)))) yield* Effect.ignore(probe.next(undefined))
      }
    })
  })
