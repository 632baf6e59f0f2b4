/**
 * The server that everything is measured against, and the clients on it. Each is open for as long as its scope.
 */
import type { RedisClient as BunClient } from "bun"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as BunRedis from "../../src/redis/driver/BunRedis.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import * as RedisConfig from "../../src/redis/RedisConfig.js"
import * as RedisServer from "../../test/support/server/RedisServer.js"

export class BenchServer extends Context.Tag("bench/BenchServer")<
  BenchServer,
  {
    readonly url: string
    /** the server's name and version */
    readonly server: string
  }
>() {}

/** The bare client of the runtime. */
export const bunClient = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client: BunClient = new Bun.RedisClient(url)
      await client.connect()
      return client
    }),
    (client) => Effect.sync(() => client.close())
  )

/** The toolkit's client, connected. */
export const toolkitClient = (url: string) =>
  Effect.gen(function* () {
    const address = yield* Effect.orDieWith(RedisConfig.fromUrl(Redacted.make(url)), (problem) => new Error(problem))
    const context = yield* Layer.build(BunRedis.layer(address))
    const client = Context.get(context, RedisClient)
    yield* Stream.runHead(Stream.filter(client.statusChanges, ({ _tag }) => _tag === "Connected"))
    return client
  }).pipe(Effect.orDie)

const serverName = (url: string) =>
  Effect.scoped(
    Effect.flatMap(bunClient(url), (client) =>
      Effect.promise(async () => {
        const info = String(await client.send("INFO", ["server"]))
        const version = (name: string) => new RegExp(`^${name}_version:\\S*?([\\d.]+)`, "m").exec(info)?.[1]
        const dragonfly = version("dragonfly")
        const valkey = version("valkey")
        if (dragonfly !== undefined) return `Dragonfly ${dragonfly}`
        return valkey === undefined ? `Redis ${version("redis") ?? "of unknown version"}` : `Valkey ${valkey}`
      })
    )
  )

/** `BENCH_REDIS_URL`, whose database is emptied, or a server of our own on a free port. */
export const layer: Layer.Layer<BenchServer> = Layer.scoped(
  BenchServer,
  Effect.gen(function* () {
    const given = process.env.BENCH_REDIS_URL
    const url = given === undefined || given === "" ? (yield* RedisServer.make()).url : given
    return { url, server: yield* serverName(url) }
  })
)

/** An empty database before and after. */
export const emptied = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | BenchServer> =>
  Effect.flatMap(BenchServer, ({ url }) => {
    const empty = Effect.scoped(
      Effect.flatMap(bunClient(url), (client) => Effect.promise(() => client.send("FLUSHDB", [])))
    )
    return Effect.zipRight(empty, Effect.ensuring(effect, empty))
  })
