/**
 * Every number and duration of every options object, with each value that cannot be right. An option that is added to the
 * toolkit belongs into these tables.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import * as Counter from "../../../src/coordination/Counter.js"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import * as DistributedSemaphore from "../../../src/coordination/DistributedSemaphore.js"
import * as Leaderboard from "../../../src/coordination/Leaderboard.js"
import * as Presence from "../../../src/coordination/Presence.js"
import * as RateLimiter from "../../../src/coordination/RateLimiter.js"
import * as SqlDatabase from "../../../src/game/database/SqlDatabase.js"
import * as BunServer from "../../../src/http/server/BunServer.js"
import * as SupervisedExecutor from "../../../src/redis/connection/SupervisedExecutor.js"
import * as BunRedis from "../../../src/redis/driver/BunRedis.js"
import * as IoRedis from "../../../src/redis/driver/IoRedis.js"
import * as SocketRedis from "../../../src/redis/driver/SocketRedis.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisError } from "../../../src/redis/RedisError.js"
import type { InvalidKey } from "../../../src/redis/RedisKey.js"
import * as RetryPolicy from "../../../src/redis/RetryPolicy.js"
import { make as scriptedServer } from "../../support/faults/ScriptedDriver.js"

/** What is wrong for a kind of option, beside NaN and, except for an integer, -1. */
const kinds = {
  /** a whole number of any sign */
  integer: [0.5, Infinity],
  /** a whole number of at least 1 */
  count: [0, 0.5, Infinity],
  /** a whole number of at least 0 */
  "count or 0": [0.5, Infinity],
  fraction: [1.1, Infinity],
  /** a positive number */
  factor: [0, Infinity],
  /** a duration of more than 0 */
  time: [0, Infinity],
  "time or 0": [Infinity],
  /** a duration of more than 0, where infinity stands for "for ever" */
  "time or for ever": [0],
  "any time": []
} as const

const wrongFor = (kind: keyof typeof kinds): ReadonlyArray<number> => [
  Number.NaN,
  ...(kind === "integer" ? [] : [-1]),
  ...kinds[kind]
]

/** Builds with one value in the place of one option, which may be a number or a duration. */
type Build = (value: number) => Effect.Effect<unknown, unknown, RedisClient | Scope.Scope>

type AnyLayer = Layer.Layer<RedisClient, unknown>

type Row = readonly [option: string, kind: keyof typeof kinds, build: Build]

const cacheWith = (options: object) =>
  TypedCache.make({
    name: "checked",
    key: Schema.String,
    value: Schema.String,
    timeToLive: "1 minute",
    lookup: (id: string) => Effect.succeed(id),
    ...options
  })

const cache = (option: string, kind: keyof typeof kinds, options: (value: number) => object): Row => [
  `TypedCache "checked": option \`${option}\``,
  kind,
  (value) => cacheWith(options(value))
]

const local = { capacity: 10, timeToLive: "1 second" } as const
class Gone extends Schema.TaggedError<Gone>()("Gone", {}) {}

