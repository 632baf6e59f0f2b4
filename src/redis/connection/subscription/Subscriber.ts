/**
 * Channels, on a connection of their own that is dialled with the first subscription.
 *
 * After each dial every channel is subscribed again, and every reader receives a gap. The connection listens to its
 * own beat, published over the command connection. Two beats in a row that do not come back end it, since a silent
 * subscriber cannot otherwise be distinguished from a dead one.
 *
 * @since 0.1.0
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
import type { RedisDriver, RedisSubscriberConnection } from "../../RedisConnection.js"
import {
  type RedisAuthError,
  RedisConnectError,
  RedisConnectionLost,
  type RedisError,
  RedisTimeout,
  RedisUnavailable
} from "../../RedisError.js"
import type { SubscriptionEvent } from "../../RedisExecutor.js"
import type { ConnectionFailure } from "../../RedisStatus.js"
import { SubscriptionBuffer } from "../../SubscriptionBuffer.js"
import * as Reconnection from "../Reconnection.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface SubscriberOptions extends Reconnection.ReconnectionSchedules {
  readonly connectTimeout: Duration.Duration
  readonly subscribeTimeout: Duration.Duration
  readonly beatInterval: Duration.Duration
  /** of the connection, in the server's CLIENT LIST */
  readonly clientName: string
  /** events that a reader may be behind before it loses them */
  readonly bufferCapacity: number
  /** whether commands can be sent at this moment */
  readonly isConnected: Effect.Effect<boolean>
  /** PUBLISH over the command connection, and how many received it */
  readonly publish: (channel: string, message: string) => Effect.Effect<number, RedisError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Subscriber {
  readonly subscribe: (channel: string) => Stream.Stream<SubscriptionEvent, RedisError>
  /** Like `subscribe`, but calls `heard` in the turn in which a message arrives, for as long as the effect runs. */
  readonly listen: (channel: string, heard: (event: SubscriptionEvent) => void) => Effect.Effect<never, RedisError>
  /** Ends the connection for the next one to lead where the address leads now. */
  readonly redial: Effect.Effect<void>
  /** Ends every stream with `RedisUnavailable`, reason `Disabled`, now and from now on. */
  readonly close: Effect.Effect<void>
}

/** A listener of one channel: it receives the events, and the end of them. */
interface ChannelReader {
  readonly offer: (event: SubscriptionEvent) => void
  readonly fail: (error: RedisError) => void
}

