/**
 * Remembers the last changes of the connection and of its circuit breaker, each with the reason.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { CircuitState, ConnectionState } from "../../redis/RedisStatus.js"

/**
 * A change.
 *
 * @since 0.2.0
 * @category models
 */
export interface TimelineEntry {
  /** milliseconds since 1970 */
  readonly at: number
  readonly what: "connection" | "circuit"
  readonly state: ConnectionState["_tag"] | CircuitState
  /** empty where the state needs none */
  readonly reason: string
}

/** A connection that comes and goes needs no more than this to be seen. */
const kept = 100

const reasonOf = (state: ConnectionState): string => ("cause" in state ? state.cause.message : "")

/**
 * Watches a client for as long as the scope is open. The function answers the changes, the oldest first.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  redis: RedisClient.Service
): Effect.Effect<() => ReadonlyArray<TimelineEntry>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const entries: Array<TimelineEntry> = []
    const add = (what: TimelineEntry["what"], state: TimelineEntry["state"], reason: string) =>
      Effect.map(Clock.currentTimeMillis, (at) => {
        const last = entries.findLast((entry) => entry.what === what)
        // each attempt to reconnect is a change of its own, and says nothing new
        if (last?.state === state && last.reason === reason) return
        entries.push({ at, what, state, reason })
        if (entries.length > kept) entries.shift()
      })
    const failure = Effect.map(redis.getStatus, ({ lastFailure }) =>
      Option.match(lastFailure, { onNone: () => "", onSome: ({ message }) => message })
    )
    yield* redis.statusChanges.pipe(
      Stream.runForEach((state) => add("connection", state._tag, reasonOf(state))),
      Effect.forkScoped
    )
    yield* redis.circuitChanges.pipe(
      Stream.runForEach((state) =>
        state === "Closed" ? add("circuit", state, "") : Effect.flatMap(failure, (why) => add("circuit", state, why))
      ),
      Effect.forkScoped
    )
    return () => entries.slice()
  })
