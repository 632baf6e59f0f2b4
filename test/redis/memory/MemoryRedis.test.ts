import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { RedisClient, type SubscriptionEvent } from "../../../src/redis/RedisClient.js"
import type { RedisError } from "../../../src/redis/RedisError.js"
import * as RedisScript from "../../../src/redis/RedisScript.js"

/** Runs a test with a client of its own. */
const withClient =
  <A, E>(test: (redis: RedisClient.Service) => Effect.Effect<A, E>, options: MemoryRedis.MemoryRedisOptions = {}) =>
  () =>
    Effect.provide(Effect.flatMap(RedisClient, test), MemoryRedis.layer(options))

/** The next `count` events of a channel, once its subscription stands. */
const collect = (redis: RedisClient.Service, channel: string, count: number) =>
  Effect.gen(function* () {
    const subscribed = yield* Deferred.make<void>()
    const fiber = yield* redis.subscribe(channel).pipe(
      Stream.tap(() => Deferred.succeed(subscribed, undefined)),
      Stream.take(count),
      Stream.runCollect,
      Effect.map(Chunk.toReadonlyArray),
      Effect.fork
    )
    yield* Deferred.await(subscribed)
    return Fiber.join(fiber)
  })

const message = (channel: string, message: string): SubscriptionEvent => ({ _tag: "Message", channel, message })
const gap = (channel: string, reason: "Connected" | "SlowConsumer"): SubscriptionEvent => ({
  _tag: "Gap",
  channel,
  reason
})

const takeTwo = RedisScript.make({
  name: "takeTwo",
  idempotent: false,
  keys: (key: string) => [key],
  args: () => [],
  lua: `redis.call("INCR", KEYS[1]) return redis.call("INCR", KEYS[1])`,
  reply: Schema.Int,
  model: ({ call, keys: [key = ""] }) => {
    call("INCR", key)
    return call("INCR", key)
  }
})

