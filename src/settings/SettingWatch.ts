/**
 * Keeps the settings of this process as Redis has them: at its start, on each message, after each gap, and every half a
 * minute. While Redis cannot be read the last known ones stay, and end at their time.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as LogLevel from "effect/LogLevel"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as AppliedSettings from "./AppliedSettings.js"
import * as Setting from "./Setting.js"
import * as SettingStore from "./SettingStore.js"
import * as SettingText from "./SettingText.js"

const longestPause = Duration.seconds(30)

/** A client that is switched off says so once elsewhere. It has no settings. */
const isDisabled = (error: RedisError): boolean => error._tag === "RedisUnavailable" && error.reason === "Disabled"

/** What a field or a text of Redis may show of itself in a line of the log. */
const quoted = (text: string): string => JSON.stringify(text.slice(0, 100))

const warnRejected = (what: string, problem: string) => Effect.logWarning(`setting rejected, ${what}: ${problem}`)

/**
 * Watches for as long as the scope is open. It returns when the settings of this moment are applied, or cannot be read.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (redis: RedisClient.Service): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const wake = yield* Queue.sliding<void>(1)
    /** what no hash holds, by field */
    const heard = new Map<string, Setting.Setting>()
    /** the operators that removed settings since the last round, by field */
    const removedBy = new Map<string, string>()
    let stored: SettingStore.Stored = { settings: new Map(), rejected: [] }
    /** the fields of the hash that were reported already */
    let reported: ReadonlySet<string> = new Set()
    /** the kind of the failure to read them; undefined where they were read */
    let failed: RedisError["_tag"] | undefined

    const hear = (text: string): Effect.Effect<void> =>
      Effect.suspend(() => {
        const message = SettingStore.messageOf(text)
        if (Either.isLeft(message)) return warnRejected("a message", "it is no message of this version")
        if (message.right._tag === "Set") {
          const settings = Either.all(message.right.texts.map(SettingText.decode))
          if (Either.isLeft(settings)) return warnRejected("a message", settings.left)
          for (const setting of settings.right) heard.set(Setting.fieldOf(setting), setting)
        } else if (message.right._tag === "Unset") {
          const { by, kind, name, options } = message.right
          for (const option of Setting.options[kind]) {
            if (!options.includes(option)) continue
            const field = Setting.field({ kind, name }, option)
            heard.delete(field)
            // it stands in a line of the log, and anybody may publish it
            removedBy.set(field, quoted(by))
          }
        }
        return Effect.void
      })

    const readStored = Effect.matchEffect(SettingStore.read(redis), {
      onFailure: (error) => {
        if (error._tag === failed || isDisabled(error)) return Effect.void
        failed = error._tag
        // the client has said why there is no connection
        const level = failed === "RedisUnavailable" ? LogLevel.Debug : LogLevel.Warning
        return Effect.logWithLevel(level, `settings cannot be read, and the last known ones stay: ${error.message}`)
      },
      onSuccess: (read) => {
        failed = undefined
        stored = read
        const news = read.rejected.filter(({ field }) => !reported.has(field))
        reported = new Set(read.rejected.map(({ field }) => field))
        return Effect.forEach(news, ({ field, problem }) => warnRejected(`field ${quoted(field)}`, problem), {
          discard: true
        })
      }
    })

    const removeEnded = (now: number) =>
      Effect.forEach(
        Array.from(stored.settings).filter(([, { setting }]) => (setting.until ?? Number.POSITIVE_INFINITY) <= now),
        ([field, { text }]) => Effect.ignore(SettingStore.removeEnded(redis, field, text)),
        { discard: true }
      )

    /** Answers when the next round is due at the latest. */
    const round = Effect.gen(function* () {
      yield* readStored
      const now = yield* redis.serverTime
      const { endsInMillis, settings } = AppliedSettings.unended(
        [...Array.from(stored.settings.values(), ({ setting }) => setting), ...heard.values()],
        now
      )
      for (const [field, { until = Number.POSITIVE_INFINITY }] of heard) if (until <= now) heard.delete(field)
      yield* AppliedSettings.replace(redis, "Operator", settings, removedBy)
      removedBy.clear()
      if (failed === undefined) yield* removeEnded(now)
      return Duration.min(longestPause, Duration.millis(Math.ceil(endsInMillis)))
    })

    let pause = yield* round
    yield* redis.subscribe(SettingStore.channelOf(redis)).pipe(
      Stream.runForEach((event) =>
        Effect.zipRight(event._tag === "Message" ? hear(event.message) : Effect.void, Queue.offer(wake, undefined))
      ),
      Effect.tapError((error) =>
        isDisabled(error) ? Effect.void : Effect.logWarning(`changes of settings are heard late: ${error.message}`)
      ),
      Effect.retry(Schedule.spaced(longestPause)),
      Effect.ignore,
      Effect.forkScoped
    )
    yield* Effect.suspend(() => Effect.timeoutOption(Queue.take(wake), pause)).pipe(
      Effect.zipRight(round),
      Effect.tap((next) =>
        Effect.sync(() => {
          pause = next
        })
      ),
      Effect.forever,
      Effect.forkScoped
    )
  })
