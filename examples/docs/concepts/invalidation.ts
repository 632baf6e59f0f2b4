import { Console, Deferred, Effect, Fiber, Schema } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"

const database = new Map([[7, "Snow"]])

const program = Effect.gen(function* () {
  const hasRead = yield* Deferred.make<void>()
  const mayReturn = yield* Deferred.make<void>()

  /** Reads the row at once, and returns it late: a slow query that read before the change. */
  const slowly = (id: number) =>
    Effect.gen(function* () {
      const title = database.get(id) ?? "none"
      yield* Deferred.succeed(hasRead, undefined)
      yield* Deferred.await(mayReturn)
      return title
    })
  const definition = {
    name: "title",
    key: Schema.Int,
    value: Schema.String,
    timeToLive: "10 minutes",
    local: { capacity: 1_000 }
  } as const
  // two processes
  const reader = yield* TypedCache.make({ ...definition, lookup: slowly })
  const writer = yield* TypedCache.make({
    ...definition,
    lookup: (id) => Effect.sync(() => database.get(id) ?? "none")
  })

  const early = yield* Effect.fork(reader.get(7))
  yield* Deferred.await(hasRead) // the reader's query has seen "Snow"
  database.set(7, "Rain")
  yield* writer.invalidate(7)
  yield* Deferred.succeed(mayReturn, undefined)

  // it began before the change, and gets what it has read; nothing of it is stored
  yield* Console.log(`the early reader: ${yield* Fiber.join(early)}`)
  const late = yield* reader.getResult(7)
  yield* Console.log(`a reader after the change: ${late.value} (${late.source})`)
  const { fillsRejected } = yield* reader.stats
  yield* Console.log(`${fillsRejected} value was not stored, because its key was invalidated meanwhile`)
  if (late.value !== "Rain" || fillsRejected !== 1) return yield* Effect.dieMessage("not as it should be")
}).pipe(Effect.scoped)

Effect.runPromise(Effect.provide(program, MemoryRedis.layer()))
