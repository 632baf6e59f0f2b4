/** Two processes that apply settings to a cache, and the operator who makes the settings. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { RedisClient } from "../../src/redis/RedisClient.js"
import * as RuntimeSettings from "../../src/settings/RuntimeSettings.js"
import * as CapturedLog from "../support/CapturedLog.js"
import * as CacheWorld from "../support/cache/CacheWorld.js"
import * as OutageRedis from "../support/faults/OutageRedis.js"
import { settle } from "../support/until.js"

export const by = "ada"
export const hash = "{effect-cache-toolkit}:settings"
const local = { capacity: 100, timeToLive: "1 minute" } as const
export const on = (redis: RedisClient.Service) => Effect.provideService(RedisClient, redis)

/** Two processes that listen to settings, and what they log. The operator has a connection of their own. */
export const processes = (rows: Readonly<Record<string, number>>, settings: CacheWorld.SettingsOf = { local }) =>
  Effect.gen(function* () {
    const world = CacheWorld.make(rows, settings)
    const server = yield* OutageRedis.make
    const log = yield* CapturedLog.make
    const listen = (connection: Effect.Effect.Success<typeof server.connect>) =>
      Layer.build(Layer.provide(RuntimeSettings.layer, log.layer)).pipe(on(connection.redis))
    const starting = Effect.gen(function* () {
      const connection = yield* server.connect
      const cache = yield* world.cache().pipe(on(connection.redis))
      yield* listen(connection)
      return { connection, cache }
    })
    const lives: Array<Scope.CloseableScope> = []
    const start = Effect.flatMap(Scope.make(), (life) => {
      lives.push(life)
      return Scope.extend(starting, life)
    })
    /** Ends every process that has started. */
    const stop = Effect.suspend(() => Effect.forEach(lives.splice(0), (life) => Scope.close(life, Exit.void)))
    yield* Effect.addFinalizer(() => stop)
    const [one, other] = [yield* start, yield* start]
    yield* settle
    yield* TestClock.adjust("1 second")
    const operator = (yield* server.connect).redis
    const set = (values: RuntimeSettings.Values, options: Partial<RuntimeSettings.ChangeOptions> = {}) =>
      Effect.zipLeft(on(operator)(RuntimeSettings.set(world.name, values, { by, ...options })), settle)
    const unset = Effect.zipLeft(on(operator)(RuntimeSettings.unset(world.name, { by: "bob" })), settle)
    const lines = (part: string) => log.lines.filter(({ text }) => text.includes(part))
    return { ...world, server, one, other, start, stop, listen, operator, set, unset, log, lines }
  })

export const resultOf = (cache: CacheWorld.Cache, id = "a") =>
  Effect.map(cache.getResult(id), ({ reason, source, value }) => [source, value, reason])

export const timeLeft = (cache: CacheWorld.Cache, id: string) =>
  Effect.map(cache.getResult(id), (result) => Duration.toSeconds(result.timeLeft))
