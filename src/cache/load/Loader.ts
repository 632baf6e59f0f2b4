/**
 * Loads one value under a lease, or waits for the process that holds the lease. Without Redis it loads without a lease
 * (rules 2 to 5 and 13 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import type { CacheKey } from "../entry/CacheKey.js"
import { switchedOff } from "../invalidation/outage/ReadFailure.js"
import * as TransferTime from "../tiers/TransferTime.js"
import * as Acquisition from "./Acquisition.js"
import type { Flight } from "./Flight.js"
import * as LeaseToken from "./LeaseToken.js"
import type { LoadError, LoadRequest, LoadResult, ValueSource } from "./LoadRequest.js"
import { type LoadContext, type LoaderOptions, LoadRun } from "./LoadRun.js"
import * as ReplicaLag from "./ReplicaLag.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Loader<A, E> {
  /** Loads a value for all callers of a flight. */
  readonly load: (
    key: CacheKey,
    source: ValueSource<A, E>,
    request: LoadRequest<A>,
    flight: Flight<LoadResult<A>, LoadError<E>>
  ) => void
  /**
   * Looks up a value for one caller, in that caller's fiber and context. It stores nothing and waits for no other load.
   * Without Redis it needs no permit, since few transactions run at once.
   */
  readonly loadAlone: (
    key: string,
    source: ValueSource<A, E>,
    request: LoadRequest<A>
  ) => Effect.Effect<LoadResult<A>, LoadError<E>>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(options: LoaderOptions<A>): Effect.Effect<Loader<A, E>> =>
  Effect.map(Effect.clock, (clock) => {
    const { lookups, observer, redis, serverTime } = options
    const executor = RedisExecutor.of(redis)
    const context: LoadContext<A> = {
      ...options,
      clock,
      executor,
      transfer: TransferTime.of(redis),
      acquisition: Acquisition.make({ ...options, executor }),
      newToken: LeaseToken.make(),
      reportLag: ReplicaLag.makeReport()
    }

    const loadAlone: Loader<A, E>["loadAlone"] = (key, source, { failure }) => {
      const looked: Effect.Effect<LoadResult<A>, LoadError<E>> = Effect.map(
        lookups.run(key, false, (lookup) => source.lookup(undefined, { ...lookup, isAlone: true })),
        (value) => ({
          entry: { ...value, createdAt: serverTime() },
          source: failure === undefined ? "Lookup" : "Degraded",
          reason: failure?.reason
        })
      )
      if (failure === undefined) return looked
      const isFailed = options.onUnavailable === "fail" && failure !== switchedOff
      return Effect.zipRight(observer.redisFailed(failure), isFailed ? failure.error : looked)
    }

    return {
      load: (key, source, request, flight) => new LoadRun(context, key, source, request, flight).start(),
      loadAlone
    }
  })
