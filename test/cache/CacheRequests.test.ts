/** A cache behind Effect.request: the requests of one batch are one getMany. */
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Request from "effect/Request"
import * as TypedCache from "../../src/cache/TypedCache.js"
import { processes } from "../support/cache/CacheProcesses.js"
import type { NotFound } from "../support/cache/TestDatabase.js"
import { settle, until } from "../support/until.js"

const batching = processes({ a: 1, b: 2, c: 3 }, ({ lookupMany }) => ({ lookupMany }))

type Failure = NotFound | TypedCache.EngineError<"lookup">

class GetNumber extends Request.TaggedClass("GetNumber")<number, Failure, { readonly id: string }> {}

describe("requests that a cache answers", () => {
  it.scoped("are one MGET and one call of the source for each batch, with duplicates once", () =>
    Effect.gen(function* () {
      const { database, one } = yield* batching
      const numbers = TypedCache.resolver(one.cache, (request: GetNumber) => request.id)
      const number = (id: string) => Effect.request(new GetNumber({ id }), numbers)
      const doubled = (id: string) => Effect.map(number(id), (n) => n * 2)
      const sum = Effect.map(Effect.all([doubled("a"), number("b"), number("a")], { batching: true }), (values) =>
        values.reduce((left, right) => left + right)
      )
      expectTypeOf(number).returns.toEqualTypeOf<Effect.Effect<number, Failure>>()
      expect(yield* sum).toBe(5)
      expect(database.calls()).toEqual([["a", "b"]])
      const before = one.connection.commands()
      expect(yield* Effect.forEach(["b", "a", "b"], number, { batching: true })).toEqual([2, 1, 2])
      expect(one.connection.commands()).toBe(before + 1)
      expect(database.calls()).toHaveLength(1)
    })
  )

  it.scoped("need no class of their own", () =>
    Effect.gen(function* () {
      const { database, one } = yield* batching
      const { request } = one.cache
      expectTypeOf(request).returns.toEqualTypeOf<Effect.Effect<number, Failure>>()
      expect(yield* Effect.forEach(["c", "a", "c"], request, { batching: true })).toEqual([3, 1, 3])
      expect(database.calls()).toEqual([["c", "a"]])
    })
  )

  it.scoped("fail one by one", () =>
    Effect.gen(function* () {
      const { one } = yield* batching
      const answers = yield* Effect.forEach(["a", "unknown", "", "c"], (id) => Effect.either(one.cache.request(id)), {
        batching: true
      })
      expect(answers.map(Either.mapLeft(({ _tag }) => _tag))).toEqual([
        Either.right(1),
        Either.left("NotFound"),
        Either.left("InvalidKey"),
        Either.right(3)
      ])
    })
  )

  it.scoped("fail with the defect of the source", () =>
    Effect.gen(function* () {
      const { one } = yield* processes(
        {},
        { lookup: () => Effect.die("broken"), lookupMany: () => Effect.die("broken") }
      )
      const exit = yield* Effect.exit(Effect.forEach(["a", "b"], one.cache.request, { batching: true }))
      expect(String(exit)).toContain("broken")
    })
  )

  it.scoped("stop with their caller, without harm to other readers of the same keys", () =>
    Effect.gen(function* () {
      const { database, one } = yield* batching
      database.hold()
      const first = yield* Effect.fork(one.cache.request("a"))
      const second = yield* Effect.fork(Effect.forEach(["a", "b"], one.cache.request, { batching: true }))
      yield* database.begun(1)
      yield* Fiber.interrupt(first)
      yield* settle
      database.release()
      expect(yield* Fiber.join(second)).toEqual([1, 2])
      expect(database.calls()).toEqual([["a", "b"]])

      database.hold()
      const alone = yield* Effect.fork(one.cache.request("c"))
      yield* database.begun(2)
      yield* Fiber.interrupt(alone)
      yield* until("the call has stopped", () => database.running() === 0)
    })
  )

  it.scoped("are answered while Redis is away", () =>
    Effect.gen(function* () {
      const { database, one } = yield* batching
      yield* Effect.zipRight(one.connection.cut, settle)
      expect(yield* Effect.forEach(["a", "b"], one.cache.request, { batching: true })).toEqual([1, 2])
      expect(database.calls()).toEqual([["a", "b"]])
    })
  )
})

// a request that does not declare what the cache can fail with is none of its requests
class Unfailing extends Request.TaggedClass("Unfailing")<number, never, { readonly id: string }> {}
expectTypeOf<TypedCache.TypedCache<string, number, NotFound>>().not.toExtend<
  Parameters<typeof TypedCache.resolver<Unfailing, string>>[0]
>()
expectTypeOf<TypedCache.TypedCache<string, number, NotFound>>().toExtend<
  Parameters<typeof TypedCache.resolver<GetNumber, string>>[0]
>()
