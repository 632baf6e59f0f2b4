/** A server whose clock is wrong for a while: it costs a lookup or two, and not the whole cache. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisReply } from "../../../src/redis/RedisConnection.js"
import { hits, inTime, processes, read } from "../../support/cache/CacheProcesses.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import * as Executors from "../../support/faults/Executors.js"
import * as FaultProxy from "../../support/faults/FaultProxy.js"
import { connect, eventually, test, title } from "../../support/faults/FaultSuite.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { settle } from "../../support/until.js"

const hour = Duration.toMillis("1 hour")

/** A client whose server answers a time, and whose estimate is, ahead by as much as the test sets. */
const wrongClock = (redis: RedisClient.Service) => {
  const state = { ahead: 0, estimate: 0, asked: 0 }
  const later = (reply: RedisReply): RedisReply =>
    Array.isArray(reply) ? [String(Number(reply[0]) + state.ahead / 1000), reply[1] ?? null] : reply
  const client = Executors.replacing(redis, (executor) => ({
    clockOffsetMillis: () => executor.clockOffsetMillis() + state.estimate,
    command: (command, args, options) => {
      const sent = executor.command(command, args, options)
      if (command !== "TIME") return sent
      return Effect.suspend(() => {
        state.asked++
        return Effect.map(sent, ({ generation, value }) => ({ generation, value: later(value) }))
      })
    }
  }))
  return { client, state }
}

/** A client whose server answers TIME with something that is no time, once the test says what. */
const withoutTime = (redis: RedisClient.Service) => {
  const state = { reply: undefined as RedisReply | undefined }
  const client = Executors.replacing(redis, (executor) => ({
    command: (command, args, options) => {
      const sent = executor.command(command, args, options)
      if (command !== "TIME") return sent
      return Effect.map(sent, ({ generation, value }) => ({
        generation,
        value: state.reply === undefined ? value : state.reply
      }))
    }
  }))
  return { client, state }
}

describe("a cache whose server answers TIME with what is no time", () => {
  const replies: ReadonlyArray<RedisReply> = [null, "OK", [], ["a", "b"], [null, null], ["NaN", "0"]]
  for (const reply of replies) {
    it.scoped(`still distrusts entries from before an outage, and trusts the next ones: ${JSON.stringify(reply)}`, () =>
      Effect.gen(function* () {
        const { database, cache, one } = yield* processes({ a: 1 })
        const { client, state } = withoutTime(one.connection.redis)
        const own = yield* Effect.provideService(cache(), RedisClient, client)
        yield* settle
        yield* own.get("a")
        state.reply = reply
        yield* Effect.zipRight(one.connection.cut, settle)
        database.rows.set("a", 2)
        yield* one.connection.reconnect
        yield* inTime("it is back", () => own.isAvailable)
        expect((yield* read(own))[1]).toBe(2)
        yield* hits(own)
      })
    )
  }
})

describe("a cache whose server answered a wrong time at one reconnection", () => {
  const reconnected = (ahead: number) =>
    Effect.gen(function* () {
      const world = yield* processes({ a: 1 })
      const { connection } = world.one
      const { client, state } = wrongClock(connection.redis)
      const own = yield* Effect.provideService(world.cache({ timeToLive: "3 hours" }), RedisClient, client)
      yield* settle
      yield* own.get("a")
      state.ahead = ahead
      state.estimate = ahead
      yield* Effect.zipRight(connection.cut, settle)
      yield* connection.reconnect
      yield* inTime("it is back", () => own.isAvailable)
      const setRight = Effect.sync(() => {
        state.ahead = 0
        state.estimate = 0
      })
      return { ...world, own, setRight, state }
    })

  it.scoped("caches again as soon as the clock is right", () =>
    Effect.gen(function* () {
      const { database, own, setRight, state } = yield* reconnected(hour)
      yield* setRight
      yield* hits(own)
      const lookups = database.lookups()
      for (let reads = 0; reads < 10; reads++) {
        expect((yield* read(own))[0]).toBe("Redis")
        yield* TestClock.adjust("1 second")
      }
      expect(database.lookups()).toBe(lookups)
      // once for the reconnection, once to find out that it was wrong
      expect(state.asked).toBe(2)
    })
  )

  it.scoped("still distrusts entries from before the outage when the mark was lowered", () =>
    Effect.gen(function* () {
      const { database, other, own, setRight } = yield* reconnected(hour)
      yield* setRight
      database.rows.set("a", 2)
      // stored before the outage, during which no process could invalidate it
      expect((yield* read(other.cache))[1]).toBe(1)
      yield* inTime("it reads from Redis again", () =>
        Effect.map(Effect.orDie(own.getResult("a")), ({ source, value }) => {
          expect(value).toBe(2)
          return source === "Redis"
        })
      )
    })
  )

  it.scoped("queries the time once a second at most where its estimate is wrong, and lowers nothing", () =>
    Effect.gen(function* () {
      const { own, state } = yield* reconnected(0)
      state.estimate = -hour
      const { asked } = state
      for (let seconds = 1; seconds <= 3; seconds++) {
        // it loads nothing, and so finds the old entry each time
        const found = yield* Effect.replicateEffect(Effect.zipLeft(own.getOption("a"), settle), 5)
        expect(found.map(({ _tag }) => _tag)).toEqual(found.map(() => "None"))
        expect(state.asked).toBe(asked + seconds)
        yield* Effect.zipRight(TestClock.adjust("1 second"), settle)
      }
    })
  )

  test(title("caches again on a server, as soon as the clock is right"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const proxy = yield* FaultProxy.make(server.port)
      const redis = yield* connect({ host: "127.0.0.1", port: proxy.port })
      const { client, state } = wrongClock(redis)
      const { cache, database } = CacheWorld.make({ a: 1 }, { timeToLive: "3 hours" })
      const own = yield* Effect.provideService(cache(), RedisClient, client)
      yield* own.get("a")
      state.ahead = hour
      state.estimate = hour
      const { generation } = yield* redis.getStatus
      yield* proxy.cut
      yield* eventually(
        "it is back on another connection",
        Effect.zipWith(redis.getStatus, own.isAvailable, (now, isOpen) => isOpen && now.generation > generation)
      )
      yield* own.get("a")
      state.ahead = 0
      state.estimate = 0
      const reads = Effect.map(read(own), ([source]) => source === "Redis")
      yield* eventually("it reads from Redis", reads)
      const lookups = database.lookups()
      expect(yield* Effect.replicateEffect(reads, 20)).not.toContain(false)
      expect(database.lookups()).toBe(lookups)
    })
  )
})
