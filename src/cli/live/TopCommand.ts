/**
 * `effect-cache top`.
 *
 * @internal
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Terminal from "@effect/platform/Terminal"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as SecretConfig from "../../internal/input/SecretConfig.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import { RedisClient } from "../../redis/RedisClient.js"
import { type CommandFailed, ofConfig, usage } from "../frame/CommandFailed.js"
import * as Confirmation from "../frame/Confirmation.js"
import * as Connection from "../frame/Connection.js"
import * as Screen from "../frame/Screen.js"
import * as Time from "../frame/Time.js"
import * as CacheSample from "./CacheSample.js"
import * as Frame from "./Frame.js"
import * as FullScreen from "./FullScreen.js"
import * as ServerSample from "./ServerSample.js"

const options = {
  url: Options.text("url").pipe(
    Options.optional,
    Options.withDescription(
      "The statistics of the application's caches, such as http://localhost:3000/api/cache/stats. Without it the servers alone are shown."
    )
  ),
  interval: Options.text("interval").pipe(
    Options.withDefault("1 second"),
    Options.withDescription("The time between two pictures, such as '5 seconds'.")
  ),
  count: Options.integer("count").pipe(
    Options.optional,
    Options.withDescription("End after so many pictures: default never at a terminal, and 1 elsewhere.")
  ),
  json: Screen.json
}

type Sample = Effect.Effect<Either.Either<ReadonlyArray<CacheSample.Stats>, CommandFailed>>

/** Makes pictures, each of what has happened since the one before. */
const pictures = (client: RedisClient.Service, sample: Sample) =>
  Effect.gen(function* () {
    let before: ReadonlyArray<CacheSample.Stats> = Either.getOrElse(yield* sample, () => [])
    let last = yield* MonotonicClock.millis
    return Effect.gen(function* () {
      const caches = yield* sample
      const now = yield* MonotonicClock.millis
      const seconds = Math.max(now - last, 1) / 1000
      const known = new Map(before.map((stats) => [stats.name, stats]))
      const found = Either.getOrElse(caches, () => [])
      const rows = found.map((stats) => CacheSample.row(known.get(stats.name), stats, seconds))
      if (Either.isRight(caches)) {
        before = found
        last = now
      }
      const picture: Frame.Picture = {
        time: Time.iso(yield* Clock.currentTimeMillis),
        servers: yield* ServerSample.servers(client),
        caches: rows,
        problems: Either.match(caches, { onLeft: ({ message }) => [message], onRight: () => [] })
      }
      return picture
    })
  })

const sampleOf = (url: Option.Option<string>): Effect.Effect<Sample, CommandFailed, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    if (Option.isNone(url)) return Effect.succeed(Either.right([]))
    if (!URL.canParse(url.value)) return yield* usage(`--url ${url.value} is no URL`)
    const token = yield* Effect.mapError(SecretConfig.optional("EFFECT_CACHE_TOKEN"), ofConfig)
    const context = yield* Effect.context<HttpClient.HttpClient>()
    const fetched = Effect.provide(CacheSample.fetch(url.value, token), context)
    // a wrong address is said at once, and not in a picture
    yield* fetched
    return Effect.either(fetched)
  })

const intervalOf = (text: string): Effect.Effect<Duration.Duration, CommandFailed> =>
  Duration.decodeUnknown(text).pipe(
    Option.filter((interval) => Duration.greaterThanOrEqualTo(interval, "100 millis") && Duration.isFinite(interval)),
    Effect.mapError(() => usage(`--interval ${text} is no time of at least 100 milliseconds, such as '5 seconds'`))
  )

/** Draws a picture after each interval until a key ends it. */
const live = (picture: Effect.Effect<Frame.Picture>, interval: Duration.Duration) =>
  Effect.gen(function* () {
    const terminal = yield* Terminal.Terminal
    yield* FullScreen.take
    const draw = Effect.gen(function* () {
      // a terminal that does not know its size says 0
      const columns = (yield* terminal.columns) || 80
      const rows = (yield* terminal.rows) || 24
      yield* FullScreen.draw(Frame.fitted(Frame.lines(yield* picture), columns, rows))
    })
    yield* Effect.raceFirst(Effect.forever(Effect.zipRight(draw, Effect.sleep(interval))), FullScreen.quit)
  }).pipe(Effect.scoped)

export const command = Command.make("top", options, ({ count, interval, json, url }) =>
  Effect.gen(function* () {
    const pause = yield* intervalOf(interval)
    const sample = yield* sampleOf(url)
    const picture = yield* pictures(yield* RedisClient, sample)
    if (!json && Option.isNone(count) && (yield* Confirmation.Attended)) return yield* live(picture, pause)
    for (let left = Option.getOrElse(count, () => 1); left > 0; left--) {
      yield* Effect.sleep(pause)
      const shown = yield* picture
      yield* Screen.print(json, { lines: Frame.lines(shown), data: shown })
    }
  }).pipe(Connection.provide({ allowReplica: true }), Effect.provide(FetchHttpClient.layer))
).pipe(
  Command.withDescription(
    "Watch the servers, and by --url the application's caches: hits by tier, latency, lookups, connections. q or Ctrl-C quits."
  )
)
