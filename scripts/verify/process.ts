/**
 * One process of `bun run verify`: its fibers read all registers through caches, and write those of this process. It prints
 * what it has counted, a line a second, until it is killed.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TypedCache from "../../src/cache/TypedCache.js"
import type { ClientOptions } from "../../src/redis/connection/ClientOptions.js"
import * as BunRedis from "../../src/redis/driver/BunRedis.js"
import type { RedisClient } from "../../src/redis/RedisClient.js"
import * as Oracle from "./oracle.js"
import * as Registers from "./registers.js"
import { Order, Report, Settings } from "./settings.js"

const writeShare = 0.5
/** Half of the reads and writes are of a few registers, so that callers meet at one register. */
const hotShare = 0.5
/** the writers of hot registers, in each process */
const hotWriters = 4
/** A caller without Redis waits for a database. Without a pause its reads would be most of all. */
const degradedPause = "200 millis"

const settings = Schema.decodeUnknownSync(Settings)(process.argv[2])
const memory = Bun.mmap(settings.file, { shared: true })
const registers = Registers.make(memory.buffer, memory.byteOffset)
const reads = Oracle.counter(settings.index)
const writes = { acknowledged: 0, kept: 0, updates: 0 }

const options: ClientOptions = {
  connectTimeout: "2 seconds",
  commandTimeout: "1 second",
  heartbeatInterval: "200 millis",
  reconnect: Schedule.spaced("100 millis"),
  circuitBreaker: { openFor: "100 millis" }
}

interface Address {
  readonly host: string
  readonly port: number
}

const throughProxy = ({ host, port }: Address): Address => ({ host, port: settings.proxies[port] ?? port })

const [first, ...others] = settings.ports.map((port) => throughProxy({ host: "127.0.0.1", port }))
const nodes = [first ?? { host: "127.0.0.1", port: 6379 }, ...others] as const

const layers: Record<typeof settings.topology, () => Layer.Layer<RedisClient>> = {
  standalone: () => BunRedis.layer(nodes[0], options),
  sentinel: () =>
    BunRedis.layerSentinel({ sentinels: nodes, master: settings.master, mapAddress: throughProxy }, options),
  cluster: () => BunRedis.layerCluster({ nodes, mapAddress: throughProxy }, options)
}

const longestLookupMillis = 30

/** The value was read a while before it arrives, so that a write may come in between. */
const lookup = (id: number) =>
  Effect.suspend(() => {
    const value = { id, version: registers.version(id) }
    return Effect.flatMap(Random.nextRange(0, 1), (random) =>
      // most are short, and some take long
      Effect.delay(Effect.succeed(value), Math.floor(longestLookupMillis * random ** 4))
    )
  })

const makeCache = (index: number) =>
  TypedCache.make({
    name: `registers-${index}`,
    key: Schema.Int,
    value: Oracle.Value,
    timeToLive: "1 minute",
    tags: index % 2 === 0 ? undefined : (_, id) => [Registers.tagOf(id)],
    local: index < 2 ? undefined : { capacity: Registers.registerCount, timeToLive: Registers.localMillis },
    lease: { timeToLive: "2 seconds" },
    lookup
  })

