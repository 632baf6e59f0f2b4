import { Cache, Console, Deferred, Effect, Exit, Fiber, Schema } from "effect"
import { LocalCache } from "effect-cache-toolkit"

const City = Schema.Struct({ name: Schema.String, country: Schema.String })

const program = Effect.gen(function* () {
  const mayAnswer = yield* Deferred.make<void>()
  const lookup = (id: number) =>
    Effect.as(Deferred.await(mayAnswer), { name: `city ${id}`, country: id < 10 ? "AT" : "DE" })

  const cities = yield* LocalCache.make({
    name: "city", // in events, statistics and metrics
    key: Schema.Int,
    value: City, // may be left out: the lookup says what the values are
    timeToLive: "5 minutes",
    staleFor: "1 hour", // served while it is refreshed, and while refreshing fails
    tags: (city) => [city.country],
    local: { capacity: 10_000 },
    lookup
  })
  const effects = yield* Cache.make({ capacity: 10_000, timeToLive: "5 minutes", lookup })

  // two callers of one key in each cache, and the first one is interrupted
  const callers = yield* Effect.forEach([cities.get(1), cities.get(1), effects.get(1), effects.get(1)], Effect.fork)
  yield* Effect.repeatN(Effect.yieldNow(), 10)
  yield* Effect.forEach([callers[0], callers[2]], (caller) =>
    caller === undefined ? Effect.void : Fiber.interrupt(caller)
  )
  yield* Deferred.succeed(mayAnswer, undefined)
  const [, second, , other] = yield* Effect.forEach(callers, Fiber.await)
  const outcome = (exit: Exit.Exit<{ readonly name: string }, unknown> | undefined) =>
    exit !== undefined && Exit.isSuccess(exit) ? exit.value.name : "interrupted"
  yield* Console.log(`LocalCache: ${outcome(second)}; effect's Cache: ${outcome(other)}`)

  const values = yield* cities.getMany([1, 12]) // one lookup, for 12
  yield* cities.invalidateTag("AT")
  const sources = yield* Effect.forEach([1, 12], (id) => Effect.map(cities.getResult(id), ({ source }) => source))
  yield* Console.log(`${values.map(({ name }) => name)}; after invalidateTag("AT"): ${sources}`)
  const { hitsLocal, lookups } = yield* cities.stats
  yield* Console.log(`${lookups} lookups, ${hitsLocal} hits`)
  if (lookups !== 3 || sources.join() !== "Lookup,Local") return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.scoped(program))
