/** Caches with `local.tracking`, each as one process has it, and what a server shows of their connections. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import type { ClientOptions } from "../../../src/redis/connection/SupervisedExecutor.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisAddress } from "../../../src/redis/RedisConfig.js"
import { type DriverName, driverNames, load } from "../server/drivers.js"
import { settle, until } from "../until.js"

/** The drivers that track. */
export const drivers = driverNames.filter((name) => name !== "BunRedis")

/** Pauses so short that a test does not wait for them. */
export const soon: ClientOptions = { reconnect: Schedule.spaced("20 millis"), probe: Schedule.spaced("20 millis") }

export const clientOf = (driver: DriverName, address: RedisAddress, options: ClientOptions = {}) =>
  Effect.flatMap(
    Effect.promise(() => load(driver)),
    ({ layer }) =>
      Effect.map(Layer.build(layer(address, { ...soon, ...options })), (context) => Context.get(context, RedisClient))
  )

/** A cache of one process, and how often its source was asked. */
export const make = (
  redis: RedisClient.Service,
  options: {
    readonly name?: string
    readonly tracking?: boolean
    readonly isLocal?: boolean
    readonly source?: string
  } = {}
) =>
  Effect.gen(function* () {
    const { isLocal = true, name = "user", source = "", tracking = true } = options
    let lookups = 0
    const cache = yield* TypedCache.make({
      name,
      key: Schema.String,
      value: Schema.String,
      timeToLive: "1 hour",
      local: isLocal ? { capacity: 10, timeToLive: "1 hour", tracking } : undefined,
      lookup: (id) => Effect.sync(() => `${source}${id} ${++lookups}`)
    }).pipe(Effect.provideService(RedisClient, redis))
    return {
      cache,
      lookups: () => lookups,
      isLocal: (id: string) => Effect.map(cache.getResult(id), ({ source }) => source === "Local")
    }
  })

export type TrackedCache = Effect.Effect.Success<ReturnType<typeof make>>

interface Server {
  readonly send: (command: string, ...args: ReadonlyArray<string>) => Effect.Effect<unknown>
}

/** The connections that track, by their ids. */
export const trackers = (server: Server) =>
  Effect.map(server.send("CLIENT", "LIST"), (list) =>
    Array.from(String(list).matchAll(/^id=(\d+) .* flags=[A-Za-z]*t/gm), ([, id = ""]) => id)
  )

export const tracks = (server: Server, count = 1) =>
  until(`${count} connections track`, () => Effect.map(trackers(server), ({ length }) => length === count))

/**
 * Reads a key until Redis has it and it stays in the local tier: a push of the process's own write drops it once, and a value
 * that was looked up without Redis is only local.
 */
export const keepLocally = (process: TrackedCache, id: string) =>
  until("Redis and the local tier have the value", () =>
    Effect.gen(function* () {
      const { source } = yield* process.cache.getResult(id, { local: false })
      yield* settle
      return source === "Redis" && (yield* process.isLocal(id))
    })
  )

/** Waits until the value is looked up once more. */
export const isLookedUpAgain = (process: TrackedCache, id: string, before: number) =>
  until("the value is looked up again", () => Effect.map(process.cache.get(id), () => process.lookups() > before))
