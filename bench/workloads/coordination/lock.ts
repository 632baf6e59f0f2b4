import * as Effect from "effect/Effect"
import { createLock, IoredisAdapter } from "redlock-universal"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { ascending } from "../../measure/Keys.js"
import { effectful, promising, verify } from "../../measure/Measure.js"
import { ioredis } from "../../peers/Clients.js"
import { BenchServer, emptied, toolkitClient } from "../../run/BenchServer.js"
import { ids } from "../../subjects/Subjects.js"
import * as ServerTime from "../ServerTime.js"
import { comparedOverConcurrencies, type Workload } from "../Workload.js"

const lifetimeMillis = 30_000

/** A lock of its own for each index. */
export const lockUses = Effect.gen(function* () {
  const { url } = yield* BenchServer
  const client = yield* toolkitClient(url)
  const locks = yield* Effect.provideService(DistributedLock.make, RedisClient, client)
  const adapter = new IoredisAdapter(yield* ioredis(url))
  return [
    effectful("toolkit", (index) =>
      locks.withLock(`lock:${ids(index)}`, { timeToLive: lifetimeMillis, maxWait: 0 })(Effect.succeed(true))
    ),
    promising("redlock-universal", (index) =>
      createLock({ adapter, key: `redlock:${ids(index)}`, ttl: lifetimeMillis }).using(async () => true)
    )
  ]
})

export const lock: Workload = {
  name: "lock",
  description: "A lock that nobody else wants: taken, a body run that does nothing, and given back.",
  run: (plan) =>
    Effect.gen(function* () {
      const subjects = yield* lockUses
      const keys = ascending()
      // twice: the first holder has given it back
      const first = keys.next()
      yield* verify("lock", subjects, [first, first], () => true)
      const results = yield* comparedOverConcurrencies("lock", plan, subjects, () => keys)
      return { results, quantities: yield* ServerTime.perOperation("lock", subjects, () => keys) }
    }).pipe(emptied)
}
