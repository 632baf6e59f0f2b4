import { heapStats } from "bun:jsc"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { LRUCache } from "lru-cache"
import { allKeys } from "../../measure/Keys.js"
import { median } from "../../measure/statistics.js"
import * as Bento from "../../peers/Bento.js"
import * as Cacheables from "../../peers/Cacheables.js"
import type { Quantity } from "../../report/Outcome.js"
import { BenchServer, bunClient, emptied } from "../../run/BenchServer.js"
import type { Profile } from "../../subjects/Profile.js"
import { fillCached, filledEffectCache, fillPromising, ids, parsedProfile, readAll } from "../../subjects/Subjects.js"
import * as Toolkit from "../../subjects/Toolkit.js"
import type { Workload } from "../Workload.js"

const entries = 50_000

/** how often the garbage is collected: finalizers and weak references take more than one time */
const collections = 5

const heapSize = Effect.gen(function* () {
  for (let i = 0; i < collections; i++) {
    yield* Effect.sleep("20 millis")
    Bun.gc(true)
  }
  return heapStats().heapSize
})

/** Few, so that it matters little where the collector has not yet taken them when the heap is counted first. */
const untimedEntries = 1_000

/**
 * Bytes of the heap per entry. Each cache is filled twice, and the second time counts: the first one, with few entries, brings
 * the compiled code and the pools of the subject, which are of no entry. The filled cache stays reachable until they are counted.
 */
const bytesPerEntry = <A, E>(subject: string, fill: (count: number) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.gen(function* () {
    yield* Effect.scoped(fill(untimedEntries))
    const before = yield* heapSize
    const held = yield* fill(entries)
    const after = yield* heapSize
    // used once more, so that the collector has kept it until here
    if (held === undefined) return yield* Effect.dieMessage(`${subject} holds nothing`)
    const quantity: Quantity = {
      workload: "memory of the tier in the process",
      subject,
      what: `of the heap for each of ${entries.toLocaleString("en-US")} entries`,
      value: Math.round((after - before) / entries),
      unit: "bytes"
    }
    return quantity
  })

const local = (url: string) => (count: number) =>
  Effect.gen(function* () {
    const profiles = yield* Toolkit.profiles(url, { name: "profile", local: true })
    yield* fillCached(profiles, yield* bunClient(url), count)
    yield* readAll(profiles, count)
    return profiles
  })

const perEntry = (url: string) =>
  Effect.all([
    bytesPerEntry("toolkit", local(url)),
    bytesPerEntry("effect's Cache", filledEffectCache),
    bytesPerEntry(
      "bentocache",
      Effect.fnUntraced(function* (count: number) {
        const bento = Bento.inMemory()
        yield* fillPromising(count, (index) => bento.set({ key: ids(index), value: parsedProfile(index) }))
        return bento
      })
    ),
    bytesPerEntry(
      "cacheable",
      Effect.fnUntraced(function* (count: number) {
        const cacheable = Cacheables.inMemory()
        yield* fillPromising(count, (index) => cacheable.set(ids(index), parsedProfile(index)))
        return cacheable
      })
    ),
    bytesPerEntry("lru-cache", (count) =>
      Effect.sync(() => {
        const lru = new LRUCache<string, Profile>({ max: 2 * allKeys })
        for (let index = 0; index < count; index++) lru.set(ids(index), parsedProfile(index))
        return lru
      })
    )
  ])

const Sample = Schema.parseJson(Schema.Struct({ operations: Schema.Number, rss: Schema.Number, heap: Schema.Number }))

const decode = Schema.decodeUnknownSync(Sample)

const program = fileURLToPath(new URL("../../programs/mixedOperations.ts", import.meta.url))

const samples = (url: string, operations: number) =>
  Effect.acquireUseRelease(
    Effect.sync(() =>
      spawn(process.execPath, [program, url, `${operations}`], { stdio: ["ignore", "pipe", "inherit"] })
    ),
    (child) =>
      Effect.promise(async () => {
        const found: Array<typeof Sample.Type> = []
        for await (const line of createInterface({ input: child.stdout })) found.push(decode(line))
        return found
      }),
    (child) => Effect.sync(() => child.kill())
  )

const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20)

/**
 * The median size in the second quarter of the run and in the last one. A single sample would depend on when the runtime
 * returned memory. In the first quarter, compiled code and pools still grow.
 */
const growth = (url: string, operations: number) =>
  Effect.gen(function* () {
    const workload = `memory over ${operations.toLocaleString("en-US")} operations`
    const found = yield* samples(url, operations)
    if (found.at(-1)?.operations !== operations) {
      return yield* Effect.dieMessage(`${workload}: the program ended before`)
    }
    yield* Console.log(`  resident, by and by: ${found.map(({ rss }) => mebibytes(rss)).join(" ")} MiB`)
    const during = (from: number, to: number) =>
      found.filter((sample) => sample.operations > from * operations && sample.operations <= to * operations)
    const early = during(0.25, 0.5)
    const late = during(0.75, 1)
    return (["rss", "heap"] as const).flatMap((which): ReadonlyArray<Quantity> => {
      const sizeOf = (some: typeof found) => median(some.map((sample) => sample[which]))
      const subject = which === "rss" ? "resident size" : "heap"
      return [
        { workload, subject, what: "in the second quarter", value: mebibytes(sizeOf(early)), unit: "MiB" },
        { workload, subject, what: "in the last quarter", value: mebibytes(sizeOf(late)), unit: "MiB" },
        {
          workload,
          subject,
          what: "growth",
          value: Math.round(1000 * (sizeOf(late) / sizeOf(early) - 1)) / 10,
          unit: "%"
        }
      ]
    })
  })

export const memory: Workload = {
  name: "memory",
  description:
    "The heap that an entry of the tier in the process takes beside its key, each with a value of its own from the same text; and the size of a process that reads, writes, invalidates, counts, limits and locks.",
  run: ({ operations }) =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const ofEntries = yield* Effect.scoped(perEntry(url))
      const ofOperations = yield* growth(url, operations)
      return { results: [], quantities: [...ofEntries, ...ofOperations] }
    }).pipe(Effect.orDie, emptied)
}
