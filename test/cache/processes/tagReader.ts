/** A process that reads the ids of each line of its input, and answers each value and its source. */
import * as BunRuntime from "@effect/platform-bun/BunRuntime"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as TaggedCache from "./TaggedCache.js"

class InputBroke extends Data.TaggedError("InputBroke")<{ readonly cause: unknown }> {}

const decodeIds = Schema.decode(Schema.parseJson(Schema.Array(Schema.Int)))

const program = Effect.gen(function* () {
  const cache = yield* TaggedCache.make
  yield* Stream.fromReadableStream(
    () => Bun.stdin.stream(),
    (cause) => new InputBroke({ cause })
  ).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.mapEffect(decodeIds),
    Stream.runForEach((ids) =>
      Effect.flatMap(Effect.forEach(ids, cache.getResult, { concurrency: "unbounded" }), (answers) =>
        Effect.sync(() => {
          process.stdout.write(`${JSON.stringify(answers.map(({ source, value }) => [source, value]))}\n`)
        })
      )
    )
  )
})

BunRuntime.runMain(
  Effect.scoped(program).pipe(
    // heartbeats of the subscription are commands, which the test would count
    Effect.provide(
      driverUnderTest.layer({ host: "127.0.0.1", port: Number(process.argv[2]) }, { heartbeatInterval: "1 hour" })
    ),
    // the output carries answers only
    Effect.provide(Logger.minimumLogLevel(LogLevel.None))
  )
)
