import { Console, Effect, Layer } from "effect"
import { DistributedLock, MemoryRedis } from "effect-cache-toolkit"
import { Database, MemoryDatabase } from "effect-cache-toolkit/game"

const program = Effect.gen(function* () {
  const database = yield* Database.Database
  const lock = yield* DistributedLock.DistributedLock
  const { id } = yield* database.createGame([])

  const advance = lock.withLock(`game:${id}`, { timeToLive: "10 seconds", maxWait: "2 seconds" })(({ fencingToken }) =>
    Effect.gen(function* () {
      const { round } = yield* database.getGame(id)
      yield* database.updateGame(id, { round: round + 1 }, fencingToken)
      return fencingToken
    })
  )
  const early = yield* advance
  // seven at once, in one process or in seven: each one sees what the last one wrote
  yield* Effect.all(
    Array.from({ length: 7 }, () => advance),
    { concurrency: "unbounded" }
  )
  const { round } = yield* database.getGame(id)

  // a holder that was paused while others wrote does not know it, and its write is rejected
  const late = yield* Effect.either(database.updateGame(id, { round: 1 }, early))
  yield* Console.log(`round ${round}, and the late holder: ${late._tag === "Left" ? late.left._tag : "has written"}`)
  if (round !== 8 || late._tag === "Right") return yield* Effect.dieMessage("not as it should be")
})

const layer = Layer.merge(Layer.provide(DistributedLock.layer, MemoryRedis.layer()), MemoryDatabase.layer)
Effect.runPromise(Effect.provide(program, layer))
