/**
 * Channels, on a connection of their own that is dialled with the first subscription.
 *
 * After each dial every channel is subscribed again and every reader is told of the gap. The connection listens to its
 * own beat, published over the command connection: two beats in a row that do not come back end it, since a subscriber
 * that hears nothing cannot otherwise be told from one that is dead.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Reconnection from "./Reconnection.js"
import type { SubscriptionEvent } from "./RedisClient.js"
import type { RedisDriver, RedisSubscriberConnection } from "./RedisConnection.js"
import { RedisConnectError, type RedisError, RedisTimeout, RedisUnavailable } from "./RedisError.js"
import { SubscriptionBuffer } from "./SubscriptionBuffer.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface SubscriberOptions extends Reconnection.ReconnectionSchedules {
  readonly connectTimeout: Duration.Duration
  readonly subscribeTimeout: Duration.Duration
  readonly beatInterval: Duration.Duration
  /** events that a reader may be behind before it loses them */
  readonly bufferCapacity: number
  /** PUBLISH over the command connection, and how many received it */
  readonly publish: (channel: string, message: string) => Effect.Effect<number, RedisError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Subscriber {
  readonly subscribe: (channel: string) => Stream.Stream<SubscriptionEvent, RedisError>
  /** Ends every stream with `RedisUnavailable`, reason `Disabled`, now and from now on. */
  readonly close: Effect.Effect<void>
}

/** beats that may stay away in a row */
const missedBeatsToEnd = 2

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (driver: RedisDriver, options: SubscriberOptions): Effect.Effect<Subscriber, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const beatChannel = `effect-cache-toolkit:beat:${crypto.randomUUID()}`
    const readers = new Map<string, Set<SubscriptionBuffer>>()
    const disabled = new RedisUnavailable({ reason: "Disabled" })

    let current:
      | { readonly connection: RedisSubscriberConnection; readonly broken: Deferred.Deferred<RedisError> }
      | undefined
    let beatsAllowed = true
    let supervision: Fiber.RuntimeFiber<never> | undefined
    let closed = false
    /** why the last connection ended, told to the readers with the next one */
    let gap: "Connected" | "Reconnected" | "MissedBeats" = "Connected"

    const deliver = (channel: string) => (message: string) => {
      for (const reader of readers.get(channel) ?? []) reader.offer({ _tag: "Message", channel, message })
    }

    const listen = (to: RedisSubscriberConnection, channel: string, onMessage: (message: string) => void) =>
      Effect.tryPromise({
        try: () => to.subscribe(channel, onMessage),
        catch: (cause) => driver.toError("SUBSCRIBE", cause)
      }).pipe(
        Effect.timeoutFail({
          duration: options.subscribeTimeout,
          onTimeout: () =>
            new RedisTimeout({ command: "SUBSCRIBE", waitedMillis: Duration.toMillis(options.subscribeTimeout) })
        })
      )

    // one change of the subscriptions at a time: the driver mixes up replies that overlap
    const turn = yield* Effect.makeSemaphore(1)

    /**
     * Subscribes, and turns whatever is refused into the end of the connection: an error reply leaves a subscriber
     * unusable. A channel that the user has no right to is given up, or no connection would ever live.
     */
    const listenAll = (to: RedisSubscriberConnection) =>
      Effect.gen(function* () {
        if (beatsAllowed) {
          yield* listen(to, beatChannel, () => {
            missed = 0
          }).pipe(
            Effect.tapErrorTag("RedisAuthError", (error) => {
              beatsAllowed = false
              return Effect.logWarning(`subscriptions cannot be watched by beats: ${error.message}`)
            })
          )
        }
        for (const [channel, buffers] of readers) {
          yield* listen(to, channel, deliver(channel)).pipe(
            Effect.tapErrorTag("RedisAuthError", (error) =>
              Effect.sync(() => {
                readers.delete(channel)
                for (const buffer of buffers) buffer.fail(error)
              })
            )
          )
        }
      })

    let missed = 0
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
      return yield* Effect.fail(new RedisConnectError({ reason: "Closed", detail: "its own beats stayed away" }))
    })

    const live = (connected: Effect.Effect<void>) =>
      Effect.gen(function* () {
        const connection = yield* driver.connectSubscriber.pipe(
          Effect.timeoutFail({
            duration: options.connectTimeout,
            onTimeout: () => new RedisConnectError({ reason: "Timeout", detail: "for subscriptions" })
          })
        )
        const broken = yield* Deferred.make<RedisError>()
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
              for (const [channel, buffers] of readers) {
                for (const buffer of buffers) buffer.offer({ _tag: "Gap", channel, reason: gap })
              }
            })
          )
        )
        yield* connected
        gap = "Reconnected"
        const ended = Effect.flatMap(Deferred.await(connection.closed), () =>
          Effect.fail(new RedisConnectError({ reason: "Closed", detail: "by the server or the network" }))
        )
        const refused = Effect.flatMap(Deferred.await(broken), Effect.fail)
        return yield* Effect.raceFirst(Effect.raceFirst(ended, refused), beatsAllowed ? beats : Effect.never)
      }).pipe(Effect.scoped)

    const supervise = Reconnection.forever(live, options, () => Effect.void).pipe(
      Effect.annotateLogs("service", "RedisClient subscriptions")
    )

    /** The first reader of a channel subscribes it; where that fails, the next connection does. */
    const join = (channel: string, buffer: SubscriptionBuffer): Effect.Effect<void> =>
      turn.withPermits(1)(
        Effect.gen(function* () {
          const present = readers.get(channel)
          if (present === undefined) readers.set(channel, new Set([buffer]))
          else present.add(buffer)
          const open = current
          if (open !== undefined) {
            const listening = present === undefined ? listen(open.connection, channel, deliver(channel)) : Effect.void
            yield* Effect.matchEffect(listening, {
              onSuccess: () => Effect.sync(() => buffer.offer({ _tag: "Gap", channel, reason: "Connected" })),
              onFailure: (error) => Deferred.succeed(open.broken, error)
            })
          }
          // joining is uninterruptible, what it starts must not be
          supervision ??= yield* Effect.forkIn(Effect.interruptible(supervise), scope)
        })
      )

    const leave = (channel: string, buffer: SubscriptionBuffer): Effect.Effect<void> =>
      turn.withPermits(1)(
        Effect.suspend(() => {
          const present = readers.get(channel)
          present?.delete(buffer)
          if (present === undefined || present.size > 0) return Effect.void
          readers.delete(channel)
          const open = current?.connection
          return open === undefined
            ? Effect.void
            : Effect.tryPromise(() => open.unsubscribe(channel)).pipe(
                Effect.timeout(options.subscribeTimeout),
                Effect.ignore
              )
        })
      )

    const close = Effect.suspend(() => {
      closed = true
      for (const buffers of readers.values()) for (const buffer of buffers) buffer.fail(disabled)
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
      close
    }
  })