/** beats that may stay away in a row */
const missedBeatsToEnd = 2

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (driver: RedisDriver, options: SubscriberOptions): Effect.Effect<Subscriber, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fork = yield* SharedFibers.fork
    const ended = (reason: "Closed" | "Timeout", detail: string) =>
      Effect.suspend(() => Effect.fail(new RedisConnectError({ reason, address: driver.address, detail })))
    const beatChannel = `effect-cache-toolkit:beat:${crypto.randomUUID()}`
    const readers = new Map<string, Set<ChannelReader>>()
    const disabled = new RedisUnavailable({ reason: "Disabled" })

    let current:
      | { readonly connection: RedisSubscriberConnection; readonly broken: Deferred.Deferred<ConnectionFailure> }
      | undefined
    let beatsAllowed = true
    let missed = 0
    const heardBeat = () => {
      missed = 0
    }
    /** the channel whose SUBSCRIBE failed last */
    let suspect: string | undefined
    let supervision: Fiber.RuntimeFiber<never> | undefined
    let closed = false
    /** why the last connection ended, which the readers receive with the next one */
    let gap: "Connected" | "Reconnected" | "MissedBeats" = "Connected"

    const deliver = (channel: string) => (message: string) => {
      for (const reader of readers.get(channel) ?? []) reader.offer({ _tag: "Message", channel, message })
    }

    // readers join and leave uninterruptibly, and a time-out waits for what it cannot interrupt
    const inTime = (to: RedisSubscriberConnection, command: string) => (answer: Effect.Effect<void, RedisError>) =>
      Effect.raceFirst(
        answer,
        Effect.flatMap(Deferred.await(to.closed), () => Effect.fail(new RedisConnectionLost({ command })))
      ).pipe(
        Effect.interruptible,
        Stall.timeoutFail({
          duration: options.subscribeTimeout,
          onTimeout: () => new RedisTimeout({ command, waitedMillis: Duration.toMillis(options.subscribeTimeout) })
        })
      )

    const listen = (to: RedisSubscriberConnection, channel: string, onMessage: (message: string) => void) =>
      Effect.tryPromise({
        try: () => to.subscribe(channel, onMessage),
        catch: (cause) => driver.toError("SUBSCRIBE", cause)
      }).pipe(inTime(to, "SUBSCRIBE"))

    /** A name that the server does not take, such as for want of a right, costs nothing but the name. */
    const nameIt = (connection: RedisSubscriberConnection) =>
      connection.setName === undefined
        ? Effect.void
        : Effect.tryPromise({
            try: () => connection.setName?.(options.clientName) ?? Promise.resolve(),
            catch: (cause) => driver.toError("CLIENT", cause)
          }).pipe(Effect.asVoid, inTime(connection, "CLIENT"), Effect.ignore)

    // one change of the subscriptions at a time: the driver mixes up replies that overlap
    const turn = yield* Effect.makeSemaphore(1)

    /**
     * A channel that the user has no right to is given up, or no connection would ever live. Every rejection leaves a
     * subscriber unusable and so ends the connection, but nothing is wrong with the other channels.
     */
    const listenFor = (to: RedisSubscriberConnection, channel: string) =>
      listen(to, channel, channel === beatChannel ? heardBeat : deliver(channel)).pipe(
        Effect.tapError(() =>
          Effect.sync(() => {
            suspect = channel
          })
        ),
        Effect.catchTag("RedisAuthError", (error) =>
          Effect.zipRight(giveUp(channel, error), ended("Closed", "the user may not subscribe to a channel"))
        )
      )

    const giveUp = (channel: string, error: RedisAuthError) =>
      Effect.suspend(() => {
        if (channel === beatChannel) {
          beatsAllowed = false
          return Effect.logWarning(`subscriptions cannot be watched by beats: ${error.message}`)
        }
        for (const reader of readers.get(channel) ?? []) reader.fail(error)
        readers.delete(channel)
        return Effect.void
      })

    const listenAll = (to: RedisSubscriberConnection) =>
      Effect.gen(function* () {
        const channels = beatsAllowed ? [beatChannel, ...readers.keys()] : [...readers.keys()]
        // only the first SUBSCRIBE of a connection receives the reason of a rejection; a later rejection ends the connection
        channels.sort((left, right) => Number(right === suspect) - Number(left === suspect))
        for (const channel of channels) yield* listenFor(to, channel)
        suspect = undefined
      })

    /** Ends when two beats in a row have not come back. One that cannot be published says nothing about them. */
    const beats = Effect.gen(function* () {
      missed = 0
      while (missed < missedBeatsToEnd) {
        missed++
        const receivers = yield* Effect.option(options.publish(beatChannel, "beat"))
        if (receivers._tag === "None") missed--
        else if (receivers.value === 0) missed = missedBeatsToEnd
        yield* Effect.sleep(options.beatInterval)
      }
      gap = "MissedBeats"
      return yield* ended("Closed", "its own beats stayed away")
    })

    const live = (connected: Effect.Effect<void>) =>
      Effect.gen(function* () {
        const connection = yield* driver.connectSubscriber.pipe(
          Effect.timeoutTo({
            duration: options.connectTimeout,
            onSuccess: Effect.succeed,
            onTimeout: () => ended("Timeout", "for subscriptions")
          }),
          Effect.flatten
        )
        yield* nameIt(connection)
        const broken = yield* Deferred.make<ConnectionFailure>()
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            current = undefined
          })
        )
        yield* turn.withPermits(1)(
          Effect.zipRight(
            listenAll(connection),
            Effect.sync(() => {
              current = { connection, broken }
              for (const [channel, each] of readers) {
                for (const reader of each) reader.offer({ _tag: "Gap", channel, reason: gap })
              }
            })
          )
        )
        yield* connected
        gap = "Reconnected"
        const closed = Effect.flatMap(Deferred.await(connection.closed), () =>
          ended("Closed", "by the server or the network")
        )
        const rejected = Effect.flatMap(Deferred.await(broken), Effect.fail)
        return yield* Effect.raceFirst(Effect.raceFirst(closed, rejected), beatsAllowed ? beats : Effect.never)
      }).pipe(Effect.scoped)

    // the supervisor logs a failure that the command connection has too
    const warns = (attempt: number) => (attempt < 2 ? Effect.succeed(false) : options.isConnected)
    const supervise = Reconnection.forever(live, options, () => Effect.void, warns).pipe(
      Effect.annotateLogs("service", "RedisClient subscriptions")
    )

    /** The first reader of a channel subscribes it; where that fails, the next connection does. */
    const join = (channel: string, reader: ChannelReader): Effect.Effect<void> =>
      turn.withPermits(1)(
        Effect.gen(function* () {
          if (closed) return reader.fail(disabled)
          const present = readers.get(channel)
          if (present === undefined) readers.set(channel, new Set([reader]))
          else present.add(reader)
          const open = current
          if (open !== undefined) {
            const listening = present === undefined ? listenFor(open.connection, channel) : Effect.void
            yield* Effect.matchEffect(listening, {
              onSuccess: () => Effect.sync(() => reader.offer({ _tag: "Gap", channel, reason: "Connected" })),
              onFailure: (error) => Deferred.succeed(open.broken, error)
            })
          }
          // for all readers: the retry policy and log annotations of the first reader do not apply
          supervision ??= fork(supervise)
        })
      )

    const leave = (channel: string, reader: ChannelReader): Effect.Effect<void> =>
      turn.withPermits(1)(
        Effect.suspend(() => {
          const present = readers.get(channel)
          present?.delete(reader)
          if (present === undefined || present.size > 0) return Effect.void
          readers.delete(channel)
          const open = current
          if (open === undefined) return Effect.void
          return Effect.tryPromise({
            try: () => open.connection.unsubscribe(channel),
            catch: (cause) => driver.toError("UNSUBSCRIBE", cause)
          }).pipe(
            inTime(open.connection, "UNSUBSCRIBE"),
            Effect.catchAll((error) => Deferred.succeed(open.broken, error)),
            Effect.asVoid
          )
        })
      )

    const redial = Effect.suspend(() =>
      current === undefined
        ? Effect.void
        : Deferred.succeed(
            current.broken,
            new RedisConnectError({ reason: "Replica", address: driver.address, detail: "" })
          )
    )

    const close = Effect.suspend(() => {
      closed = true
      for (const each of readers.values()) for (const reader of each) reader.fail(disabled)
      readers.clear()
      return supervision === undefined ? Effect.void : Fiber.interrupt(supervision)
    })
    yield* Effect.addFinalizer(() => close)

    return {
      subscribe: (channel) =>
        Stream.unwrapScoped(
          Effect.suspend(() => {
            if (closed) return Effect.fail(disabled)
            const buffer = new SubscriptionBuffer(channel, options.bufferCapacity)
            return Effect.as(
              Effect.acquireRelease(join(channel, buffer), () => leave(channel, buffer)),
              buffer.stream
            )
          })
        ),
      listen: (channel, heard) =>
        Effect.suspend(() => {
          if (closed) return Effect.fail(disabled)
          const ended = Deferred.unsafeMake<never, RedisError>(FiberId.none)
          const reader: ChannelReader = {
            offer: (event) => {
              try {
                heard(event)
              } catch (defect) {
                // this reader ends, and neither the connection nor the readers after it
                readers.get(channel)?.delete(reader)
                Deferred.unsafeDone(ended, Effect.die(defect))
              }
            },
            fail: (error) => Deferred.unsafeDone(ended, Effect.fail(error))
          }
          return Effect.acquireUseRelease(
            join(channel, reader),
            () => Deferred.await(ended),
            () => leave(channel, reader)
          )
        }),
      redial,
      close
    }
  })
