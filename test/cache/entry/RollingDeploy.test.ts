/** Two releases of a program at once on one server: the next one stores its values in another form. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import { inTime, test, title } from "../../support/faults/FaultSuite.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import * as CacheProcess from "../processes/CacheProcess.js"
import type { CacheName, Write } from "../processes/messages.js"
import * as SharedDatabase from "../processes/SharedDatabase.js"
import * as Watched from "../processes/Watched.js"

const seconds = Number(process.env.ROLLING_SECONDS ?? 10)

const localTime = 50
const caches: ReadonlyArray<CacheName> = ["remote", "tiered"]
const writes: ReadonlyArray<Write> = ["invalidate", "set", "update", "updateThatFails"]
/** each cache has rows of its own */
const rows = caches.flatMap((cache) => Array.from({ length: 12 }, (_, i) => ({ cache, key: `${cache} ${i}` })))
type Rows = typeof rows

const world = (pause: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const server = yield* RedisServer.make()
    const database = yield* SharedDatabase.make(() => pause)
    const start = (name: string, isNextRelease: boolean) =>
      CacheProcess.start({
        name,
        isNextRelease,
        database: database.url,
        redisPort: server.port,
        localTime,
        // a busy machine is no outage
        commandTimeout: 2_000,
        leaseTime: 2_000,
        maxLookups: 64
      })
    const stored = (key: string) => Effect.map(server.send("GET", `remote:${key}`), String)
    return { server, database, start, stored }
  })

describe("two releases at once, of which one migrates what the other stores", () => {
  test(
    title(`answer each read with nothing old and lose no write, for ${seconds} seconds under load`),
    () =>
      Effect.gen(function* () {
        const { database, start } = yield* world(
          Effect.flatMap(Random.nextIntBetween(0, 4), (millis) => Effect.sleep(millis))
        )
        const watched = Watched.make({ localTime })
        let [reads, written] = [0, 0]

        const pick = <A>(items: ReadonlyArray<A>) =>
          Effect.map(Random.nextIntBetween(0, items.length), (i) => items[i]).pipe(Effect.flatMap(Effect.fromNullable))
        const read = (process: CacheProcess.CacheProcess) =>
          Effect.gen(function* () {
            const { cache, key } = yield* pick(rows)
            yield* inTime(watched.read(process, cache, key))
            reads++
          })
        /** One write of a key at a time, as `set` wants it: each writer has rows of its own. */
        const write = (process: CacheProcess.CacheProcess, own: Rows) =>
          Effect.gen(function* () {
            const { cache, key } = yield* pick(own)
            const { acknowledged } = yield* inTime(watched.write(process, cache, key, yield* pick(writes)))
            expect(acknowledged).toBe(true)
            written++
            yield* Effect.sleep(yield* Random.nextIntBetween(0, 40))
          })
        let isOver = false
        const untilOver = <E>(effect: Effect.Effect<void, E>) => Effect.repeat(effect, { until: () => isOver })
        const load = (process: CacheProcess.CacheProcess, own: Rows) =>
          Effect.fork(
            Effect.all([untilOver(write(process, own)), ...Array.from({ length: 4 }, () => untilOver(read(process)))], {
              concurrency: "unbounded",
              discard: true
            })
          )
        const ownRows = (i: number) => rows.filter((_, at) => at % 4 === i)

        const old = yield* Effect.all([start("old 1", false), start("old 2", false)])
        const before = yield* Effect.forEach(old, (process, i) => load(process, ownRows(i)))
        const next = yield* Effect.all([start("next 1", true), start("next 2", true)])
        const after = yield* Effect.forEach(next, (process, i) => load(process, ownRows(2 + i)))
        yield* Effect.sleep(`${seconds} seconds`)
        isOver = true
        // with what any of them has failed with
        yield* Fiber.joinAll([...before, ...after])

        expect(watched.mistakes).toEqual([])
        expect(written).toBeGreaterThan(seconds)
        expect(reads).toBeGreaterThan(seconds * 10)
        // the last messages arrive, and what is held in the processes ends
        yield* Effect.sleep(4 * localTime)
        for (const process of [...old, ...next]) {
          for (const { cache, key } of rows) {
            expect((yield* process.get(cache, key)).version, `${process.name}, ${key}`).toBe(database.version(key))
          }
        }
        const failures = (processes: ReadonlyArray<CacheProcess.CacheProcess>) =>
          Effect.forEach(processes, ({ status }) => Effect.map(status, ({ decodeFailures }) => decodeFailures))
        expect(yield* failures(next)).toEqual([0, 0])
        for (const count of yield* failures(old)) expect(count).toBeGreaterThan(0)
      }),
    { timeout: 60_000 + seconds * 2_000 }
  )

  test(title("do not fight: what the next one writes is looked up once, and is then for both"), () =>
    Effect.gen(function* () {
      const { database, start, stored } = yield* world(Effect.void)
      const [old, next] = yield* Effect.all([start("old", false), start("next", true)])
      yield* next.write("remote", "key", "set")
      expect(yield* stored("key")).toContain('"version":2,"value":{"commit":2}')
      for (let i = 0; i < 10; i++) {
        expect((yield* next.get("remote", "key")).version).toBe(2)
        expect((yield* old.get("remote", "key")).version).toBe(2)
      }
      expect(database.lookupsOf("key")).toEqual(["old"])
      expect(yield* stored("key")).toContain('"value":{"version":2}')
    })
  )
})
