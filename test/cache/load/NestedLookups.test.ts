/** Lookups that read caches while Redis is away, when few of them may run at once. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import { layerOff, RedisClient } from "../../../src/redis/RedisClient.js"
import { recursive, type Settings, type Texts } from "../../suites/typedCache/NestedLookups.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import { settle } from "../../support/until.js"

/** The parent of `a/b/c` is `a/b`. */
const parentOf = (id: string): string | undefined => (id.includes("/") ? id.slice(0, id.lastIndexOf("/")) : undefined)

/** Each id with its parents, read through the cache. */
const tree = (settings: Settings = {}) =>
  recursive((id, cache) => {
    const parent = parentOf(id)
    return Effect.zipRight(
      Effect.yieldNow(),
      parent === undefined ? Effect.succeed(id) : Effect.map(cache.get(parent), (path) => `${path}>${id}`)
    )
  }, settings)

const leaves = Array.from({ length: 32 }, (_, i) => `root${i}/leaf`)
const paths = leaves.map((leaf) => `${parentOf(leaf)}>${leaf}`)
const all = (cache: Texts, ids: ReadonlyArray<string> = leaves) =>
  Effect.forEach(ids, cache.get, { concurrency: "unbounded" })

describe("lookups that read their own cache while Redis is away", () => {
  for (const maxLookups of [1, 32]) {
    it.scopedLive(`end, even when they hold all ${maxLookups} permits`, () =>
      Effect.gen(function* () {
        const cache = yield* tree({ outage: { maxLookups } })
        expect(yield* all(cache)).toEqual(paths)
        expect(yield* all(cache, ["a/b/c/d", "a/b/x/y", "a/b/c/e"])).toEqual([
          "a>a/b>a/b/c>a/b/c/d",
          "a>a/b>a/b/x>a/b/x/y",
          "a>a/b>a/b/c>a/b/c/e"
        ])
      }).pipe(Effect.provide(layerOff))
    )
  }

  it.scopedLive("end when the key that they read was requested by others and waits for a permit itself", () =>
    Effect.gen(function* () {
      const cache = yield* tree({ outage: { maxLookups: 4 } })
      const ids = leaves.slice(0, 8)
      // the leaves hold all permits when the roots, which others requested, wait for one
      const reads = yield* Effect.fork(
        Effect.all(
          [
            all(cache, ids),
            all(
              cache,
              ids.map((id) => parentOf(id) ?? "")
            )
          ],
          {
            concurrency: "unbounded"
          }
        )
      )
      expect((yield* Fiber.join(reads))[0]).toEqual(paths.slice(0, 8))
    }).pipe(Effect.provide(layerOff))
  )

  it.scopedLive("are not rejected by a full queue", () =>
    Effect.gen(function* () {
      const cache = yield* tree({ outage: { maxLookups: 1, maxWaiting: 2 } })
      expect(yield* all(cache, leaves.slice(0, 3))).toEqual(paths.slice(0, 3))
      expect((yield* cache.stats).lookupsRejected).toBe(0)
      const answers = yield* Effect.forEach(leaves, (leaf) => Effect.either(cache.get(leaf)), {
        concurrency: "unbounded"
      })
      expect(answers.filter(Either.isRight).map(({ right }) => right)).toEqual(paths.slice(0, 3))
    }).pipe(Effect.provide(layerOff))
  )

  it.scopedLive("are bounded by the permits as long as none reads another", () =>
    Effect.gen(function* () {
      let running = 0
      let most = 0
      const cache = yield* recursive(
        (id) =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              most = Math.max(most, ++running)
            }),
            () => Effect.as(Effect.yieldNow(), id),
            () => Effect.sync(() => running--)
          ),
        { outage: { maxLookups: 3 } }
      )
      yield* all(cache)
      expect(most).toBe(3)
    }).pipe(Effect.provide(layerOff))
  )

  it.scopedLive("end when two caches read each other", () =>
    Effect.gen(function* () {
      const one: Texts = yield* recursive((id) => Effect.suspend(() => other.get(`${id}/of`)), {
        outage: { maxLookups: 2 }
      })
      const other: Texts = yield* recursive(
        (id) => (id.length > 12 ? Effect.succeed(id) : Effect.suspend(() => one.get(`${id}/by`))),
        { outage: { maxLookups: 2 } }
      )
      const ids = ["a", "b", "c", "d", "e"]
      const read = Effect.all([all(one, ids), all(other, ids)], { concurrency: "unbounded" })
      expect((yield* read).map(({ length }) => length)).toEqual([5, 5])
    }).pipe(Effect.provide(layerOff))
  )

  it.scopedLive("end when one call looks up several keys", () =>
    Effect.gen(function* () {
      const cache: Texts = yield* recursive((id, cache) => Effect.map(cache.get(parentOf(id) ?? ""), (path) => path), {
        outage: { maxLookups: 1 },
        maxBatch: 2,
        lookup: (id) => Effect.succeed(id),
        lookupMany: (ids) =>
          Effect.map(
            Effect.suspend(() => cache.getMany(ids.flatMap((id) => parentOf(id) ?? []))),
            (parents) => ids.map((id, i) => Either.right(parents.length === 0 ? id : `${parents[i]}>${id}`))
          )
      })
      expect(yield* all(cache)).toEqual(paths)
    }).pipe(Effect.provide(layerOff))
  )

  it.scopedLive("return their permits: later reads run, also when the first ones were interrupted", () =>
    Effect.gen(function* () {
      let isHeld = true
      const cache = yield* recursive(
        (id, cache) => {
          const parent = parentOf(id)
          if (parent !== undefined) return cache.get(parent)
          return isHeld ? Effect.never : Effect.succeed(id)
        },
        { outage: { maxLookups: 2 } }
      )
      const reading = yield* Effect.fork(all(cache, leaves.slice(0, 6)))
      yield* settle
      yield* Fiber.interrupt(reading)
      yield* settle
      isHeld = false
      expect(yield* all(cache, leaves.slice(0, 6))).toEqual(leaves.slice(0, 6).map(parentOf))
    }).pipe(Effect.provide(layerOff))
  )
})

describe("lookups that read their own cache after a short outage", () => {
  it.scopedLive("end, although every value in Redis is looked up again", () =>
    Effect.gen(function* () {
      const server = yield* OutageRedis.make
      const connection = yield* server.connect
      const cache = yield* Effect.provideService(tree(), RedisClient, connection.redis)
      expect(yield* all(cache)).toEqual(paths)
      yield* connection.cut
      yield* settle
      yield* connection.restore
      yield* settle
      expect(yield* all(cache)).toEqual(paths)
      expect((yield* cache.stats).lookups).toBe(4 * leaves.length)
    })
  )
})
