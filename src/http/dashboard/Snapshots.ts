/**
 * What the page shows of one moment: Redis, its timeline and every cache of the client.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as LiveCaches from "../../cache/LiveCaches.js"
import type { CacheStats } from "../../cache/observe/CacheStats.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisStatus } from "../../redis/RedisStatus.js"
import * as ConnectionTimeline from "./ConnectionTimeline.js"
import * as KeyActivity from "./KeyActivity.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface CacheSnapshot extends KeyActivity.KeyReport {
  readonly name: string
  /** whether reads use Redis */
  readonly isAvailable: boolean
  /** whether a setting at run time has switched it off */
  readonly isOff: boolean
  readonly stats: CacheStats
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Snapshot {
  /** milliseconds since 1970 */
  readonly at: number
  readonly redis: ReturnType<typeof describe>
  readonly timeline: ReadonlyArray<ConnectionTimeline.TimelineEntry>
  readonly caches: ReadonlyArray<CacheSnapshot>
}

/** The snapshots that a page gets when it opens: three minutes. */
const kept = 180

const describe = (status: RedisStatus) => ({
  state: status.state._tag,
  cause: "cause" in status.state ? status.state.cause.message : null,
  circuit: status.circuit,
  server: Option.getOrNull(Option.map(status.server, ({ name, version }) => `${name} ${version}`)),
  address: Option.getOrNull(status.address),
  latencyMillis: Option.getOrNull(Option.map(status.latency, Duration.toMillis)),
  inFlight: status.inFlight,
  waiting: status.waiting,
  nodes: (status.nodes ?? []).map(({ address, circuit, state }) => ({ address, circuit, state: state._tag }))
})

/** Watches the keys of each cache that lives, and no longer than it does. */
const makeActivities = (redis: RedisClient.Service) =>
  Effect.map(Effect.scope, (scope) => {
    const watched = new Map<
      LiveCaches.LiveCache,
      readonly [report: () => KeyActivity.KeyReport, Scope.CloseableScope]
    >()
    return Effect.gen(function* () {
      const live = LiveCaches.of(redis)
      for (const [cache, [, own]] of watched) {
        if (live.includes(cache)) continue
        watched.delete(cache)
        yield* Scope.close(own, Exit.void)
      }
      for (const cache of live) {
        if (watched.has(cache)) continue
        const own = yield* Scope.fork(scope, scope.strategy)
        watched.set(cache, [yield* Scope.extend(KeyActivity.make(cache), own), own])
      }
      return watched
    })
  })

/**
 * Takes a snapshot each second for as long as the scope is open. The stream begins with those of the last three minutes,
 * and ends with the scope.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (redis: RedisClient.Service): Effect.Effect<Stream.Stream<Snapshot>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const timeline = yield* ConnectionTimeline.make(redis)
    const activities = yield* makeActivities(redis)
    const take = Effect.gen(function* () {
      const watched = yield* activities
      const caches = Array.from(watched, ([{ isAvailable, name, overrides, stats }, [report]]) => ({
        name,
        isAvailable: isAvailable(),
        isOff: overrides.isOff,
        stats: stats(),
        ...report()
      }))
      const at = yield* Clock.currentTimeMillis
      return { at, redis: describe(yield* redis.getStatus), timeline: timeline(), caches }
    })
    const history: Array<Snapshot> = [yield* take]
    const latest = yield* SubscriptionRef.make(history)
    const tick = Effect.flatMap(take, (snapshot) =>
      SubscriptionRef.update(latest, () => {
        // keys and timeline are shown as they are now
        const before = history.pop()
        if (before !== undefined) history.push({ ...before, timeline: [], caches: before.caches.map(withoutKeys) })
        history.push(snapshot)
        if (history.length > kept) history.shift()
        return history
      })
    )
    yield* tick.pipe(Effect.delay("1 second"), Effect.forever, Effect.interruptible, Effect.forkScoped)
    // a stream of a page that is open would hold up the end of the server
    const ended = yield* Effect.acquireRelease(Deferred.make<void>(), (ended) => Deferred.succeed(ended, undefined))
    return Stream.concat(
      Stream.suspend(() => Stream.fromIterable(history.slice())),
      Stream.drop(latest.changes, 1).pipe(Stream.filterMap((history) => Option.fromNullable(history.at(-1))))
    ).pipe(Stream.interruptWhen(Deferred.await(ended)))
  })

const withoutKeys = (cache: CacheSnapshot): CacheSnapshot => ({ ...cache, hottest: [], slowest: [] })
