/** Callers from before a lookup do not wait for the fill. Those whose answer depends on it do. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { processes, read } from "../../support/cache/CacheProcesses.js"
import { settle, until } from "../../support/until.js"

const local = { capacity: 10, timeToLive: "1 minute" } as const

const isPending = (fiber: Fiber.RuntimeFiber<unknown, unknown>) => Effect.map(Fiber.poll(fiber), Option.isNone)

describe("while a value is being stored", () => {
  it.scoped("callers from before its lookup have it, and the local tier has not", () =>
    Effect.gen(function* () {
      const { one } = yield* processes({ a: 1, b: 2 }, { local })
      const release = one.connection.holdReplies("cache.fill")
      expect(yield* read(one.cache)).toEqual(["Lookup", 1, undefined])
      expect((yield* one.cache.stats).local).toBe(0)
      expect(yield* one.cache.getMany(["a", "b"])).toEqual([1, 2])
      expect((yield* one.cache.stats).lookups).toBe(2)
      yield* release
    })
  )

  it.scoped("a caller that joined after the lookup began waits for the server's answer", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 })
      const release = one.connection.holdReplies("cache.fill")
      database.hold()
      const early = yield* Effect.fork(one.cache.get("a"))
      yield* database.begun(1)
      const late = yield* Effect.fork(one.cache.get("a"))
      yield* until("both wait", () => Effect.map(one.cache.stats, ({ misses }) => misses === 2))
      database.release()
      expect(yield* Fiber.join(early)).toBe(1)
      yield* settle
      expect(yield* isPending(late)).toBe(true)
      yield* release
      expect(yield* Fiber.join(late)).toBe(1)
      expect(database.lookups()).toBe(1)
    })
  )

  it.scoped("a refresh waits until it is stored", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 })
      yield* one.cache.get("a")
      database.rows.set("a", 2)
      const release = one.connection.holdReplies("cache.fill")
      const refresh = yield* Effect.fork(one.cache.refresh("a"))
      yield* until("it is looked up", () => Effect.succeed(database.lookups() === 2))
      yield* settle
      expect(yield* isPending(refresh)).toBe(true)
      yield* release
      expect(yield* Fiber.join(refresh)).toBe(2)
      expect(yield* other.cache.get("a")).toBe(2)
    })
  )

  it.scoped("closing its cache waits until it is stored", () =>
    Effect.gen(function* () {
      const { cache, one, other } = yield* processes({ a: 1 })
      const scope = yield* Scope.make()
      const third = yield* cache().pipe(Scope.extend(scope), Effect.provideService(RedisClient, one.connection.redis))
      const release = one.connection.holdReplies("cache.fill")
      expect(yield* third.get("a")).toBe(1)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* settle
      expect(yield* isPending(closing)).toBe(true)
      yield* release
      yield* Fiber.join(closing)
      expect(yield* read(other.cache)).toEqual(["Redis", 1, undefined])
    })
  )

  it.scoped("its caller invalidates it: it is not served again", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 }, { local })
      const release = one.connection.holdReplies("cache.fill")
      expect(yield* one.cache.get("a")).toBe(1)
      database.rows.set("a", 2)
      expect(yield* one.cache.invalidate("a")).toBe(true)
      yield* release
      yield* settle
      expect([yield* one.cache.get("a"), yield* other.cache.get("a")]).toEqual([2, 2])
    })
  )
})
