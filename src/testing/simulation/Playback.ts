/**
 * Plays the traffic of an application through one set of options: real caches over Redis in memory, in simulated time.
 *
 * @internal
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Utils from "effect/Utils"
import * as TypedCache from "../../cache/TypedCache.js"
import { RedisClient } from "../../redis/RedisClient.js"
import * as Chaos from "../Chaos.js"
import * as TestRedis from "../TestRedis.js"
import * as SimulatedClock from "./SimulatedClock.js"
import type { Outcome, SimulatedOptions, SimulatedOutage, Simulation } from "./Simulation.js"
import { Rows, Tally } from "./Tally.js"
import * as Traffic from "./Traffic.js"

class SourceDown extends Data.TaggedError("SourceDown") {}

/** A simulation with all of its defaults, in milliseconds. */
export interface Plan {
  readonly shape: Traffic.Shape
  readonly onWrite: "invalidate" | "set" | "nothing"
  readonly millis: number
  readonly lookupMillis: number
  readonly roundTripMillis: number
  readonly outages: ReadonlyArray<{ readonly of: SimulatedOutage["of"]; readonly from: number; readonly to: number }>
  readonly seed: number
}

export const planOf = ({ lookupTime, outages, roundTrip, seed, traffic, ...rest }: Simulation<string>): Plan => ({
  shape: {
    keys: traffic.keys,
    skew: traffic.skew ?? 0.99,
    readsPerSecond: traffic.readsPerSecond,
    writesPerSecond: traffic.writesPerSecond ?? 0,
    processes: traffic.processes ?? 2
  },
  onWrite: traffic.onWrite ?? "invalidate",
  millis: Duration.toMillis(rest.duration),
  lookupMillis: Duration.toMillis(lookupTime ?? "20 millis"),
  roundTripMillis: Duration.toMillis(roundTrip ?? "1 millis"),
  outages: (outages ?? []).map(({ duration, of, start }) => {
    const from = Duration.toMillis(start)
    return { of, from, to: from + Duration.toMillis(duration) }
  }),
  seed: seed ?? 1
})

/** A process: its cache, and its connection. */
interface Process {
  readonly cache: TypedCache.TypedCache<number, number, SourceDown | TypedCache.EngineError>
  readonly connection: TestRedis.Connection
}

export const play = (name: string, options: SimulatedOptions, plan: Plan): Effect.Effect<Outcome> =>
  Effect.suspend(() => {
    const time = SimulatedClock.make()
    const rows = new Rows()
    const tally = new Tally(rows)
    let isSourceDown = false

    const lookup = (key: number) =>
      Effect.suspend(() => {
        tally.lookedUp(time.now())
        const version = rows.read(key)
        return Effect.zipRight(
          Effect.sleep(plan.lookupMillis),
          Effect.suspend(() => (isSourceDown ? new SourceDown() : Effect.succeed(version)))
        )
      })

    const process = (server: TestRedis.Server, number: number) =>
      Effect.gen(function* () {
        const connection = yield* server.connect
        const slow = { share: plan.roundTripMillis > 0 ? 1 : 0, by: plan.roundTripMillis }
        const network = Chaos.layer({ commands: { slow } }, { seed: number })
        const client = yield* Layer.build(Layer.provide(network, Layer.succeed(RedisClient, connection.redis)))
        const cache = yield* Effect.provide(
          TypedCache.make({ name: "simulated", key: Schema.Number, value: Schema.Number, ...options, lookup }),
          client
        )
        const made: Process = { cache, connection }
        return made
      })

    const played = Effect.gen(function* () {
      const server = yield* TestRedis.make
      const processes = yield* Effect.forEach(Array.from({ length: plan.shape.processes }), (_, i) =>
        process(server, i)
      )
      const read = ({ cache }: Process, key: number) =>
        Effect.suspend(() => {
          const started = time.now()
          return Effect.match(cache.get(key), {
            onFailure: () => tally.hasFailed(),
            onSuccess: (version) => tally.ended(key, version, started, time.now())
          })
        })
      const write = ({ cache }: Process, key: number) =>
        Effect.suspend((): Effect.Effect<unknown> => {
          const version = rows.write(key, time.now())
          if (plan.onWrite === "nothing") return Effect.void
          return Effect.orDie(plan.onWrite === "set" ? cache.set(key, version) : cache.invalidate(key))
        })

      const setOutage = (of: SimulatedOutage["of"], isAway: boolean) =>
        Effect.suspend(() => {
          if (of !== "redis") isSourceDown = isAway
          return of === "source"
            ? Effect.void
            : Effect.forEach(processes, ({ connection }) => (isAway ? connection.cut : connection.restore), {
                discard: true
              })
        })
      const outage = ({ from, of, to }: Plan["outages"][number]) =>
        Effect.sleep(from).pipe(
          Effect.zipRight(setOutage(of, true)),
          Effect.zipRight(Effect.sleep(to - from)),
          Effect.zipRight(setOutage(of, false))
        )

      const traffic = Effect.gen(function* () {
        const start = time.now()
        for (const call of Traffic.calls(new Utils.PCGRandom(plan.seed), plan.shape, plan.millis)) {
          const wait = start + call.at - time.now()
          if (wait > 0) yield* Effect.sleep(wait)
          const by = processes[call.process]
          if (by !== undefined) yield* Effect.fork(call.isWrite ? write(by, call.key) : read(by, call.key))
        }
      })
      const outages = yield* Effect.forkScoped(Effect.forEach(plan.outages, outage, { concurrency: "unbounded" }))
      // a read that waits at the end is answered before the counts are taken
      yield* Effect.awaitAllChildren(traffic)
      yield* Fiber.interrupt(outages)

      const stats = yield* Effect.forEach(processes, ({ cache }) => cache.stats)
      const sum = (of: (stats: TypedCache.CacheStats) => number) => stats.reduce((total, one) => total + of(one), 0)
      const commands = processes.reduce((total, { connection }) => total + connection.commands(), 0)
      return { sum, commands }
    })

    return Effect.scoped(played).pipe(
      Effect.map(({ commands, sum }): Outcome => {
        const reads = Math.max(1, tally.reads)
        return {
          name,
          reads: tally.reads,
          hitsLocal: sum((stats) => stats.hitsLocal) / reads,
          hitsRedis: sum((stats) => stats.hitsRedis) / reads,
          stale: sum((stats) => stats.staleServed) / reads,
          degraded: sum((stats) => stats.degraded) / reads,
          failed: tally.failed / reads,
          lookups: tally.lookups,
          peakLookupsPerSecond: tally.peakLookups,
          commands,
          meanLatency: Duration.millis(tally.latencyMillis.mean),
          p99Latency: Duration.millis(tally.latencyMillis.p99),
          outdated: tally.outdated / reads,
          longestOutdated: Duration.millis(tally.longestOutdatedMillis)
        }
      }),
      // the log of a simulated outage is no log of the program
      Effect.provide(Logger.remove(Logger.defaultLogger)),
      Effect.withRandom(Random.make(plan.seed)),
      Effect.withClock(time.clock),
      time.play
    )
  })