const program = Effect.gen(function* () {
  const caches = yield* Effect.forEach(
    Array.from({ length: Registers.cacheCount }, (_, i) => i),
    makeCache
  )
  const cacheOf = (id: number) => Effect.fromNullable(caches[Registers.cacheOf(id)])
  const mayWork = yield* Effect.makeLatch(true)
  let working = Registers.writers
  let [rests, checks] = [0, 0]

  const read = (id: number, isAtRest: boolean) =>
    Effect.gen(function* () {
      const cache = yield* cacheOf(id)
      const known = registers.known(id)
      const { source, value } = yield* cache.getResult(id)
      reads.note({ id, source, value, known, isAtRest })
      if (source === "Degraded") yield* Effect.sleep(degradedPause)
    })

  const written = (ids: ReadonlyArray<number>, write: Effect.Effect<boolean, unknown>) =>
    Effect.gen(function* () {
      for (const id of ids) registers.commit(id)
      const isAcknowledged = yield* write
      for (const id of ids) registers.returned(id, isAcknowledged, performance.now())
      writes[isAcknowledged ? "acknowledged" : "kept"]++
      if (!isAcknowledged) yield* Effect.sleep(degradedPause)
    })

  const ofWriter = (writer: number) =>
    Array.from({ length: Registers.registersOfWriter }, (_, place) => Registers.idOf(settings.index, writer, place))

  const write = (writer: number) =>
    Effect.gen(function* () {
      const isHot = writer < hotWriters && (yield* Random.next) < hotShare
      const place = yield* Random.nextIntBetween(0, isHot ? Registers.cacheCount : Registers.registersOfWriter)
      const id = Registers.idOf(settings.index, writer, place)
      const cache = yield* cacheOf(id)
      const inCache = ofWriter(writer).filter((other) => Registers.cacheOf(other) === Registers.cacheOf(id))
      const value = Effect.sync(() => ({ id, version: registers.version(id) }))
      const kind = yield* Random.next
      if (kind < 0.0003) return yield* written(inCache, cache.clear)
      if (kind < 0.05) {
        const commit = Effect.sync(() => registers.commit(id))
        yield* cache.update(id, Effect.zipRight(commit, value))
        registers.returned(id, false, performance.now())
        writes.updates++
        return
      }
      if (kind < 0.5) return yield* written([id], cache.invalidate(id))
      if (kind < 0.65 && Registers.cacheOf(id) % 2 === 1) {
        return yield* written(inCache, cache.invalidateTag(Registers.tagOf(id)))
      }
      yield* written(
        [id],
        Effect.flatMap(value, (latest) => cache.set(id, latest))
      )
    })

  const anyId = Effect.flatMap(Random.next, (random) =>
    random < hotShare
      ? Effect.map(
          Effect.all([
            Random.nextIntBetween(0, Registers.processes),
            Random.nextIntBetween(0, hotWriters),
            Random.nextIntBetween(0, Registers.cacheCount)
          ]),
          ([process, writer, place]) => Registers.idOf(process, writer, place)
        )
      : Random.nextIntBetween(0, Registers.registerCount)
  )

  const loop = (writer: number) =>
    Effect.gen(function* () {
      working--
      yield* mayWork.await
      working++
      yield* (yield* Random.next) < writeShare ? write(writer) : Effect.flatMap(anyId, (id) => read(id, false))
      yield* Effect.yieldNow()
    }).pipe(Effect.forever)

  const isAtRest = Effect.map(
    Effect.forEach(caches, (cache) => Effect.zip(cache.stats, cache.isAvailable)),
    (states) => working === 0 && states.every(([{ outbox }, isAvailable]) => outbox === 0 && isAvailable)
  )

  const encode = Schema.encodeSync(Report)
  const report = Effect.sync(() =>
    process.stdout.write(`${encode({ reads: reads.counts(), ...writes, rests, checks })}\n`)
  )

  const orders: Record<typeof Order.Type, Effect.Effect<void, unknown>> = {
    work: mayWork.open,
    rest: Effect.gen(function* () {
      yield* mayWork.close
      yield* Effect.repeat(isAtRest, { schedule: Schedule.spaced("20 millis"), until: (isIt) => isIt })
      rests++
      yield* report
    }),
    check: Effect.gen(function* () {
      const all = Array.from({ length: Registers.registerCount }, (_, id) => id)
      for (let round = 0; round < 2; round++) {
        yield* Effect.forEach(all, (id) => read(id, true), { concurrency: Registers.writers, discard: true })
      }
      checks++
      yield* report
    })
  }

  const obey = Stream.fromReadableStream(
    () => Bun.stdin.stream(),
    (cause) => cause
  ).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.mapEffect(Schema.decodeUnknown(Order)),
    Stream.runForEach((order) => orders[order])
  )

  const age = Effect.sync(() => registers.age(performance.now()))
  yield* Effect.fork(Effect.repeat(report, Schedule.spaced("1 second")))
  yield* Effect.fork(Effect.repeat(age, Schedule.spaced("100 millis")))
  yield* Effect.forEach(
    Array.from({ length: Registers.writers }, (_, writer) => writer),
    loop,
    { concurrency: "unbounded", discard: true }
  ).pipe(Effect.raceFirst(Effect.zipRight(obey, Effect.never)))
})

// a defect ends the process, which the report names
Effect.runFork(
  program.pipe(
    Effect.scoped,
    Effect.provide(layers[settings.topology]()),
    Logger.withMinimumLogLevel(LogLevel.Error),
    Effect.tapErrorCause((cause) => Effect.logError(cause)),
    Effect.ensuring(Effect.sync(() => process.exit(1)))
  )
)