describe("Redis in memory", () => {
  it.effect(
    "forgets a key when the Clock has reached its time to live",
    withClient((redis) =>
      Effect.gen(function* () {
        yield* redis.set("key", "value", { timeToLive: "1 minute" })
        yield* TestClock.adjust("59 seconds")
        expect(yield* redis.get("key")).toEqual(Option.some("value"))
        yield* TestClock.adjust("1 second")
        expect(yield* redis.get("key")).toEqual(Option.none())
      })
    )
  )

  it.effect(
    "lets no command of another fiber between the commands of a script",
    withClient((redis) =>
      Effect.gen(function* () {
        const replies = yield* Effect.all(
          Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? redis.run(takeTwo)("key") : redis.incr("key"))),
          { concurrency: "unbounded" }
        )
        expect(new Set(replies).size).toBe(50)
        expect(yield* redis.get("key")).toEqual(Option.some("75"))
      })
    )
  )

  it.effect(
    "keeps what a script did before an error and says which script it was",
    withClient((redis) =>
      Effect.gen(function* () {
        yield* redis.set("key", "9223372036854775806")
        const error = yield* Effect.flip(redis.run(takeTwo)("key"))
        expect(error).toMatchObject({ _tag: "RedisServerError", command: "takeTwo", code: "ERR" })
        expect(yield* redis.get("key")).toEqual(Option.some("9223372036854775807"))
      })
    )
  )

  it.effect(
    "turns error replies into typed errors",
    withClient((redis) =>
      Effect.gen(function* () {
        yield* redis.zadd("board", 1, "member")
        expect(yield* redis.get("board")).toEqual(Option.none())
        const commands: ReadonlyArray<Effect.Effect<unknown, RedisError>> = [
          redis.incr("board"),
          redis.getBuffer("board"),
          redis.send("GET", "board")
        ]
        for (const command of commands) {
          expect(yield* Effect.flip(command)).toMatchObject({ _tag: "RedisServerError", code: "WRONGTYPE" })
        }
      })
    )
  )

  it.effect(
    "keeps bytes exactly and reads them as text where asked for",
    withClient((redis) =>
      Effect.gen(function* () {
        const bytes = Uint8Array.of(0xff, 0x00, 0x61)
        yield* redis.setBuffer("key", bytes)
        expect(yield* redis.getBuffer("key")).toEqual(Option.some(bytes))
        expect(yield* redis.get("key")).toEqual(Option.some("\uFFFD\0a"))
      })
    )
  )

  it.effect(
    "does not keep the caller's bytes, which may change",
    withClient((redis) =>
      Effect.gen(function* () {
        const bytes = Uint8Array.of(0xff)
        yield* redis.setBuffer("key", bytes)
        bytes[0] = 0
        expect(yield* redis.getBuffer("key")).toEqual(Option.some(Uint8Array.of(0xff)))
      })
    )
  )

  it.effect(
    "stays within its bound",
    withClient(
      (redis) =>
        Effect.gen(function* () {
          for (let i = 0; i < 25; i++) yield* redis.set(`key:${i}`, "value")
          expect(yield* redis.send("DBSIZE")).toBe(10)
        }),
      { maxKeys: 10 }
    )
  )

  it.effect("gives every build of the layer a keyspace of its own", () =>
    Effect.gen(function* () {
      const read = Effect.flatMap(RedisClient, (redis) => redis.get("key"))
      yield* Effect.provide(
        Effect.flatMap(RedisClient, (redis) => redis.set("key", "value")),
        MemoryRedis.layer()
      )
      expect(yield* Effect.provide(read, MemoryRedis.layer())).toEqual(Option.none())
    })
  )

  describe("publishing", () => {
    it.effect(
      "reaches every subscriber of the channel, after the notice that it is connected",
      withClient((redis) =>
        Effect.gen(function* () {
          const first = yield* collect(redis, "news", 3)
          const second = yield* collect(redis, "news", 2)
          const other = yield* collect(redis, "other", 2)
          expect([yield* redis.publish("news", "one"), yield* redis.publish("news", "two")]).toEqual([2, 2])
          expect(yield* first).toEqual([gap("news", "Connected"), message("news", "one"), message("news", "two")])
          expect(yield* second).toEqual([gap("news", "Connected"), message("news", "one")])
          yield* redis.publish("other", "one")
          expect(yield* other).toEqual([gap("other", "Connected"), message("other", "one")])
        })
      )
    )

    it.effect(
      "counts nobody once a subscriber has left",
      withClient((redis) =>
        Effect.gen(function* () {
          const events = yield* collect(redis, "news", 2)
          yield* redis.publish("news", "one")
          yield* events
          expect(yield* redis.publish("news", "two")).toBe(0)
        })
      )
    )

    it.effect(
      "works from inside a script",
      withClient((redis) =>
        Effect.gen(function* () {
          const announce = RedisScript.make({
            name: "announce",
            idempotent: false,
            keys: (key: string) => [key],
            args: () => [],
            lua: `return redis.call("PUBLISH", "news", KEYS[1])`,
            reply: Schema.Int,
            model: ({ call, keys: [key = ""] }) => call("PUBLISH", "news", key)
          })
          const events = yield* collect(redis, "news", 2)
          expect(yield* redis.run(announce)("key")).toBe(1)
          expect(yield* events).toEqual([gap("news", "Connected"), message("news", "key")])
        })
      )
    )

    it.effect(
      "reports a gap to a subscriber that was too slow, and continues from there",
      withClient(
        (redis) =>
          Effect.gen(function* () {
            const subscribed = yield* Deferred.make<void>()
            const resume = yield* Deferred.make<void>()
            const fiber = yield* redis.subscribe("news").pipe(
              Stream.tap(() => Effect.zipRight(Deferred.succeed(subscribed, undefined), Deferred.await(resume))),
              Stream.takeUntil((event) => event._tag === "Message" && event.message === "last"),
              Stream.runCollect,
              Effect.map(Chunk.toReadonlyArray),
              Effect.fork
            )
            yield* Deferred.await(subscribed)
            for (let i = 0; i < 1000; i++) yield* redis.publish("news", `${i}`)
            yield* redis.publish("news", "last")
            yield* Deferred.succeed(resume, undefined)
            const events = yield* Fiber.join(fiber)
            expect(events.length).toBeLessThan(20)
            expect(events.filter((event) => event._tag === "Gap")).toEqual([
              gap("news", "Connected"),
              gap("news", "SlowConsumer")
            ])
          }),
        { subscriptionCapacity: 8 }
      )
    )
  })

  describe("closed", () => {
    const disabled = { _tag: "RedisUnavailable", reason: "Disabled" }

    it.effect(
      "rejects every later call",
      withClient((redis) =>
        Effect.gen(function* () {
          yield* redis.set("key", "value")
          yield* redis.close
          const calls = [
            redis.get("key"),
            redis.getBuffer("key"),
            redis.set("key", "value"),
            redis.run(takeTwo)("key"),
            redis.publish("news", "one"),
            Stream.runDrain(redis.subscribe("news"))
          ]
          for (const call of calls) expect(yield* Effect.flip(call)).toMatchObject(disabled)
          expect(yield* redis.isAvailable).toBe(false)
          expect(yield* redis.getStatus).toMatchObject({ connected: false, state: { _tag: "Disabled" } })
        })
      )
    )

    it.effect(
      "ends subscriptions after what they have not read yet",
      withClient((redis) =>
        Effect.gen(function* () {
          const events: Array<SubscriptionEvent> = []
          const subscribed = yield* Deferred.make<void>()
          const fiber = yield* redis.subscribe("news").pipe(
            Stream.runForEach((event) =>
              Effect.zipRight(
                Effect.sync(() => events.push(event)),
                Deferred.succeed(subscribed, undefined)
              )
            ),
            Effect.flip,
            Effect.fork
          )
          yield* Deferred.await(subscribed)
          yield* redis.publish("news", "one")
          yield* redis.close
          expect(yield* Fiber.join(fiber)).toMatchObject(disabled)
          expect(events).toEqual([gap("news", "Connected"), message("news", "one")])
        })
      )
    )

    it.effect("is what a client is when its layer has gone", () =>
      Effect.gen(function* () {
        const redis = yield* Effect.provide(RedisClient, MemoryRedis.layer())
        expect(yield* Effect.flip(redis.get("key"))).toMatchObject(disabled)
      })
    )
  })

  it.effect(
    "says that it is connected, to memory, and tells of its end",
    withClient((redis) =>
      Effect.gen(function* () {
        expect(yield* redis.isAvailable).toBe(true)
        expect(yield* redis.getStatus).toMatchObject({
          connected: true,
          generation: 1,
          state: { _tag: "Connected", generation: 1 },
          server: Option.some({ name: "Memory", version: "0" })
        })
        const first = yield* Deferred.make<void>()
        const changes = yield* redis.statusChanges.pipe(
          Stream.tap(() => Deferred.succeed(first, undefined)),
          Stream.take(2),
          Stream.runCollect,
          Effect.fork
        )
        yield* Deferred.await(first)
        yield* redis.close
        expect(Array.from(yield* Fiber.join(changes), ({ _tag }) => _tag)).toEqual(["Connected", "Disabled"])
      })
    )
  )
})
