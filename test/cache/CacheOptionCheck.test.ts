import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../src/cache/TypedCache.js"
import { InvalidOption } from "../../src/internal/input/OptionCheck.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"

type Settings = Partial<
  TypedCache.CacheSettings<string, string, TypedCache.Failures<Gone, Duration.DurationInput | undefined>>
>

class Gone extends Schema.TaggedError<Gone>()("Gone", {}) {}

const local = { capacity: 10, timeToLive: "1 second" } as const

/** Each with the option that the defect names. */
const wrong: ReadonlyArray<readonly [option: string, shown: string, settings: Settings]> = [
  ["timeToLive", "-1", { timeToLive: -1 }],
  ["timeToLive", "NaN", { timeToLive: Number.NaN }],
  ["jitter", "7", { jitter: 7 }],
  ["jitter", "-0.1", { jitter: -0.1 }],
  ["staleFor", '"-1 hour"', { staleFor: "-1 hour" }],
  ["maxBatch", "0", { maxBatch: 0 }],
  ["compression.above", "NaN", { compression: { above: Number.NaN } }],
  ["local.capacity", "0", { local: { ...local, capacity: 0 } }],
  ["local.maxBytes", "0.5", { local: { ...local, maxBytes: 0.5 } }],
  ["local.timeToLive", "-1", { local: { ...local, timeToLive: -1 } }],
  ["refresh.ahead.after", "80", { refresh: { ahead: { after: 80 } } }],
  ["refresh.ahead.beta", "0", { refresh: { ahead: { beta: 0 } } }],
  ["refresh.softTimeout", "NaN", { refresh: { softTimeout: Number.NaN } }],
  ["refresh.hardTimeout", "0", { refresh: { hardTimeout: 0 } }],
  ["refresh.pause", "-1", { refresh: { pause: -1 } }],
  ["outage.maxLookups", "0", { outage: { maxLookups: 0 } }],
  ["outage.maxWaiting", "-1", { outage: { maxWaiting: -1 } }],
  ["outage.outboxCapacity", "0", { outage: { outboxCapacity: 0 } }],
  ["negative.timeToLive", "NaN", { negative: { error: Gone, timeToLive: Number.NaN } }],
  ["schema.version", "1.5", { schema: { version: 1.5 } }],
  [
    "schema.migrations",
    '"from version 2"',
    { schema: { version: 2, migrations: { 2: TypedCache.migration(Schema.String, (text) => text) } } }
  ],
  ["lease.timeToLive", "0", { lease: { timeToLive: 0 } }],
  ["lease.timeToLive", "Infinity", { lease: { timeToLive: Duration.infinity } }],
  ["lease.maxWait", "-1", { lease: { maxWait: -1 } }]
]

const made = (settings: Settings) =>
  TypedCache.make({
    name: "checked",
    key: Schema.String,
    value: Schema.String,
    timeToLive: "1 minute",
    lookup: (id: string) => Effect.succeed(id),
    ...settings
  }).pipe(
    Effect.flatMap(({ get }) => get("a")),
    Effect.exit,
    Effect.provide(MemoryRedis.layer())
  )

describe("a cache", () => {
  for (const [option, shown, settings] of wrong) {
    it.scoped(`is not built with the option ${option} of ${shown}, and dies with the name of that option`, () =>
      Effect.map(made(settings), (exit) => {
        const defects = Exit.isFailure(exit) ? Chunk.toReadonlyArray(Cause.defects(exit.cause)) : []
        expect(defects).toHaveLength(1)
        expect(defects[0]).toBeInstanceOf(InvalidOption)
        expect(defects[0]).toMatchObject({ owner: 'TypedCache "checked"', option, value: shown })
      })
    )
  }

  it.scoped("is built with the least and the greatest of each option", () =>
    Effect.gen(function* () {
      const least: Settings = {
        timeToLive: 0,
        jitter: 0,
        staleFor: 0,
        maxBatch: 1,
        compression: { above: 0 },
        local: { capacity: 1, maxBytes: 1, timeToLive: 0 },
        refresh: { ahead: { after: 0 }, softTimeout: 0, pause: 0 },
        outage: { maxLookups: 1, maxWaiting: 0, outboxCapacity: 1 },
        negative: { error: Gone, timeToLive: 0 },
        lease: { timeToLive: 1, maxWait: 0 }
      }
      const endless = Duration.infinity
      const greatest: Settings = {
        timeToLive: endless,
        jitter: 1,
        staleFor: endless,
        local: { capacity: 10, timeToLive: endless },
        refresh: { ahead: { after: 1 }, softTimeout: endless, hardTimeout: endless, pause: endless },
        negative: { error: Gone, timeToLive: endless },
        lease: { maxWait: endless }
      }
      expect(yield* made(least)).toEqual(Exit.succeed("a"))
      expect(yield* made(greatest)).toEqual(Exit.succeed("a"))
    })
  )
})
