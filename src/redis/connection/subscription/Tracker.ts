/**
 * The keys that a server pushes when they change (CLIENT TRACKING, mode BCAST). They have a connection of their own, which is
 * dialled for the first listener and ends with the last one. So its output on the server has the bounds of a subscriber. On a
 * server without BCAST the connection of commands tracks what it reads (`CommandTracking`).
 *
 * A connection tells the server its prefixes before it listens, and cannot add one later. So a new prefix ends the connection,
 * and the next one has all of them. Each connection begins with a gap. A refusal is tried again at the pace of probes, since an
 * operator may grant the right meanwhile.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SharedFibers from "../../../internal/effect/SharedFibers.js"
import * as Stall from "../../../internal/Stall.js"
import { type RedisDriver, type RedisSubscriberConnection, trackingChannel } from "../../RedisConnection.js"
import { RedisConnectError, type RedisError, type RedisServerError, RedisUnavailable } from "../../RedisError.js"
import type { RedisExecutor, TrackingEvent, TrackingState } from "../../RedisExecutor.js"
import type { ConnectionFailure } from "../../RedisStatus.js"
import * as Reconnection from "../Reconnection.js"
import type { CommandTracking } from "./CommandTracking.js"

export interface TrackerOptions extends Reconnection.ReconnectionSchedules {
  readonly connectTimeout: Duration.Duration
  /** for each command of the connection */
  readonly subscribeTimeout: Duration.Duration
  /** between signs of life */
  readonly heartbeatInterval: Duration.Duration
  /** of the connection, in the server's CLIENT LIST */
  readonly clientName: string
  /** whether commands can be sent at this moment */
  readonly isConnected: Effect.Effect<boolean>
  /** the connections of commands, for a server without BCAST */
  readonly commands: CommandTracking
}

export interface Tracker {
  readonly track: NonNullable<RedisExecutor["track"]>
  /** Ends the connection for the next one to lead where the address leads now. */
  readonly redial: Effect.Effect<void>
  /** Ends every listener with `RedisUnavailable`, reason `Disabled`, now and from now on. */
  readonly close: Effect.Effect<void>
}

interface Listener {
  readonly prefix: string
  readonly hear: (event: TrackingEvent) => void
  readonly end: (exit: Effect.Effect<never, RedisError>) => void
}

/** The prefixes that begin with no other one: a server rejects prefixes of which one contains another. */
const widest = (prefixes: ReadonlyArray<string>): ReadonlyArray<string> => {
  const kept: Array<string> = []
  // a prefix sorts before all that begin with it
  for (const prefix of [...prefixes].sort()) if (!kept.some((wider) => prefix.startsWith(wider))) kept.push(prefix)
  return kept
}

/** Beats that may stay away before the connection ends. */
const missedBeatsToEnd = 2

const connecting: TrackingState = { _tag: "Connecting" }
const allHeard: TrackingState = { _tag: "Active", heard: "AllKeys" }
const readHeard: TrackingState = { _tag: "Active", heard: "ReadKeys" }
const disabled = Effect.fail(new RedisUnavailable({ reason: "Disabled" }))

const refused = (reason: string, remedy: string): TrackingState => ({ _tag: "Refused", reason, remedy })

const unsupported = refused("this driver reads no CLIENT TRACKING", "use /SocketRedis or /IoRedis")

/** Why a server does not track; undefined where the connection has ended, and the next one may track. */
const refusalOf = (error: RedisError): TrackingState | undefined => {
  switch (error._tag) {
    case "RedisAuthError":
      return refused(error.message, `ACL SETUSER <user> +client|id +client|tracking &${trackingChannel}`)
    case "RedisServerError":
      return refused(
        error.message,
        "use Redis 6, Valkey, or a server whose CLIENT TRACKING works by RESP3, by /SocketRedis"
      )
    default:
      return undefined
  }
}

