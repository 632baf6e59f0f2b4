/**
 * Readers and writers of a cache in a process of their own: `lookups.ts <url> <cache> <number of the process> <milliseconds of a
 * lookup> <time to live in milliseconds>`. Answers each line of its input, which begins with the name of what it is to do.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { keySet, sequence } from "../measure/Keys.js"
import * as PeerVersions from "../peers/PeerVersions.js"
import { bunClient } from "../run/BenchServer.js"
import * as LineProcess from "../run/LineProcess.js"
import { quiet } from "../run/Logging.js"
import * as Versions from "../subjects/Versions.js"

const [, , url = "", name = "", number = "0", lookupMillis = "0", timeToLiveMillis = "0"] = process.argv

/** the draws that the next process skips: each has keys of its own */
const skippedDraws = 7_919

/** how many reads there are for each write */
const readsPerWrite = 20

/** between two reads of a caller of hot keys, in milliseconds */
const readPause = 10

/** The lookups since the last line, for its answer: which row, and when it began. */
let lookups: Array<readonly [index: number, started: number]> = []

const program = Effect.gen(function* () {
  const bun = yield* bunClient(url)
  const rowOf = (index: number) => `bench:row:${index}`
  const acknowledgedOf = (index: number) => `bench:acknowledged:${index}`
  const version = async (key: string) => Number((await bun.get(key)) ?? 0)

  const options: Versions.VersionOptions = {
    timeToLiveMillis: Number(timeToLiveMillis),
    lookUp: async (index) => {
      lookups.push([index, Date.now()])
      const read = await version(rowOf(index))
      // the answer of the database travels
      await Bun.sleep(Number(lookupMillis))
      return read
    }
  }
  const caches: Readonly<Record<string, Effect.Effect<Versions.VersionCache, never, Scope.Scope>>> = {
    toolkit: Versions.toolkit(url, options),
    "toolkit, beta": Versions.toolkit(url, options, { beta: 1 }),
    "toolkit, after": Versions.toolkit(url, options, { after: 0.8 }),
    bentocache: PeerVersions.bentocache(url, options),
    cacheable: PeerVersions.cacheable(url, options),
    bare: Effect.succeed(Versions.bare(bun, options)),
    xfetch: Effect.succeed(Versions.xfetch(bun, options))
  }
  const cache = yield* caches[name] ?? Effect.dieMessage(`no cache ${name}`)

  const drawing = (size: number) => {
    const keys = sequence(keySet(size, "uniform"))
    for (let skipped = 0; skipped < skippedDraws * Number(number); skipped++) keys.next()
    return keys
  }
  const callers = (count: number, caller: () => Promise<void>) => Promise.all(Array.from({ length: count }, caller))
  const startAt = (time: number) => Bun.sleep(Math.max(0, time - Date.now()))

  const commands: Readonly<Record<string, (...args: ReadonlyArray<number>) => Promise<unknown>>> = {
    /** From a time on, so many reads by so many callers. */
    read: async (start = 0, reads = 0, concurrency = 1, size = 1) => {
      const keys = drawing(size)
      let left = reads
      await startAt(start)
      await callers(concurrency, async () => {
        while (left-- > 0) await cache.get(keys.next())
      })
      return {}
    },
    /** So many reads, and after each twentieth a write of a row of this process. Answers what they saw. */
    readAndWrite: async (start = 0, reads = 0, concurrency = 1, size = 1, processes = 1) => {
      const keys = drawing(size)
      const seen = { reads: 0, stale: 0, writes: 0 }
      const read = async () => {
        const index = keys.next()
        const acknowledged = await version(acknowledgedOf(index))
        const answered = await cache.get(index)
        if (answered < acknowledged) seen.stale++
      }
      const write = async () => {
        const row = (Number(number) + processes * seen.writes++) % size
        const written = await bun.incr(rowOf(row))
        await cache.invalidate(row)
        await bun.set(acknowledgedOf(row), `${written}`)
      }
      await startAt(start)
      await callers(concurrency, async () => {
        while (seen.reads < reads) {
          const isFollowedByWrite = ++seen.reads % readsPerWrite === 0
          await read()
          if (isFollowedByWrite) await write()
        }
      })
      return { ...seen, fillsRejected: await cache.fillsRejected() }
    },
    /** How many rows the cache holds an older version of, when all is quiet. */
    countStale: async (size = 0) => {
      let stale = 0
      for (let index = 0; index < size; index++) {
        const held = await cache.peek(index)
        if (held !== undefined && held < (await version(rowOf(index)))) stale++
      }
      return { stale }
    },
    /** Callers that read a few hot rows at a steady pace. Answers how many waited for a lookup. */
    readHot: async (start = 0, millis = 0, concurrency = 1, size = 1) => {
      const keys = drawing(size)
      const seen = { reads: 0, waited: 0 }
      await startAt(start)
      await callers(concurrency, async () => {
        await Bun.sleep(readPause * Math.random())
        while (Date.now() < start + millis) {
          const started = performance.now()
          await cache.get(keys.next())
          seen.reads++
          if (performance.now() - started >= Number(lookupMillis) / 2) seen.waited++
          await Bun.sleep(readPause)
        }
      })
      return seen
    }
  }

  yield* LineProcess.answer((line) => {
    const [command = "", ...args] = line.split(" ")
    return Effect.promise(async () => {
      lookups = []
      const answer = await commands[command]?.(...args.map(Number))
      return JSON.stringify(Object.assign({ lookups }, answer))
    })
  })
}).pipe(Effect.scoped, quiet)

await Effect.runPromise(program)
// whatever a client still does
process.exit()
