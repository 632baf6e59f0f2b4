import { Console, Effect, FiberRef, Schema } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"

const parents: Readonly<Record<string, string>> = { tea: "drinks", drinks: "food", hen: "egg", egg: "hen" }
const locale = FiberRef.unsafeMake("en")

const program = Effect.gen(function* () {
  /** The path to a category, from the path to its parent. */
  const paths: TypedCache.TypedCache<string, string, TypedCache.EngineError> = yield* TypedCache.make({
    name: "path",
    key: Schema.String,
    value: Schema.String,
    timeToLive: "10 minutes",
    lookup: (id) => {
      const parent = parents[id]
      if (parent === undefined) return Effect.map(FiberRef.get(locale), (locale) => `${locale}: ${id}`)
      return Effect.map(paths.get(parent), (path) => `${path} > ${id}`).pipe(
        // without Redis a lookup that another lookup waits for needs no permit
        Effect.catchTag("InvalidKey", "LookupOverloaded", Effect.die)
      )
    }
  })

  // en: food > drinks > tea: a lookup does not see the FiberRefs of its caller, since other callers get its value
  yield* Effect.locally(Effect.flatMap(paths.get("tea"), Console.log), locale, "fr")

  // path:hen reads path:egg reads path:hen
  const hen = Effect.catchTag(paths.get("hen"), "LookupCycle", ({ keys }) => Effect.succeed(keys.join(" reads ")))
  yield* Effect.flatMap(hen, Console.log)
}).pipe(Effect.catchTag("InvalidKey", "LookupOverloaded", Effect.die))

Effect.runPromise(Effect.provide(Effect.scoped(program), MemoryRedis.layer()))