export const make = (driver: RedisDriver, options: TrackerOptions): Effect.Effect<Tracker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fork = yield* SharedFibers.fork
    const listeners = new Set<Listener>()
    const isWanted = Effect.unsafeMakeLatch(false)
    let state: TrackingState = connecting
    /** the present connection: what it tracks, and what ends it for the next one */
    let current: { readonly prefixes: ReadonlyArray<string>; readonly ending: Deferred.Deferred<void> } | undefined
    let supervision: Fiber.RuntimeFiber<never> | undefined
    let isClosed = false

    const tell = (event: TrackingEvent) => {
      for (const listener of listeners) listener.hear(event)
    }
    const isRefused = () => state._tag === "Refused"
    const become = (next: TrackingState) => {
      state = next
      tell({ _tag: "State", state })
    }

    const closedWith = (reason: "Closed" | "Timeout" | "Unsupported", detail: string) =>
      Effect.suspend(() => Effect.fail(new RedisConnectError({ reason, address: driver.address, detail })))

    const send = (command: string, run: () => Promise<unknown>) =>
      Effect.tryPromise({ try: run, catch: (cause) => driver.toError(command, cause) }).pipe(
        Effect.interruptible,
        Stall.timeoutFail({
          duration: options.subscribeTimeout,
          onTimeout: () =>
            new RedisConnectError({ reason: "Timeout", address: driver.address, detail: `of ${command}` })
        })
      )

    /** A failure of a command that makes the server track. */
    const failed = (error: RedisError | RedisConnectError) =>
      Effect.suspend((): Effect.Effect<never, ConnectionFailure> => {
        if (error._tag === "RedisConnectError") return Effect.fail(error)
        const refusal = refusalOf(error)
        if (refusal === undefined) return closedWith("Closed", "while it began to track")
        become(refusal)
        // both are probed slowly
        return error._tag === "RedisAuthError" ? Effect.fail(error) : closedWith("Unsupported", error.message)
      })

    const onMessage = (key: string) => {
      if (key === "") return tell({ _tag: "Flush" })
      const event: TrackingEvent = { _tag: "Key", key }
      for (const listener of listeners) if (key.startsWith(listener.prefix)) listener.hear(event)
    }

    /** An error reply is a sign of life too, as for want of the right to PING. */
    const beats = ({ ping }: RedisSubscriberConnection): Effect.Effect<never, ConnectionFailure> =>
      ping === undefined
        ? Effect.never
        : Effect.ignore(Effect.tryPromise(ping)).pipe(
            Effect.interruptible,
            Stall.timeoutFail({
              duration: Duration.times(options.heartbeatInterval, missedBeatsToEnd),
              onTimeout: () =>
                new RedisConnectError({
                  reason: "Closed",
                  address: driver.address,
                  detail: "its own beats stayed away"
                })
            }),
            Effect.delay(options.heartbeatInterval),
            Effect.forever
          )

    /** Notes what is tracked for the life of the scope. Answers what ends it. */
    const tracking = (prefixes: ReadonlyArray<string>) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const ending = Deferred.unsafeMake<void>(FiberId.none)
          current = { prefixes, ending }
          return Effect.as(Deferred.await(ending), "Again" as const)
        }),
        () =>
          Effect.sync(() => {
            current = undefined
            lost()
          })
      )
    const lost = () => {
      if (state._tag === "Active") become(connecting)
    }
    const begun = (now: TrackingState, connected: Effect.Effect<void>) =>
      Effect.suspend(() => {
        become(now)
        tell({ _tag: "Gap" })
        return connected
      })

    /** One connection of its own, and what is to follow it at once. */
    const ownConnection = (connected: Effect.Effect<void>) =>
      Effect.gen(function* () {
        yield* isWanted.await
        const opened = yield* driver.connectSubscriber.pipe(
          Effect.timeoutTo({
            duration: options.connectTimeout,
            onSuccess: Effect.succeed,
            onTimeout: () => closedWith("Timeout", "for CLIENT TRACKING")
          }),
          Effect.flatten
        )
        const { setName, track } = opened
        if (track === undefined) return "Unsupported"
        if (setName !== undefined) yield* Effect.ignore(send("CLIENT", () => setName(options.clientName)))
        const prefixes = widest(Array.from(listeners, ({ prefix }) => prefix))
        // without a prefix the server would push every key
        if (prefixes.length === 0) return "Again"
        const ended = yield* tracking(prefixes)
        const answer = yield* send("CLIENT TRACKING", () => track(prefixes)).pipe(
          Effect.zipRight(send("SUBSCRIBE", () => opened.subscribe(trackingChannel, onMessage))),
          Effect.raceFirst(Effect.zipRight(Deferred.await(opened.closed), closedWith("Closed", ""))),
          Effect.as(undefined),
          Effect.catchTag("RedisServerError", Effect.succeed),
          Effect.catchAll(failed)
        )
        if (answer !== undefined) return answer
        yield* begun(allHeard, connected)
        const closed = Effect.zipRight(
          Deferred.await(opened.closed),
          closedWith("Closed", "by the server or the network")
        )
        return yield* Effect.raceFirst(ended, Effect.raceFirst(closed, beats(opened)))
      }).pipe(Effect.scoped)

    /** The connections of commands, one after another, on a server that has rejected BCAST with this error. */
    const commandConnections = (rejection: RedisServerError, connected: Effect.Effect<void>) =>
      Effect.gen(function* () {
        const { commands } = options
        // every key begins with the empty prefix
        const ended = yield* tracking([""])
        yield* Effect.acquireRelease(
          Effect.sync(() => commands.listen(onMessage)),
          () =>
            Effect.suspend(() => {
              commands.listen(() => {})
              return Effect.ignore(commands.send("OFF"))
            })
        )
        const follow = Stream.runForEach(commands.generations, (generation) =>
          Effect.suspend(() => {
            lost()
            if (generation === undefined) return Effect.void
            if (!commands.readsPushes()) return failed(rejection)
            return Effect.zipRight(Effect.catchAll(commands.send("ON"), failed), begun(readHeard, connected))
          })
        )
        return yield* Effect.raceFirst(ended, Effect.zipRight(follow, closedWith("Closed", "")))
      }).pipe(Effect.scoped)

    const live = (connected: Effect.Effect<void>) =>
      Effect.forever(
        Effect.flatMap(ownConnection(connected), (next) => {
          if (next === "Again") return Effect.void
          if (next !== "Unsupported") return commandConnections(next, connected)
          become(unsupported)
          // no other connection of this driver would do
          return Effect.never
        })
      )

    // listeners hear of a refusal, and the supervisor logs a failure that the command connection has too
    const warns = (attempt: number) => (attempt < 2 || isRefused() ? Effect.succeed(false) : options.isConnected)
    const supervise = Reconnection.forever(live, options, () => Effect.void, warns).pipe(
      Effect.annotateLogs("service", "RedisClient tracking")
    )

    const endConnection = Effect.suspend(() =>
      current === undefined ? Effect.void : Deferred.succeed(current.ending, undefined)
    )

    const join = (listener: Listener) =>
      Effect.suspend(() => {
        if (isClosed) return Effect.sync(() => listener.end(disabled))
        listeners.add(listener)
        isWanted.unsafeOpen()
        listener.hear({ _tag: "State", state })
        // for all listeners: the retry policy and log annotations of the first one do not apply
        supervision ??= fork(supervise)
        if (current === undefined) return Effect.void
        if (!current.prefixes.some((wider) => listener.prefix.startsWith(wider))) return endConnection
        // what was read before it listened may have changed since
        if (state._tag === "Active") listener.hear({ _tag: "Gap" })
        return Effect.void
      })

    const leave = (listener: Listener) =>
      Effect.suspend(() => {
        listeners.delete(listener)
        if (listeners.size > 0) return Effect.void
        isWanted.unsafeClose()
        return endConnection
      })

    const close = Effect.suspend(() => {
      isClosed = true
      for (const { end } of listeners) end(disabled)
      listeners.clear()
      return supervision === undefined ? Effect.void : Fiber.interrupt(supervision)
    })
    yield* Effect.addFinalizer(() => close)

    return {
      track: (prefix, onEvent) =>
        Effect.suspend(() => {
          const ended = Deferred.unsafeMake<never, RedisError>(FiberId.none)
          const listener: Listener = {
            prefix,
            hear: (event) => {
              try {
                onEvent(event)
              } catch (defect) {
                // this listener ends, and neither the connection nor the listeners after it
                listeners.delete(listener)
                Deferred.unsafeDone(ended, Effect.die(defect))
              }
            },
            end: (exit) => Deferred.unsafeDone(ended, exit)
          }
          return Effect.acquireUseRelease(
            join(listener),
            () => Deferred.await(ended),
            () => leave(listener)
          )
        }),
      redial: endConnection,
      close
    }
  })
