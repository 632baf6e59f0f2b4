/**
 * Watches over sentinels whether a server stays the primary. A sentinel announces a failover (`+switch-master`), and is asked
 * every few seconds as well, since an announcement that is lost is not repeated.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { describeNode, type NodeAddress } from "../RedisConfig.js"
import { RedisConnectError } from "../RedisError.js"
import type { SentinelFailure, Sentinels } from "./Sentinels.js"

/** How often the watched sentinel is asked. The answer is also its sign of life. */
const askEvery = "5 seconds"

/** Before another sentinel is watched, for the case that none is reached. */
const pause = "1 second"

export interface SentinelWatchOptions {
  readonly sentinels: Sentinels
  /** the sentinels and the name of the primary, as an error shows them */
  readonly address: string
}

/** Builds the watch over a server. It fails with `Superseded` when another server is the primary. */
export const make = ({ address, sentinels }: SentinelWatchOptions) => {
  const isRejectionLogged = { value: false }

  /** A user without the right to the channel leaves the questions. */
  const rejected = (message: string) =>
    Effect.suspend(() => {
      if (isRejectionLogged.value) return Effect.void
      isRejectionLogged.value = true
      return Effect.logWarning(
        `failovers are noticed some seconds later, since the sentinels do not announce them: ${message}`
      )
    })

  return (present: NodeAddress): Effect.Effect<never, RedisConnectError> => {
    const supersededBy = (next: NodeAddress, sentinel: NodeAddress) => {
      sentinels.prefer(sentinel)
      return new RedisConnectError({
        reason: "Superseded",
        address,
        detail: `${describeNode(next)} in the place of ${describeNode(present)}, by the sentinel ${describeNode(sentinel)}`
      })
    }

    /** The server in the place of the present one, if a sentinel names one and more sentinels agree than disagree. */
    const isSuperseded = (named: NodeAddress): Effect.Effect<boolean> =>
      describeNode(named) === describeNode(present)
        ? Effect.succeed(false)
        : Effect.map(
            sentinels.votes,
            (votes) => (votes.get(describeNode(named)) ?? 0) > (votes.get(describeNode(present)) ?? 0)
          )

    /** Ends when the connection to the sentinel does, with the server that has taken the place of the present one. */
    const watchOver = (sentinel: NodeAddress): Effect.Effect<NodeAddress, SentinelFailure, Scope.Scope> =>
      Effect.gen(function* () {
        const announced = yield* Deferred.make<NodeAddress>()
        const lost = (ended: Effect.Effect<void>) =>
          Effect.zipRight(
            ended,
            Effect.fail(new RedisConnectError({ reason: "Closed", address: describeNode(sentinel), detail: "" }))
          )
        // before the first question, so that no announcement falls between them
        const subscription = yield* sentinels
          .listen(sentinel, (next) => {
            if (describeNode(next) !== describeNode(present)) Deferred.unsafeDone(announced, Exit.succeed(next))
          })
          .pipe(
            Effect.catchTag("RedisAuthError", ({ message }) => Effect.as(rejected(message), { ended: Effect.never }))
          )
        const connection = yield* sentinels.connect(sentinel)
        const questions = Effect.gen(function* () {
          while (true) {
            const named = yield* connection.primary
            if (yield* isSuperseded(named)) return named
            yield* Effect.sleep(askEvery)
          }
        })
        return yield* Effect.raceFirst(
          Effect.raceFirst(Deferred.await(announced), questions),
          Effect.raceFirst(lost(subscription.ended), lost(connection.ended))
        )
      })

    const watch: Effect.Effect<never, RedisConnectError> = Effect.gen(function* () {
      while (true) {
        for (const sentinel of sentinels.inOrder()) {
          const watched = yield* Effect.either(Effect.scoped(watchOver(sentinel)))
          if (watched._tag === "Right") return yield* Effect.fail(supersededBy(watched.right, sentinel))
          sentinels.defer(sentinel)
          yield* Effect.logDebug(`the sentinel ${describeNode(sentinel)} is not heard: ${watched.left.message}`)
          yield* Effect.sleep(pause)
        }
      }
    })
    return watch
  }
}