const ofCache: ReadonlyArray<Row> = [
  cache("timeToLive", "any time", (timeToLive) => ({ timeToLive })),
  cache("jitter", "fraction", (jitter) => ({ jitter })),
  cache("staleFor", "any time", (staleFor) => ({ staleFor })),
  cache("maxBatch", "count", (maxBatch) => ({ maxBatch })),
  cache("compression.above", "count or 0", (above) => ({ compression: { above } })),
  cache("local.capacity", "count", (capacity) => ({ local: { ...local, capacity } })),
  cache("local.maxBytes", "count", (maxBytes) => ({ local: { ...local, maxBytes } })),
  cache("local.timeToLive", "any time", (timeToLive) => ({ local: { ...local, timeToLive } })),
  cache("refresh.ahead.after", "fraction", (after) => ({ refresh: { ahead: { after } } })),
  cache("refresh.ahead.beta", "factor", (beta) => ({ refresh: { ahead: { beta } } })),
  cache("refresh.softTimeout", "any time", (softTimeout) => ({ refresh: { softTimeout } })),
  cache("refresh.hardTimeout", "time or for ever", (hardTimeout) => ({ refresh: { hardTimeout } })),
  cache("refresh.pause", "any time", (pause) => ({ refresh: { pause } })),
  cache("outage.maxLookups", "count", (maxLookups) => ({ outage: { maxLookups } })),
  cache("outage.maxWaiting", "count or 0", (maxWaiting) => ({ outage: { maxWaiting } })),
  cache("outage.outboxCapacity", "count", (outboxCapacity) => ({ outage: { outboxCapacity } })),
  cache("negative.timeToLive", "any time", (timeToLive) => ({ negative: { error: Gone, timeToLive } })),
  cache("schema.version", "count", (version) => ({ schema: { version } })),
  cache("lease.timeToLive", "time", (timeToLive) => ({ lease: { timeToLive } })),
  cache("lease.maxWait", "any time", (maxWait) => ({ lease: { maxWait } })),
  [
    'get of TypedCache "checked": option `maxAge`',
    "any time",
    (maxAge) => Effect.flatMap(cacheWith({}), ({ get }) => get("a", { maxAge }))
  ],
  [
    'getMany of TypedCache "checked": option `maxAge`',
    "any time",
    (maxAge) => Effect.flatMap(cacheWith({}), ({ getMany }) => getMany(["a"], { maxAge }))
  ],
  [
    'getMany of TypedCache "checked": option `concurrency`',
    "count",
    (concurrency) => Effect.flatMap(cacheWith({}), ({ getMany }) => getMany(["a"], { concurrency }))
  ],
  [
    'warm of TypedCache "checked": option `concurrency`',
    "count",
    (concurrency) => Effect.flatMap(cacheWith({}), ({ warm }) => warm(["a"], { concurrency }))
  ],
  [
    'warm of TypedCache "checked": option `from`',
    "count or 0",
    (from) => Effect.flatMap(cacheWith({}), ({ warm }) => warm(["a"], { from }))
  ],
  [
    'warm of TypedCache "checked": option `waitForRedis`',
    "any time",
    (waitForRedis) => Effect.flatMap(cacheWith({}), ({ warm }) => warm(["a"], { waitForRedis }))
  ]
]

const client = (
  option: string,
  kind: keyof typeof kinds,
  options: (value: number) => SupervisedExecutor.ClientOptions
): Row => [
  option,
  kind,
  (value) => Effect.flatMap(scriptedServer, ({ driver }) => SupervisedExecutor.make(driver, options(value)))
]
const ofClient = (option: keyof SupervisedExecutor.ClientOptions, kind: keyof typeof kinds): Row =>
  client(`Redis client: option \`${option}\``, kind, (value) => ({ [option]: value }))
const ofBreaker = (option: string, kind: keyof typeof kinds): Row =>
  client(`Redis client, circuitBreaker: option \`${option}\``, kind, (value) => ({
    circuitBreaker: { [option]: value }
  }))

const sentinels = { sentinels: [{ host: "127.0.0.1", port: 1 }], master: "mymaster" }

