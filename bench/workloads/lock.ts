import * as Effect from "effect/Effect"
import { createLock, IoredisAdapter } from "redlock-universal"
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { ioredis } from "../Clients.js"
import { Environment, emptied, toolkitClient } from "../Environment.js"
import { ascending } from "../Keys.js"
import { effectful, promising, verify } from "../Measure.js"
import { ids } from "../Subjects.js"
import { compared, type Workload } from "../Workload.js"

const lifetimeMillis = 30_000

export const lock: Workload = {
  name: "lock",
  description: "A lock that nobody else wants: taken, a body run that does nothing, and given back.",
  run: (settings) =>
    Effect.gen(function* () {
      const { url } = yield* Environment
      const client = yield* toolkitClient(url)
      const locks = yield* Effect.provideService(DistributedLock.make, RedisClient, client)
      const adapter = new IoredisAdapter(yield* ioredis(url))
      const subjects = [
        effectful("toolkit", (index) =>
          locks.withLock(`lock:${ids(index)}`, { timeToLive: lifetimeMillis, maxWait: 0 })(Effect.succeed(true))
        ),
        promising("redlock-universal", (index) =>
          createLock({ adapter, key: `redlock:${ids(index)}`, ttl: lifetimeMillis }).using(async () => true)
        )
      ]
      const keys = ascending()
      // twice: the first holder has given it back
      const first = keys.next()
      yield* verify("lock", subjects, [first, first], () => true)
      const results = yield* Effect.forEach(settings.concurrencies, (concurrency) =>
        compared("lock", subjects, { ...settings, concurrency, keys })
      )
      return { results: results.flat(), quantities: [] }
    }).pipe(emptied)
}
