/** One process at a time leads a game, and a leader who was paused for too long changes nothing any more. */
import { Console, Effect, Layer } from "effect"
import { DistributedLock, MemoryRedis } from "effect-cache-toolkit"
import { Database, MemoryDatabase, type Player } from "effect-cache-toolkit/game"

/** Each write of a leader carries the fencing token of its lock. */
const lead = (who: string, gameId: Player.GameId, maxWait: "5 seconds" | "0 seconds") =>
  Effect.gen(function* () {
    const lock = yield* DistributedLock.DistributedLock
    const database = yield* Database.Database
    const leading = lock.withLock(`game:${gameId}`, { timeToLive: "10 seconds", maxWait })(({ fencingToken }) =>
      Effect.gen(function* () {
        const { round } = yield* database.getGame(gameId)
        yield* Console.log(`${who} leads round ${round + 1}`)
        yield* Effect.sleep("50 millis")
        yield* database.updateGame(gameId, { round: round + 1 }, fencingToken)
        yield* Console.log(`${who} is done`)
        return fencingToken
      })
    )
    return yield* leading
  }).pipe(Effect.tapErrorTag("LockNotAcquired", (error) => Console.log(`${who} goes without: ${error.message}`)))

const program = Effect.gen(function* () {
  const database = yield* Database.Database
  const { id } = yield* database.createGame([])

  const third = Effect.delay(Effect.either(lead("third", id, "0 seconds")), "20 millis")
  const [early] = yield* Effect.all([lead("first", id, "5 seconds"), lead("second", id, "5 seconds"), third], {
    concurrency: "unbounded"
  })

  // the first one, had it been paused before it wrote: its lock has ended, another one has led, and it does not know
  yield* database
    .updateGame(id, { round: 1 }, early)
    .pipe(Effect.catchTag("StaleFencingToken", (error) => Console.log(`too late: ${error.message}`)))
  yield* Console.log(`the game is at round ${(yield* database.getGame(id)).round}`)
})

Effect.runPromise(
  Effect.provide(program, Layer.merge(Layer.provide(DistributedLock.layer, MemoryRedis.layer()), MemoryDatabase.layer))
)
