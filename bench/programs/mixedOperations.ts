/**
 * Operations of all kinds in a process of their own, for watching its memory: `mixedOperations.ts <url> <operations>`.
 * Writes a line of JSON after each twentieth of them.
 */
import { heapStats } from "bun:jsc"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { keySet, sequence } from "../measure/Keys.js"
import { toolkitClient } from "../run/BenchServer.js"
import { quiet } from "../run/Logging.js"
import { profileOf } from "../subjects/Profile.js"
import * as RateLimits from "../subjects/RateLimits.js"
import { ids } from "../subjects/Subjects.js"
import * as Toolkit from "../subjects/Toolkit.js"

const [, , url = "", count = "0"] = process.argv
const operations = Number(count)
const concurrency = 128
const parts = 20
/** a busy machine lets a command time out now and then; more would mean that something else is measured */
const mostFailures = operations / 100

const program = Effect.gen(function* () {
  const client = yield* toolkitClient(url)
  const shared = yield* Toolkit.profiles(url, { name: "mixed-shared" })
  const local = yield* Toolkit.profiles(url, { name: "mixed-local", local: true })
  const locks = yield* Effect.provideService(DistributedLock.make, RedisClient, client)
  const consume = yield* RateLimits.make(url, { limit: 1_000, windowSeconds: 1 })
  const keys = sequence(keySet(1_000, "Zipf"))
  // the least usual ones last: of twenty operations one is of each of them
  const rare: ReadonlyArray<(id: string, index: number) => Effect.Effect<unknown, unknown>> = [
    (id: string, index: number) => shared.set(id, profileOf(index)),
    (id: string) => local.invalidate(id),
    (id: string, index: number) => shared.update(id, Effect.succeed(profileOf(index))),
    (id: string) => shared.getMany([id, ids(1), ids(2), ids(3), ids(4)]),
    (id: string) => client.incr(`counters:${id}`),
    (id: string) => consume(`mixed:${id}`),
    // not to get a lock that another holds is an answer
    (id: string) =>
      Effect.catchTag(
        locks.withLock(`mixed:${id}`, { timeToLive: "10 seconds", maxWait: 0 })(Effect.void),
        "LockNotAcquired",
        () => Effect.void
      )
  ]
  const operation = (turn: number): Effect.Effect<unknown, unknown> => {
    const index = keys.next()
    const id = ids(index)
    const kind = rare[turn % 20]
    if (kind !== undefined) return kind(id, index)
    return turn % 2 === 0 ? local.get(id) : shared.get(id)
  }
  let failures = 0
  const counted = (turn: number) =>
    Effect.catchAll(operation(turn), () =>
      Effect.sync(() => {
        failures++
      })
    )
  for (let part = 1; part <= parts; part++) {
    yield* Effect.forEach(Array.from({ length: operations / parts }).keys(), counted, { concurrency, discard: true })
    Bun.gc(true)
    yield* Console.log(
      JSON.stringify({
        operations: (operations / parts) * part,
        rss: process.memoryUsage.rss(),
        heap: heapStats().heapSize
      })
    )
  }
  if (failures > mostFailures) return yield* Effect.dieMessage(`${failures} operations failed`)
}).pipe(Effect.scoped, quiet)

await Effect.runPromise(program)
