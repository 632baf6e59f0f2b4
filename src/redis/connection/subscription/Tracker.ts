/**
 * The keys that a server pushes when they change (CLIENT TRACKING, mode BCAST). They have a connection of their own, which is
 * dialled with the first listener. Its supervision, beats and gaps are those of `Subscriber`.
 *
 * A connection tells the server its prefixes before it listens, and cannot add one later. So a new prefix ends the connection,
 * and the next one has all of them.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type RedisDriver, type RedisSubscriberConnection, trackingChannel } from "../../RedisConnection.js"
import { type RedisAuthError, RedisConnectError, type RedisError } from "../../RedisError.js"
import { type RedisExecutor, TrackingUnavailable } from "../../RedisExecutor.js"
import * as Subscriber from "./Subscriber.js"

export interface Tracker {
  readonly track: NonNullable<RedisExecutor["track"]>
  readonly redial: Effect.Effect<void>
  readonly close: Effect.Effect<void>
}

/** The prefixes that begin with no other one: a server rejects prefixes of which one contains another. */
const widest = (prefixes: ReadonlyArray<string>): ReadonlyArray<string> => {
  const kept: Array<string> = []
  // a prefix sorts before all that begin with it
  for (const prefix of [...prefixes].sort()) if (!kept.some((wider) => prefix.startsWith(wider))) kept.push(prefix)
  return kept
}

const unsupported = new TrackingUnavailable({
  message: "this driver reads no CLIENT TRACKING; use /SocketRedis or /IoRedis"
})

const authRefusal = (error: RedisAuthError): TrackingUnavailable =>
  new TrackingUnavailable({
    message: `${error.message}; give the user +client|id, +client|tracking and the channel ${trackingChannel}`
  })

/** Why a server does not track; undefined where the connection has ended, and the next one may track. */
const refusalOf = (error: RedisError): TrackingUnavailable | undefined => {
  switch (error._tag) {
    case "RedisAuthError":
      return authRefusal(error)
    case "RedisServerError":
      return new TrackingUnavailable({
        message: `${error.message}; Redis 6 and Valkey have CLIENT TRACKING with BCAST, Dragonfly has not`
      })
    default:
      return undefined
  }
}

export const make = (
  driver: RedisDriver,
  options: Subscriber.SubscriberOptions
): Effect.Effect<Tracker, never, Scope.Scope> =>
  Effect.gen(function* () {
    /** the prefixes of the listeners, one for each */
    const wanted: Array<string> = []
    let dialled: { readonly prefixes: ReadonlyArray<string>; readonly closed: Deferred.Deferred<void> } | undefined
    const refused = yield* Deferred.make<never, TrackingUnavailable>()

    /** Waits to be interrupted by a listener, which ends with the failure. */
    const refuse = (failure: TrackingUnavailable) => Effect.zipRight(Deferred.fail(refused, failure), Effect.never)
    const refusal = Deferred.await(refused)

    const track = ({ closed, track }: RedisSubscriberConnection) =>
      Effect.suspend(() => {
        if (track === undefined) return refuse(unsupported)
        const prefixes = widest(wanted)
        dialled = { prefixes, closed }
        // without a prefix the server would push every key
        if (prefixes.length === 0) return Effect.void
        return Effect.tryPromise({
          try: () => track(prefixes),
          catch: (cause) => driver.toError("CLIENT TRACKING", cause)
        }).pipe(
          Effect.catchAll((error) => {
            const failure = refusalOf(error)
            return failure === undefined
              ? Effect.fail(
                  new RedisConnectError({
                    reason: "Closed",
                    address: driver.address,
                    detail: "while it began to track"
                  })
                )
              : refuse(failure)
          })
        )
      })

    const subscriber = yield* Subscriber.make(
      {
        ...driver,
        // a getter, which changes
        get address() {
          return driver.address
        },
        connectSubscriber: Effect.tap(driver.connectSubscriber, track)
      },
      options
    )

    /** Ends the connection, as the server would. */
    const endConnection = Effect.suspend(() =>
      dialled === undefined ? Effect.void : Deferred.succeed(dialled.closed, undefined)
    )
    const want = (prefix: string) =>
      Effect.suspend(() => {
        wanted.push(prefix)
        return dialled?.prefixes.some((wider) => prefix.startsWith(wider)) === false ? endConnection : Effect.void
      })
    const release = (prefix: string) =>
      Effect.suspend(() => {
        wanted.splice(wanted.indexOf(prefix), 1)
        return wanted.length === 0 ? endConnection : Effect.void
      })

    return {
      track: (prefix, onEvent) =>
        Effect.acquireUseRelease(
          want(prefix),
          () =>
            Effect.raceFirst(
              subscriber.listen(trackingChannel, (event) => {
                if (event._tag === "Gap") onEvent({ _tag: "Gap" })
                else if (event.message === "") onEvent({ _tag: "Flush" })
                else if (event.message.startsWith(prefix)) onEvent({ _tag: "Key", key: event.message })
              }),
              refusal
            ).pipe(
              // the right to the channel
              Effect.tapErrorTag("RedisAuthError", (error) => Deferred.fail(refused, authRefusal(error))),
              // of several listeners one closes the subscriptions, and all hear why
              Effect.catchAll((error) =>
                Effect.flatMap(Deferred.isDone(refused), (isRefused) => (isRefused ? refusal : Effect.fail(error)))
              ),
              Effect.tapErrorTag("TrackingUnavailable", () => subscriber.close)
            ),
          () => release(prefix)
        ),
      redial: subscriber.redial,
      close: subscriber.close
    }
  })