/** The options of a driver's layers. Each layer would dial, so that a wrong value must be found before. */
const ofDriver = (
  name: string,
  {
    driver,
    layer,
    layerCluster,
    layerConfig,
    layerSentinel
  }: Pick<typeof BunRedis, "driver" | "layer" | "layerCluster" | "layerConfig" | "layerSentinel">
): ReadonlyArray<Row> => {
  const built = (option: string, kind: keyof typeof kinds, layerOf: (value: number) => AnyLayer): Row => [
    option,
    kind,
    (value) => Layer.build(layerOf(value))
  ]
  return [
    built(`${name}: option \`port\``, "count", (port) => layer({ port })),
    built(`${name}: option \`database\``, "count or 0", (database) => layer({ database })),
    [
      `${name}: option \`connectTimeout\``,
      "time or for ever",
      (connectTimeout) => Effect.sync(() => driver({}, connectTimeout))
    ],
    built("Redis client: option `commandTimeout`", "time", (commandTimeout) => layer({}, { commandTimeout })),
    built("Redis client: option `commandTimeout`", "time", (commandTimeout) =>
      Layer.provide(
        layerConfig({ commandTimeout }),
        Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["REDIS_URL", "redis://127.0.0.1:1"]])))
      )
    ),
    built("Sentinel: option `sentinels.port`", "count", (port) =>
      layerSentinel({ ...sentinels, sentinels: [{ host: "127.0.0.1", port }] })
    ),
    built("Sentinel: option `database`", "count or 0", (database) => layerSentinel({ ...sentinels, database })),
    built("Sentinel: option `sentinelTimeout`", "time", (sentinelTimeout) =>
      layerSentinel({ ...sentinels, sentinelTimeout })
    ),
    built("Redis client: option `maxInFlight`", "count", (maxInFlight) => layerSentinel(sentinels, { maxInFlight })),
    built("Redis cluster: option `nodes.port`", "count", (port) => layerCluster({ nodes: [{ port }] })),
    built("Redis cluster: option `refreshInterval`", "time", (refreshInterval) =>
      layerCluster({ nodes: [{ port: 1 }], refreshInterval })
    ),
    built("Redis client: option `maxInFlight`", "count", (maxInFlight) =>
      layerCluster({ nodes: [{ port: 1 }] }, { maxInFlight })
    )
  ]
}

const ofRedis: ReadonlyArray<Row> = [
  ofClient("connectTimeout", "time or for ever"),
  ofClient("startTimeout", "time or for ever"),
  ofClient("commandTimeout", "time"),
  ofClient("subscribeTimeout", "time"),
  ofClient("heartbeatInterval", "time"),
  ofClient("timeoutsToGiveUp", "count"),
  ofClient("maxInFlight", "count"),
  ofClient("maxWaiting", "count or 0"),
  ofClient("maxKeysPerRead", "count"),
  ofClient("subscriptionBuffer", "count"),
  ofBreaker("failureRate", "fraction"),
  ofBreaker("minimumCalls", "count"),
  ofBreaker("window", "time"),
  ofBreaker("openFor", "time"),
  ...ofDriver("BunRedis", BunRedis),
  ...ofDriver("IoRedis", IoRedis),
  ...ofDriver("SocketRedis", SocketRedis),
  ["MemoryRedis: option `maxKeys`", "count", (maxKeys) => Layer.build(MemoryRedis.layer({ maxKeys }))],
  [
    "MemoryRedis: option `subscriptionCapacity`",
    "count",
    (subscriptionCapacity) => Layer.build(MemoryRedis.layer({ subscriptionCapacity }))
  ],
  [
    "RetryPolicy.withRetry: option `within`",
    "any time",
    (within) => RetryPolicy.withRetry({ within })(Effect.dieMessage("the effect ran"))
  ]
]

const limits = {
  fixedWindow: RateLimiter.fixedWindow,
  slidingLog: RateLimiter.slidingLog,
  slidingCounter: RateLimiter.slidingCounter,
  tokenBucket: RateLimiter.tokenBucket
}

const ofLimits: ReadonlyArray<Row> = Object.entries(limits).flatMap(([name, make]): ReadonlyArray<Row> => {
  const valid = { limit: 5, window: "1 minute", onUnavailable: "deny" } as const
  const owner = `RateLimiter.${name}: option`
  return [
    [
      `${owner} \`limit\``,
      name === "tokenBucket" ? "count" : "count or 0",
      (limit) => Effect.sync(() => make({ ...valid, limit }))
    ],
    [`${owner} \`window\``, "time", (window) => Effect.sync(() => make({ ...valid, window }))],
    [
      `${owner} \`onUnavailable.local.processes\``,
      "count",
      (processes) => Effect.sync(() => make({ ...valid, onUnavailable: { local: { processes } } }))
    ]
  ]
})

const key = "it"
const timeToLive = "1 minute"

