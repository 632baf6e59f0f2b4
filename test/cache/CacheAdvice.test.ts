import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"
import * as CacheAdvice from "../../src/cache/CacheAdvice.js"
import * as CapturedLog from "../support/CapturedLog.js"

type Options = CacheAdvice.AdvisedOptions<string, string>

const base: Options = { name: "user", timeToLive: "5 minutes" }

const contradictions: ReadonlyArray<[what: string, Partial<Options>, CacheAdvice.Surroundings, RegExp]> = [
  [
    "a local tier that outlives its values",
    { local: { capacity: 10, timeToLive: "1 hour" } },
    {},
    /local\.timeToLive \(1h\) is longer than timeToLive \(5m\)/
  ],
  ["an error that outlives values", { negative: { timeToLive: "1 hour" } }, {}, /negative\.timeToLive \(1h\)/],
  [
    "a hard timeout below the soft one",
    { staleFor: "1 hour", refresh: { softTimeout: "2 seconds", hardTimeout: "1 second" } },
    {},
    /refresh\.hardTimeout \(1s\) is not longer than refresh\.softTimeout \(2s\)/
  ],
  ["a soft timeout without stale values", { refresh: { softTimeout: "1 second" } }, {}, /without staleFor/],
  [
    "a lease below the time-out of a command",
    { lease: { timeToLive: "500 millis" } },
    { commandTimeoutMillis: 1000 },
    /lease\.timeToLive \(500ms\) is shorter than the time-out of a command \(1000 ms\)/
  ],
  [
    "a wait for a lease below the hard timeout",
    { refresh: { hardTimeout: "1 minute" } },
    {},
    /lease\.maxWait \(30s\) is shorter than refresh\.hardTimeout \(1m\)/
  ],
  ["more lookups than connections", {}, { poolSize: 10 }, /outage\.maxLookups \(32\) is above the pool/],
  [
    "a bound on lookups that never run",
    { outage: { onUnavailable: "fail", maxLookups: 8 } },
    {},
    /outage\.maxLookups has no effect/
  ],
  [
    "a memory that never answers",
    { local: { capacity: 10, timeToLive: "1 minute", keepStale: "1 hour" }, outage: { onUnavailable: "fail" } },
    {},
    /local\.keepStale has no effect/
  ],
  [
    "tags without a bound",
    { tags: () => ["a"], timeToLive: Duration.infinity },
    {},
    /tags with a timeToLive of .* no bound/
  ]
]

describe("advice", () => {
  for (const [what, options, surroundings, sentence] of contradictions) {
    it(`names ${what}, and nothing else`, () => {
      const advice = CacheAdvice.of({ ...base, ...options }, surroundings)
      expect(advice.length).toBe(1)
      expect(advice[0]).toMatch(sentence)
    })
  }

  it("has nothing to say of options that fit", () => {
    const fitting: Options = {
      ...base,
      staleFor: "1 minute",
      tags: () => ["a"],
      local: { capacity: 10, timeToLive: "5 minutes" },
      negative: { timeToLive: "10 seconds" },
      refresh: { softTimeout: "100 millis", hardTimeout: "5 seconds" },
      lease: { timeToLive: "5 seconds", maxWait: "30 seconds" },
      outage: { maxLookups: 8 }
    }
    expect(CacheAdvice.of(fitting, { commandTimeoutMillis: 1000, poolSize: 10 })).toEqual([])
    expect(CacheAdvice.of(base)).toEqual([])
  })

  it("knows nothing of a time to live that depends on the value", () => {
    const local = { capacity: 1, timeToLive: "1 hour" } as const
    expect(CacheAdvice.of({ ...base, timeToLive: () => "1 second", local })).toEqual([])
  })
})

/** As `SqlClient` of `@effect/sql` is in a context. */
const SqlClient = Context.GenericTag<"SqlClient", unknown>("@effect/sql/SqlClient")

const build = (options: Partial<TypedCache.CacheSettings<string, string>>) =>
  TypedCache.make({
    name: "user",
    key: Schema.String,
    value: Schema.String,
    timeToLive: "5 minutes",
    lookup: (id: string) => Effect.succeed(id),
    ...options
  })

const warningsOf = <A, E>(program: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const log = yield* CapturedLog.make
    yield* Effect.provide(program, log.layer)
    return log.lines.filter(({ level }) => level === "WARN").map(({ text }) => text)
  })

describe("a cache whose options contradict each other", () => {
  it.effect("logs one warning that names all of them when it is built", () =>
    Effect.gen(function* () {
      const program = Effect.flatMap(
        build({ local: { capacity: 10, timeToLive: "1 hour" }, refresh: { softTimeout: "1 second" } }),
        (cache) => Effect.all([cache.get("a"), cache.get("b")])
      ).pipe(Effect.scoped, Effect.provide(MemoryRedis.layer()))
      const warnings = yield* warningsOf(program)
      expect(warnings.length).toBe(1)
      expect(warnings[0]).toMatch(/^cache user: local\.timeToLive .*; refresh\.softTimeout has no effect/)
    })
  )

  it.effect("is compared with the pool of the SQL client that its lookups have", () =>
    Effect.gen(function* () {
      const program = build({}).pipe(
        Effect.scoped,
        Effect.provide(MemoryRedis.layer()),
        Effect.provideService(SqlClient, { config: { maxConnections: 4 } })
      )
      expect((yield* warningsOf(program))[0]).toMatch(
        /outage\.maxLookups \(32\) is above the pool of the SQL client \(4\)/
      )
    })
  )

  it.effect("logs nothing where the options fit", () =>
    Effect.gen(function* () {
      expect(yield* warningsOf(build({}).pipe(Effect.scoped, Effect.provide(MemoryRedis.layer())))).toEqual([])
    })
  )
})
