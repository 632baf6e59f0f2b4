/**
 * `bun run demo`: the game on the embedded memory client, and once more on a server when `REDIS_URL` (or `REDIS_HOST`)
 * is set. In both, Redis is taken away half way.
 */
import { FileSystem } from "@effect/platform"
import { BunContext, BunRuntime } from "@effect/platform-bun"
import { Cause, Console, Effect, Layer, Logger, LogLevel, Option, Schedule } from "effect"
import { MemoryRedis, RedisClient, RedisConfig } from "effect-cache-toolkit"
import * as BunRedis from "effect-cache-toolkit/BunRedis"
import { CacheService, PlayerCaches, PlayerService } from "effect-cache-toolkit/game"
import * as SqlDatabase from "effect-cache-toolkit/game/SqlDatabase"
import * as ProgramArguments from "../src/internal/ProgramArguments.js"
import * as CutProxy from "./demo/CutProxy.js"
import * as Story from "./demo/Story.js"
import * as Table from "./demo/Table.js"

const title = (text: string) => Console.log(`\n${Table.bold(Table.cyan(text))}\n`)

/** The game over one Redis, with a SQLite file that ends with the scope. */
const game = <E, R>(redis: Layer.Layer<RedisClient.RedisClient, E, R>) =>
  PlayerService.layer.pipe(
    Layer.provideMerge(CacheService.layer),
    Layer.provideMerge(PlayerCaches.layer),
    Layer.provideMerge(redis),
    Layer.provideMerge(
      Layer.unwrapScoped(
        Effect.gen(function* () {
          const files = yield* FileSystem.FileSystem
          const directory = yield* files.makeTempDirectoryScoped({ prefix: "toolkit-demo-" })
          return SqlDatabase.layer({ url: `sqlite:${directory}/demo.db` })
        })
      )
    )
  )

const embedded = Effect.gen(function* () {
  yield* title("Redis embedded in the process, players in a temporary SQLite file")
  yield* Story.tell({
    takeAway: Effect.flatMap(RedisClient.RedisClient, (redis) => redis.close),
    bringBack: Option.none()
  }).pipe(Effect.provide(game(MemoryRedis.layer())))
})

/** Through a proxy of the demo's own, since cutting a connection must not touch the server or its other clients. */
const onServer = (address: RedisConfig.RedisAddress) =>
  Effect.gen(function* () {
    const keyPrefix = yield* RedisConfig.keyPrefix
    const host = address.host ?? "127.0.0.1"
    const proxy = yield* CutProxy.make({ host, port: address.port ?? 6379 })
    const proxied = {
      ...address,
      host: "127.0.0.1",
      port: proxy.port,
      tls: address.tls === undefined ? undefined : { serverName: host, ...address.tls }
    }
    yield* title(`The server at ${RedisConfig.describe(address)}, players in a temporary SQLite file`)
    // without the proxy, which accepts connections also where its target does not
    const { lastFailure, server, state } = yield* Effect.flatMap(
      RedisClient.RedisClient,
      (redis) => redis.getStatus
    ).pipe(Effect.provide(BunRedis.layer(address, { keyPrefix })))
    if (state._tag !== "Connected") {
      const cause = Option.match(lastFailure, { onNone: () => state._tag, onSome: (failure) => failure.message })
      return yield* new Story.DemoFailed({ message: `${RedisConfig.describe(address)} cannot be used: ${cause}` })
    }
    yield* Effect.transposeMapOption(server, ({ name, version }) =>
      Console.log(Table.dim(`  It is ${name} ${version}.\n`))
    )
    yield* Story.tell({ takeAway: proxy.cut, bringBack: Option.some(proxy.mend) }).pipe(
      Effect.provide(game(BunRedis.layer(proxied, { keyPrefix, reconnect: Schedule.spaced("200 millis") })))
    )
  }).pipe(Effect.scoped)

const demo = Effect.gen(function* () {
  const choice = yield* RedisConfig.config
  yield* embedded
  if (choice._tag === "Server") yield* onServer(choice.address)
  else yield* Console.log(Table.dim("\n  Set REDIS_URL=redis://localhost:6379 to see the same on a server."))
  yield* Console.log(Table.green("\nEverything went as it should."))
})

const usage = `Usage: bun run demo [--help] [--version]

Shows cold and warm reads, writes, the daily bonus, a leaderboard and an outage, in tables: on a Redis embedded in the
process, and once more on a server where a variable names one. It leaves nothing behind on that server.

  REDIS_URL   redis://[username][:password@]host[:port][/database], rediss:// for TLS
  REDIS_HOST  in the place of REDIS_URL, with REDIS_PORT, REDIS_USERNAME, REDIS_PASSWORD and REDIS_DB`

const program = demo.pipe(
  Effect.tapError((error) => Console.error(`\nThe demo failed: ${error.message}`)),
  Effect.tapDefect((cause) => Console.error(`\nThe demo failed: ${Cause.pretty(cause)}`)),
  Effect.provide(BunContext.layer),
  // the tables say it all; the log would repeat it in between
  Logger.withMinimumLogLevel(LogLevel.None)
)

const answer = ProgramArguments.answerTo(process.argv.slice(2), usage)

if (answer === undefined) BunRuntime.runMain(program, { disableErrorReporting: true })
else ProgramArguments.print(answer)