const ofCoordination: ReadonlyArray<Row> = [
  ...ofLimits,
  [
    "RateLimiter.tokenBucket: option `burst`",
    "count or 0",
    (burst) =>
      Effect.sync(() => RateLimiter.tokenBucket({ limit: 5, window: "1 minute", onUnavailable: "deny", burst }))
  ],
  ['Counter "it": option `minimum`', "integer", (minimum) => Counter.make({ key, minimum })],
  ['Counter "it": option `timeToLive`', "time", (timeToLive) => Counter.make({ key, timeToLive })],
  ['Presence "it": option `timeToLive`', "time", (timeToLive) => Presence.make({ key, timeToLive })],
  ['Presence "it": option `beatEvery`', "time", (beatEvery) => Presence.make({ key, timeToLive, beatEvery })],
  ['Leaderboard "it": option `timeToLive`', "time", (timeToLive) => Leaderboard.make({ key, timeToLive })],
  [
    'Leaderboard "it": option `timeToLive`',
    "time",
    (timeToLive) => Leaderboard.makeWindows({ key, window: "daily", timeToLive })
  ]
]

const database = (option: "connectTimeout" | "operationTimeout"): Row => [
  `SqlDatabase: option \`${option}\``,
  "time",
  (value) => Layer.build(SqlDatabase.layer({ url: "sqlite::memory:", [option]: value }))
]

const httpServer = (option: "drainTimeout" | "lastRequests" | "port", kind: keyof typeof kinds): Row => [
  `HTTP server: option \`${option}\``,
  kind,
  (value) => BunServer.make({ host: "127.0.0.1", port: 0, [option]: value })
]

const ofGameAndHttp: ReadonlyArray<Row> = [
  database("connectTimeout"),
  database("operationTimeout"),
  httpServer("port", "count or 0"),
  httpServer("drainTimeout", "any time"),
  httpServer("lastRequests", "time or 0")
]

describe("an option that cannot be right", () => {
  for (const [option, kind, build] of [...ofCache, ...ofRedis, ...ofCoordination, ...ofGameAndHttp]) {
    it.scoped(`is one defect where it is built, for every wrong value of ${option}`, () =>
      Effect.gen(function* () {
        for (const value of wrongFor(kind)) {
          const cause = yield* Effect.flip(Effect.sandbox(build(value)))
          expect(Cause.failures(cause).length, String(value)).toBe(0)
          const [defect, ...others] = Cause.defects(cause)
          expect(others).toEqual([])
          expect(String(defect)).toContain(`${option} is ${value}; it must be`)
        }
      }).pipe(Effect.provide(MemoryRedis.layer()))
    )
  }
})

/** Which values of an argument are wrong, beside NaN. */
type Call = readonly [
  argument: string,
  wrong: ReadonlyArray<number>,
  call: (value: number) => Effect.Effect<unknown, RedisError | InvalidKey | { readonly _tag: string }, RedisClient>
]

const notRun = Effect.dieMessage("the body ran")
const five = RateLimiter.fixedWindow({ limit: 5, window: "1 minute", onUnavailable: "deny" })

const withLock = (options: object) =>
  Effect.flatMap(DistributedLock.make, (lock) => lock.withLock(key, { timeToLive, maxWait: 0, ...options })(notRun))
const withPermit = (options: object) =>
  Effect.flatMap(DistributedSemaphore.make, (semaphore) =>
    semaphore.withPermit(key, { permits: 2, timeToLive, maxWait: 0, ...options })(notRun)
  )
const board = <A, E>(use: (board: Leaderboard.Leaderboard) => Effect.Effect<A, E>) =>
  Effect.flatMap(Leaderboard.make({ key }), use)
const online = <A, E>(use: (presence: Presence.Presence) => Effect.Effect<A, E>) =>
  Effect.flatMap(Presence.make({ key, timeToLive }), use)

