/** A process with two caches over one database. It runs the requests of its input concurrently. */
import * as BunRuntime from "@effect/platform-bun/BunRuntime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import {
  type Answer,
  type CacheName,
  NextRow,
  type Operation,
  Reply,
  Request,
  Row,
  readyId,
  Settings
} from "./messages.js"

class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", { cause: Schema.Defect }) {}
class FailedAfterCommit extends Schema.TaggedError<FailedAfterCommit>()("FailedAfterCommit", Row.fields) {}

const decodeRow = Schema.decodeUnknown(Row)
const encodeReply = Schema.encodeSync(Reply)

const say = (id: number, answer: Answer) =>
  Effect.sync(() => {
    process.stdout.write(encodeReply({ id, answer }) + "\n")
  })

const program = Effect.gen(function* () {
  const settings = yield* Schema.decodeUnknown(Settings)(process.argv[2])
  const redis = yield* RedisClient

  const ask = (method: "GET" | "POST", key: string) =>
    Effect.tryPromise({
      try: async (signal) => {
        const path = [settings.name, key].map(encodeURIComponent).join("/")
        const response = await fetch(`${settings.database}/${path}`, { method, signal })
        return response.json()
      },
      catch: (cause) => new DatabaseError({ cause })
    }).pipe(Effect.flatMap(decodeRow), Effect.catchTag("ParseError", Effect.die))

  const make = (name: CacheName) => {
    const options = {
      name,
      key: Schema.String,
      timeToLive: "1 minute",
      lease: { timeToLive: settings.leaseTime },
      outage: { maxLookups: settings.maxLookups },
      local: name === "tiered" ? { capacity: 1_000, timeToLive: settings.localTime } : undefined,
      lookup: (key: string) => ask("GET", key)
    } as const
    return settings.isNextRelease === true
      ? TypedCache.make({
          ...options,
          value: NextRow,
          schema: { version: 2, migrations: { 1: TypedCache.migration(Row, (row) => row) } }
        })
      : TypedCache.make({ ...options, value: Row })
  }
  const caches = { remote: yield* make("remote"), tiered: yield* make("tiered") }

  const stats = Effect.gen(function* () {
    const [remote, tiered] = yield* Effect.all([caches.remote.stats, caches.tiered.stats])
    return {
      isOpen: (yield* caches.remote.isAvailable) && (yield* caches.tiered.isAvailable),
      outbox: remote.outbox + tiered.outbox,
      decodeFailures: remote.decodeFailures + tiered.decodeFailures
    }
  })

  const write = (operation: Extract<Operation, { readonly _tag: "Write" }>) => {
    const { key } = operation
    const cache = caches[operation.cache]
    const commit = ask("POST", key)
    switch (operation.write) {
      case "invalidate":
        return Effect.tap(commit, () => cache.invalidate(key))
      case "set":
        return Effect.tap(commit, (row) => cache.set(key, row))
      case "update":
        return cache.update(key, commit)
      case "updateThatFails":
        return cache
          .update(
            key,
            Effect.flatMap(commit, (row) => Effect.fail(new FailedAfterCommit(row)))
          )
          .pipe(Effect.catchTag("FailedAfterCommit", ({ version }) => Effect.succeed({ version })))
    }
  }

  const perform = (operation: Operation): Effect.Effect<Answer, unknown> => {
    switch (operation._tag) {
      case "Read":
        return Effect.map(caches[operation.cache].getResult(operation.key), ({ source, value }) => ({
          _tag: "Read",
          version: value.version,
          source
        }))
      case "Write":
        return Effect.zipWith(write(operation), stats, ({ version }, { outbox }) => ({
          _tag: "Written",
          version,
          acknowledged: outbox === 0
        }))
      case "Status":
        return Effect.zipWith(redis.getStatus, stats, ({ connected, generation }, stats) => ({
          _tag: "Status",
          connected,
          generation,
          ...stats
        }))
    }
  }

  const answer = (operation: Operation): Effect.Effect<Answer> =>
    Effect.matchCause(perform(operation), {
      onSuccess: (answer) => answer,
      onFailure: (cause) => ({ _tag: "Failed", error: String(cause) })
    })

  yield* say(readyId, yield* answer({ _tag: "Status" }))
  yield* Stream.fromReadableStream(
    () => Bun.stdin.stream(),
    (cause) => ({ _tag: "InputBroke", cause }) as const
  ).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.mapEffect(Schema.decode(Request)),
    Stream.runForEach(({ id, operation }) =>
      Effect.fork(Effect.flatMap(answer(operation), (answer) => say(id, answer)))
    )
  )
})

const redis = Effect.map(Schema.decodeUnknown(Settings)(process.argv[2]), (settings) =>
  driverUnderTest.layer(
    {
      port: settings.redisPort,
      ...(settings.username === undefined ? {} : { username: settings.username }),
      ...(settings.password === undefined ? {} : { password: Redacted.make(settings.password) })
    },
    {
      commandTimeout: settings.commandTimeout,
      connectTimeout: Math.max(1_000, settings.commandTimeout),
      heartbeatInterval: "200 millis",
      reconnect: Schedule.spaced("50 millis"),
      circuitBreaker: { openFor: "100 millis" }
    }
  )
)

Effect.flatMap(redis, (layer) => Effect.provide(program, layer)).pipe(
  Effect.scoped,
  // the output carries answers only
  Effect.provide(Logger.remove(Logger.defaultLogger)),
  BunRuntime.runMain({ disablePrettyLogger: true })
)
