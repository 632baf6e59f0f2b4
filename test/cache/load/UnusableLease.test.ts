/** A lease that the server has granted, and that its load cannot use. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { processes, read } from "../../support/cache/CacheProcesses.js"
import { settle, until } from "../../support/until.js"

describe("a lease that its load cannot use", () => {
  it.scoped("is given back before the lookup without Redis, which may wait for a load that waits for the lease", () =>
    Effect.gen(function* () {
      const { database, lease, one, server } = yield* processes({ a: 1 })
      const holder = Effect.map(server.direct.get(lease("a")), Option.isSome)
      database.hold()
      const release = one.connection.holdReplies("cache.acquire")
      const load = yield* Effect.fork(read(one.cache))
      yield* until("the server has granted the lease", () => Effect.orDie(holder))
      // the reply arrives after the end of its connection
      yield* one.connection.cut
      yield* one.connection.restore
      yield* settle
      yield* release
      yield* database.begun(1)
      yield* until("the lease is given back", () => Effect.map(Effect.orDie(holder), (isHeld) => !isHeld))
      expect(database.running()).toBe(1)
      database.release()
      expect((yield* Fiber.join(load)).slice(0, 2)).toEqual(["Degraded", 1])
    })
  )
})
