/** One settlement at a time among all processes: the second one waits, the third does not want to. */
import { Console, Effect, Layer } from "effect"
import { DistributedLock, MemoryRedis } from "effect-cache-toolkit"

const settle = (who: string, waitFor: "5 seconds" | "0 seconds") =>
  Effect.gen(function* () {
    const lock = yield* DistributedLock.DistributedLock
    yield* Console.log(`${who} settles`).pipe(
      Effect.zipRight(Effect.sleep("50 millis")),
      Effect.zipRight(Console.log(`${who} is done`)),
      // longer than the work takes: a lock that ends before its holder protects nothing
      lock.withLock("settle:league-1", { ttl: "10 seconds", waitFor })
    )
  }).pipe(Effect.catchTag("LockNotAcquired", (error) => Console.log(`${who} goes without: ${error.message}`)))

const program = Effect.all(
  [settle("first", "5 seconds"), settle("second", "5 seconds"), settle("third", "0 seconds")],
  {
    concurrency: "unbounded",
    discard: true
  }
)

Effect.runPromise(Effect.provide(program, Layer.provide(DistributedLock.layer, MemoryRedis.layer)))
