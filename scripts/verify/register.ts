/**
 * One process of `bun run verify`: its fibers read all registers through a cache, and write those of this process. It prints
 * what it has counted, a line a second, until it is killed.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../src/cache/TypedCache.js"
import type { ClientOptions } from "../../src/redis/connection/ClientOptions.js"
import * as BunRedis from "../../src/redis/driver/BunRedis.js"
import type { RedisClient } from "../../src/redis/RedisClient.js"
import { Counts, open, registerCount, Settings } from "./settings.js"

const fibers = 50
const writeShare = 0.4
const exampleCount = 5

const settings = Schema.decodeUnknownSync(Settings)(process.argv[2])
const { acknowledged, versions } = open(settings.file)

const options: ClientOptions = {
  connectTimeout: "2 seconds",
  commandTimeout: "1 second",
  heartbeatInterval: "200 millis",
  reconnect: Schedule.spaced("100 millis"),
  circuitBreaker: { openFor: "100 millis" }
}

const nodes = settings.ports.map((port) => ({ host: "127.0.0.1", port }))
const [first = { host: "127.0.0.1", port: 6379 }, ...others] = nodes

const layers: Record<typeof settings.topology, () => Layer.Layer<RedisClient>> = {
  standalone: () => BunRedis.layer(first, options),
  sentinel: () => BunRedis.layerSentinel({ sentinels: nodes, master: settings.master }, options),
  cluster: () => BunRedis.layerCluster({ nodes: [first, ...others] }, options)
}

const counts = { reads: 0, degraded: 0, acknowledged: 0, kept: 0, stale: 0, examples: [] as string[] }

/** The acknowledged versions of this process's own writes, and of those that it keeps to send them again. */
const own = new Int32Array(registerCount)

const program = Effect.gen(function* () {
  const cache = yield* TypedCache.make({
    name: "register",
    key: Schema.Int,
    value: Schema.Int,
    timeToLive: "1 minute",
    lookup: (id) =>
      Effect.delay(
        Effect.sync(() => versions[id] ?? 0),
        "1 millis"
      )
  })

  const read = Effect.gen(function* () {
    const id = yield* Random.nextIntBetween(0, registerCount)
    const [ofOwn, ofAll] = [own[id] ?? 0, acknowledged[id] ?? 0]
    const { source, value } = yield* cache.getResult(id)
    counts.reads++
    if (source === "Degraded") counts.degraded++
    // a process without Redis cannot hear of other processes' writes
    const least = source === "Degraded" ? ofOwn : Math.max(ofOwn, ofAll)
    if (value >= least) return
    counts.stale++
    const example = `process ${settings.index} read version ${value} of ${id} from ${source}, not ${least}`
    if (counts.examples.length < exampleCount) counts.examples.push(`${new Date().toISOString()} ${example}`)
  })

  const write = (id: number) =>
    Effect.gen(function* () {
      const version = (versions[id] ?? 0) + 1
      versions[id] = version
      const isSet = (yield* Random.next) < 0.5
      const isAcknowledged = yield* isSet ? cache.set(id, version) : cache.invalidate(id)
      own[id] = version
      if (isAcknowledged) acknowledged[id] = version
      counts[isAcknowledged ? "acknowledged" : "kept"]++
    })

  /** Each register has one fiber that writes it, since the order of two writers' versions would be anyone's. */
  const loop = (fiber: number) =>
    Effect.gen(function* () {
      const place = yield* Random.nextIntBetween(0, Math.floor(registerCount / (fibers * settings.processes)))
      const id = (place * fibers + fiber) * settings.processes + settings.index
      yield* (yield* Random.next) < writeShare ? write(id) : read
      yield* Effect.yieldNow()
    }).pipe(Effect.forever)

  const encode = Schema.encodeSync(Counts)
  const report = Effect.sync(() => process.stdout.write(`${encode(counts)}\n`))
  yield* Effect.fork(Effect.repeat(report, Schedule.spaced("1 second")))
  yield* Effect.forEach(
    Array.from({ length: fibers }, (_, i) => i),
    loop,
    { concurrency: "unbounded" }
  )
})

Effect.runFork(
  program.pipe(
    Effect.scoped,
    Effect.provide(layers[settings.topology]()),
    Logger.withMinimumLogLevel(LogLevel.Error),
    Effect.tapErrorCause((cause) => Effect.logError(cause))
  )
)