const calls: ReadonlyArray<Call> = [
  ["timeToLive", [-1, 0, Infinity], (timeToLive) => withLock({ timeToLive })],
  ["maxWait", [-1], (maxWait) => withLock({ maxWait })],
  ["timeToLive", [-1, 0, Infinity], (timeToLive) => withPermit({ timeToLive })],
  ["maxWait", [-1], (maxWait) => withPermit({ maxWait })],
  ["permits", [-1, 0, 0.5, Infinity], (permits) => withPermit({ permits })],
  [
    "cost",
    [-1, 0, 0.5, Infinity],
    (cost) => Effect.flatMap(RateLimiter.make, ({ consume }) => consume(key, five, { cost }))
  ],
  [
    "maxWait",
    [-1],
    (maxWait) =>
      Effect.flatMap(RateLimiter.make, ({ withLimit }) =>
        withLimit(key, five, { onExceeded: "delay", maxWait })(notRun)
      )
  ],
  ["offset", [-1, 0.5, Infinity], (offset) => online(({ list }) => list({ offset, limit: 1 }))],
  ["limit", [-1, 0.5, Infinity], (limit) => online(({ list }) => list({ offset: 0, limit }))],
  ["score", [Infinity], (score) => board(({ submit }) => submit("ada", score))],
  ["arrival", [-1, 0.5, Infinity], (arrival) => board(({ submit }) => submit("ada", 1, { arrival }))],
  ["offset", [0.5, Infinity], (offset) => board(({ top }) => top({ offset, limit: 1 }))],
  ["limit", [0.5, Infinity], (limit) => board(({ top }) => top({ offset: 0, limit }))],
  ["above", [-1, 0.5, Infinity], (above) => board(({ around }) => around("ada", { above, below: 0 }))],
  ["below", [-1, 0.5, Infinity], (below) => board(({ around }) => around("ada", { above: 0, below }))],
  [
    "timeToLive",
    [-1, 0, Infinity],
    (timeToLive) => Effect.flatMap(RedisClient, ({ set }) => set(key, "", { timeToLive }))
  ],
  [
    "timeToLive",
    [-1, 0, Infinity],
    (timeToLive) => Effect.flatMap(RedisClient, ({ expire }) => expire(key, timeToLive))
  ],
  ["score", [], (score) => Effect.flatMap(RedisClient, ({ zadd }) => zadd(key, score, "ada"))],
  ["increment", [], (increment) => Effect.flatMap(RedisClient, ({ zincrby }) => zincrby(key, increment, "ada"))],
  ["start", [0.5, Infinity], (start) => Effect.flatMap(RedisClient, ({ zrevrange }) => zrevrange(key, start, 1))],
  [
    "stop",
    [0.5, Infinity],
    (stop) => Effect.flatMap(RedisClient, ({ zrevrangeWithScores }) => zrevrangeWithScores(key, 0, stop))
  ],
  ["max", [], (max) => Effect.flatMap(RedisClient, ({ zrevrangebyscore }) => zrevrangebyscore(key, max, 0))],
  ["min", [], (min) => Effect.flatMap(RedisClient, ({ zrevrangebyscore }) => zrevrangebyscore(key, 1, min))],
  [
    "offset",
    [0.5, Infinity],
    (offset) => Effect.flatMap(RedisClient, ({ zrevrangebyscore }) => zrevrangebyscore(key, 1, 0, { offset, count: 1 }))
  ],
  [
    "count",
    [0.5, Infinity],
    (count) => Effect.flatMap(RedisClient, ({ zrevrangebyscore }) => zrevrangebyscore(key, 1, 0, { offset: 0, count }))
  ]
]

describe("an argument that cannot be right", () => {
  it.scoped("fails its call with InvalidArgument, which names argument and value", () =>
    Effect.gen(function* () {
      for (const [argument, wrong, call] of calls) {
        for (const value of [Number.NaN, ...wrong]) {
          expect(yield* Effect.flip(call(value)), `${argument} of ${value}: ${call}`).toMatchObject({
            _tag: "InvalidArgument",
            argument,
            value: String(value)
          })
        }
      }
      expect(yield* Effect.flatMap(RedisClient, ({ send }) => send("DBSIZE"))).toBe(0)
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})
