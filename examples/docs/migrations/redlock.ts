import { Console, Effect, Layer } from "effect"
import { DistributedLock } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

let balance = 0
const add = (amount: number) =>
  Effect.gen(function* () {
    const lock = yield* DistributedLock.DistributedLock
    const body = Effect.gen(function* () {
      const before = balance
      yield* Effect.sleep("20 millis")
      balance = before + amount
    })
    // renewed while the body runs, and released when it ends, fails or is interrupted
    yield* lock.withLock("account:7", { timeToLive: "10 seconds", maxWait: "5 seconds" })(body)
  })

const program = Effect.gen(function* () {
  yield* Effect.all([add(1), add(2), add(3)], { concurrency: "unbounded" })
  yield* Console.log(balance)
})

const redis = SocketRedis.layerConfig({ embeddedWhenUnset: true })
Effect.runPromise(Effect.provide(program, Layer.provide(DistributedLock.layer, redis)))
