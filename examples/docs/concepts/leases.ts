import { Console, Effect, Exit, Schema, Scope } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"

let lookups = 0

/** A cache in a scope of its own stands for a process: its scope ends when the process does. */
const makeProcess = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const cities = yield* TypedCache.make({
    name: "city",
    key: Schema.Int,
    value: Schema.String,
    timeToLive: "10 minutes",
    lease: { timeToLive: "1 second", maxWait: "30 seconds" },
    lookup: (id) =>
      Effect.delay(
        Effect.sync(() => `city ${id}, by lookup ${++lookups}`),
        "2 seconds"
      )
  }).pipe(Scope.extend(scope))
  return { cities, end: Scope.close(scope, Exit.void) }
})

const program = Effect.gen(function* () {
  const [one, two] = yield* Effect.all([makeProcess, makeProcess])

  // the lookup takes longer than the lease, which is renewed: still one lookup
  const [first, second] = yield* Effect.all([one.cities.getResult(7), two.cities.getResult(7)], {
    concurrency: "unbounded"
  })
  yield* Console.log(`${first.value} (${first.source}), ${second.value} (${second.source})`)
  const { lookupsSaved } = yield* two.cities.stats
  yield* Console.log(`the second process was saved ${lookupsSaved} lookup`)

  // the process that holds the lease ends in the middle of its lookup: another one takes over
  yield* Effect.fork(one.cities.get(8))
  yield* Effect.sleep("100 millis")
  const waiting = yield* Effect.fork(two.cities.getResult(8))
  yield* Effect.sleep("100 millis")
  yield* one.end
  const { source, value } = yield* waiting
  yield* Console.log(`${value} (${source})`)
  yield* two.end
  if (lookups !== 2 || lookupsSaved !== 1) return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(program, MemoryRedis.layer()))
